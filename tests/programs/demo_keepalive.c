/*
 * demo_keepalive.c: a client that keeps its idle connection alive, and goes on after the server has hung up.
 *
 * What it does wrong: collect_answers() takes the 0 that recv returns at the end of a connection for "nothing more at
 * the moment". So the client is told that the server has closed, and sends its next keep-alive all the same. That send
 * returns success, and the bytes are lost; the one after it fails, which nobody looks at. The program ends with status
 * 0 and says that all is well. `make demo` shows what the audit says of it.
 *
 * The server is a child of the same program. It closes a connection after a few keep-alives without a request, as
 * servers do.
 */
#include "tests/programs/support.h"

enum { KEEP_ALIVES = 10, SERVER_PATIENCE = 2, PERIOD_MS = 20 };

struct session {
	int fd;
	unsigned keep_alives;
	unsigned answers;
};

static void server_answer_one(int client)
{
	char line[64];
	ssize_t length = read(client, line, sizeof line);

	CHECK(length > 0);
	CHECK(write(client, "alive\n", 6) == 6);
}

/* Serves one client, and hangs up on it. */
static void server_run(int listener)
{
	int client = accept(listener, NULL, NULL);

	CHECK(client >= 0);
	for (int i = 0; i < SERVER_PATIENCE; i++)
		server_answer_one(client);
	close(client);
}

static void session_open(struct session *session, int listener)
{
	*session = (struct session){.fd = socket(AF_INET, SOCK_STREAM, 0)};
	CHECK(session->fd >= 0);
	CHECK(connect_to(session->fd, listener) == 0);
}

/* Takes what has come in. The mistake is here: 0 is not "nothing yet", it is the end. */
static void collect_answers(struct session *session)
{
	char answers[64];

	while (recv(session->fd, answers, sizeof answers, MSG_DONTWAIT) > 0)
		session->answers++;
}

static void send_line(struct session *session, const char *line)
{
	send(session->fd, line, strlen(line), MSG_NOSIGNAL);
}

static void session_keep_alive(struct session *session)
{
	collect_answers(session);
	send_line(session, "keep-alive\n");
	session->keep_alives++;
}

static void client_idle(struct session *session)
{
	for (int i = 0; i < KEEP_ALIVES; i++) {
		session_keep_alive(session);
		nanosleep(&(struct timespec){.tv_nsec = PERIOD_MS * 1000000L}, NULL);
	}
}

int main(void)
{
	struct session session;
	int listener = listener_open("tcp4", 1);
	pid_t server = fork();

	CHECK(server >= 0);
	if (server == 0) {
		server_run(listener);
		_exit(0);
	}
	session_open(&session, listener);
	close(listener);
	client_idle(&session);
	close(session.fd);
	child_succeeds(server);
	printf("sent %u keep-alives, the connection is fine\n", session.keep_alives);
	return 0;
}
