/*
 * A server that mixes up two users. One thread prepares Alice's answer; another finds that she has been idle for too
 * long and closes her connection; Bob connects, and his connection is given the number that was hers. The first thread,
 * which still holds that number, sends her answer: to Bob. No call fails.
 *
 * wrong_peer bad    exits with 0 where Bob has received what was Alice's, with 3 where the write failed and he has not
 * wrong_peer ok     the thread looks, under a lock, whether the connection is still hers
 */
#include "tests/programs/support.h"
#include <pthread.h>
#include <semaphore.h>

static const char answer[] = "Alice's account: 1000";

static int listener;
static struct session {
	pthread_mutex_t lock;
	int fd; /* -1: closed */
	int held; /* the number that the writing thread took down when it began */
	sem_t closed;
	sem_t succeeded; /* the next one has connected */
	bool careful;
	bool refused;
} alice = {.lock = PTHREAD_MUTEX_INITIALIZER};

SITE int accept_next(void)
{
	int fd = accept(listener, NULL, NULL);

	CHECK(fd >= 0);
	return fd;
}

SITE void reap_idle_session(struct session *session)
{
	pthread_mutex_lock(&session->lock);
	CHECK(close(session->fd) == 0);
	session->fd = -1;
	pthread_mutex_unlock(&session->lock);
}

SITE void answer_late(struct session *session, int fd)
{
	ssize_t sent = write(fd, answer, sizeof answer);

	CHECK(sent == sizeof answer || (sent == -1 && errno == EBADF));
	session->refused = sent == -1;
}

static void *prepare_answer(void *context)
{
	struct session *session = context;

	CHECK(sem_wait(&session->succeeded) == 0);
	pthread_mutex_lock(&session->lock);
	if (!session->careful || session->fd == session->held)
		answer_late(session, session->held);
	pthread_mutex_unlock(&session->lock);
	return NULL;
}

static void *watch_for_idleness(void *context)
{
	struct session *session = context;

	reap_idle_session(session);
	CHECK(sem_post(&session->closed) == 0);
	return NULL;
}

static int connect_user(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(fd >= 0 && connect_to(fd, listener) == 0);
	return fd;
}

/* What this user receives until the server closes. */
static size_t receive_all(int fd, char *text, size_t size)
{
	size_t length = 0;
	ssize_t count;

	while ((count = read(fd, text + length, size - length)) > 0)
		length += (size_t)count;
	CHECK(count == 0);
	CHECK(close(fd) == 0);
	return length;
}

int main(int argc, char **argv)
{
	pthread_t writer, reaper;
	char received[64] = "";

	listener = listener_open("tcp4", 2);
	alice.careful = same(argument(argc, argv, 1), "ok");
	CHECK(sem_init(&alice.closed, 0, 0) == 0 && sem_init(&alice.succeeded, 0, 0) == 0);
	int alice_herself = connect_user();

	alice.fd = alice.held = accept_next();
	int bob_himself = connect_user();

	CHECK(pthread_create(&writer, NULL, prepare_answer, &alice) == 0);
	CHECK(pthread_create(&reaper, NULL, watch_for_idleness, &alice) == 0);
	CHECK(sem_wait(&alice.closed) == 0);
	int bob = accept_next();

	CHECK(sem_post(&alice.succeeded) == 0);
	CHECK(pthread_join(writer, NULL) == 0 && pthread_join(reaper, NULL) == 0);
	CHECK(write(bob, "Hello, Bob", 10) == 10);
	CHECK(close(bob) == 0);

	size_t length = receive_all(bob_himself, received, sizeof received);

	if (alice.careful || alice.refused)
		CHECK(length == 10 && memcmp(received, "Hello, Bob", 10) == 0);
	else
		CHECK(length == sizeof answer + 10 && memcmp(received, answer, sizeof answer) == 0);
	CHECK(receive_all(alice_herself, received, sizeof received) == 0);
	CHECK(close(listener) == 0);
	return alice.refused ? 3 : 0;
}
