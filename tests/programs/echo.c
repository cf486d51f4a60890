/*
 * An honest server and an honest client: twenty requests, each answered in full; then the client, that knows it is
 * done, closes, and the server reads the end and closes too. Each socket's figures must be right, and the report
 * silent.
 *
 * echo FAMILY
 */
#include "tests/programs/support.h"
#include <poll.h>

enum { REQUESTS = 20, LENGTH = 100 };

static void serve(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN | POLLRDHUP};
	char buffer[LENGTH];

	for (;;) {
		CHECK(poll(&poller, 1, WAIT_BOUND_MS) == 1);
		ssize_t count = recv(fd, buffer, sizeof buffer, MSG_WAITALL);

		if (count == 0)
			break;
		CHECK(count == LENGTH);
		CHECK(send(fd, buffer, sizeof buffer, 0) == LENGTH);
	}
	CHECK(close(fd) == 0);
}

static void ask(int fd)
{
	char question[LENGTH], answer[LENGTH];

	for (int i = 0; i < REQUESTS; i++) {
		memset(question, 'a' + i, sizeof question);
		CHECK(write(fd, question, sizeof question) == LENGTH);
		CHECK(recv(fd, answer, sizeof answer, MSG_WAITALL) == LENGTH);
		CHECK(memcmp(question, answer, sizeof answer) == 0);
	}
	CHECK(close(fd) == 0);
}

int main(int argc, char **argv)
{
	struct ends ends = ends_open(argument(argc, argv, 1));
	pid_t client = fork();

	if (client == 0) {
		CHECK(close(ends.theirs) == 0);
		ask(ends.ours);
		exit(0);
	}
	CHECK(close(ends.ours) == 0);
	serve(ends.theirs);
	child_succeeds(client);
	return 0;
}
