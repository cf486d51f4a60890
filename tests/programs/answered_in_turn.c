/*
 * A server is told of input on four connections in one wait, and answers one after the other. Two of the peers, in
 * another process, close when the first answer is out: whatever was found of them by then, the answers that they get no
 * more are late.
 *
 * answered_in_turn WAIT bad     the two close before their answers
 * answered_in_turn WAIT ok      after it
 *     WAIT: poll, epoll, or rdhup, an epoll that is asked for EPOLLRDHUP
 */
#include "tests/programs/support.h"
#include <poll.h>
#include <sys/epoll.h>

enum { CONNECTIONS = 4 };

static int connections[CONNECTIONS];

/* Returns once all of them have input, from one call that says so. */
static void wait_with_poll(void)
{
	struct pollfd polls[CONNECTIONS];

	for (int i = 0; i < CONNECTIONS; i++)
		polls[i] = (struct pollfd){.fd = connections[i], .events = POLLIN};
	for (int i = 0; i < WAIT_BOUND_MS; i++) {
		if (poll(polls, CONNECTIONS, 1000) == CONNECTIONS)
			return;
		pause_1ms();
	}
	CHECK(!"told of all in time");
}

static void wait_with_epoll(uint32_t events)
{
	struct epoll_event told[CONNECTIONS];
	int set = epoll_create1(EPOLL_CLOEXEC);

	CHECK(set >= 0);
	for (int i = 0; i < CONNECTIONS; i++) {
		struct epoll_event event = {.events = events, .data.fd = connections[i]};

		CHECK(epoll_ctl(set, EPOLL_CTL_ADD, connections[i], &event) == 0);
	}
	for (int i = 0; i < WAIT_BOUND_MS; i++) {
		if (epoll_wait(set, told, CONNECTIONS, 1000) == CONNECTIONS) {
			CHECK(close(set) == 0);
			return;
		}
		pause_1ms();
	}
	CHECK(!"told of all in time");
}

SITE void answer(int fd)
{
	CHECK(send(fd, "answer", 6, MSG_NOSIGNAL) == 6);
}

SITE void answer_late(int fd)
{
	CHECK(send(fd, "late", 4, MSG_NOSIGNAL) == 4);
}

/* The peers: each asks, the first gets its answer, two may close then. */
static void be_peers(int listener, bool bad)
{
	int fds[CONNECTIONS];
	char bytes[8];

	for (int i = 0; i < CONNECTIONS; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(fds[i] >= 0 && connect_to(fds[i], listener) == 0);
		CHECK(send(fds[i], "?", 1, 0) == 1);
	}
	CHECK(recv(fds[0], bytes, sizeof bytes, 0) == 6);
	if (bad)
		CHECK(close(fds[1]) == 0 && close(fds[2]) == 0);
	else
		CHECK(recv(fds[1], bytes, sizeof bytes, 0) > 0 && recv(fds[2], bytes, sizeof bytes, 0) > 0);
	CHECK(recv(fds[3], bytes, sizeof bytes, 0) == 6);
	_exit(0);
}

int main(int argc, char **argv)
{
	const char *wait = argument(argc, argv, 1);
	bool bad = same(argument(argc, argv, 2), "bad");
	int listener = listener_open("tcp4", CONNECTIONS);
	pid_t peers = fork();
	char byte;

	CHECK(peers >= 0);
	if (peers == 0)
		be_peers(listener, bad);
	for (int i = 0; i < CONNECTIONS; i++) {
		connections[i] = accept(listener, NULL, NULL);
		CHECK(connections[i] >= 0);
		wait_for_input(connections[i], 1);
	}
	if (same(wait, "poll"))
		wait_with_poll();
	else
		wait_with_epoll(same(wait, "rdhup") ? EPOLLIN | EPOLLRDHUP : EPOLLIN);
	for (int i = 0; i < CONNECTIONS; i++)
		CHECK(recv(connections[i], &byte, 1, 0) == 1);
	answer(connections[0]);
	for (int i = 1; i <= 2; i++) {
		if (bad)
			wait_for_tcp_state(connections[i], TCP_CLOSE_WAIT);
		else
			pause_1ms();
		answer_late(connections[i]);
	}
	answer(connections[3]);
	child_succeeds(peers);
	return 0;
}
