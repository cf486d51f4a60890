/*
 * Connects by its first write (TCP_FASTOPEN): a write on a socket that is not connected, as it is meant to be.
 *
 * fast_open flag         sendto with MSG_FASTOPEN and an address, twice, the second time with a cookie of the server's
 * fast_open message      the same by sendmsg
 * fast_open option       TCP_FASTOPEN_CONNECT: connect returns at once, the first write connects
 * fast_open nonblocking  sendto with MSG_FASTOPEN on a non-blocking socket: EINPROGRESS, then it waits
 * fast_open refused      sendto with MSG_FASTOPEN where nobody listens: that is a failed connect, no write to a dead
 * peer fast_open closed       connects so, the peer closes, and it writes
 * fast_open unused       TCP_FASTOPEN_CONNECT, but no connect: the write is a mistake
 *
 * Where net.ipv4.tcp_fastopen does not let clients do so, it connects in the usual way, and sends the same.
 */
#include "tests/programs/support.h"
#include <fcntl.h>
#include <poll.h>

#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif

static struct sockaddr_storage address;
static socklen_t length = sizeof address;

/* 1: clients may, 2: servers may. */
static bool is_allowed(void)
{
	FILE *file = fopen("/proc/sys/net/ipv4/tcp_fastopen", "r");
	int value = 0;

	if (file) {
		CHECK(fscanf(file, "%d", &value) == 1);
		CHECK(fclose(file) == 0);
	}
	return value & 1;
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(fd >= 0);
	return fd;
}

SITE ssize_t connect_and_write(int fd, const char *how)
{
	struct iovec part = {"hello", 5};
	struct msghdr message = {.msg_name = &address, .msg_namelen = length, .msg_iov = &part, .msg_iovlen = 1};
	ssize_t result;
	int one = 1;

	if (same(how, "usual")) {
		CHECK(connect(fd, (struct sockaddr *)&address, length) == 0);
		result = write(fd, "hello", 5);
	} else if (same(how, "option")) {
		CHECK(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof one) == 0);
		CHECK(connect(fd, (struct sockaddr *)&address, length) == 0);
		result = write(fd, "hello", 5);
	} else if (same(how, "message")) {
		result = sendmsg(fd, &message, MSG_FASTOPEN | MSG_NOSIGNAL);
	} else {
		result = sendto(fd, "hello", 5, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&address, length);
	}
	CHECK(errno != EINTR);
	return result;
}

SITE ssize_t write_further(int fd, const char *text)
{
	ssize_t result = send(fd, text, strlen(text), MSG_NOSIGNAL);

	CHECK(errno != EINTR);
	return result;
}

static void expect(int fd, const char *text)
{
	char buffer[64];
	ssize_t wanted = (ssize_t)strlen(text);

	wait_for_input(fd, (int)wanted);
	CHECK(read(fd, buffer, sizeof buffer) == wanted && memcmp(buffer, text, (size_t)wanted) == 0);
}

static struct ends open_by_write(int listener, const char *how)
{
	struct ends ends = {.ours = new_socket(), .theirs = -1};
	ssize_t result;

	if (same(how, "nonblocking"))
		CHECK(fcntl(ends.ours, F_SETFL, O_NONBLOCK) == 0);
	result = connect_and_write(ends.ours, how);
	if (result == -1) { /* it has no cookie of the server's yet: only the connect has begun */
		struct pollfd polled = {.fd = ends.ours, .events = POLLOUT};

		CHECK(same(how, "nonblocking") && errno == EINPROGRESS);
		CHECK(poll(&polled, 1, WAIT_BOUND_MS) == 1 && polled.revents == POLLOUT);
		CHECK(write_further(ends.ours, "hello") == 5);
	}
	ends.theirs = accept(listener, NULL, NULL);
	CHECK(ends.theirs >= 0);
	expect(ends.theirs, "hello");
	CHECK(write_further(ends.ours, "more") == 4);
	expect(ends.theirs, "more");
	return ends;
}

static int misuse(const char *how, int listener)
{
	int fd = new_socket();
	int one = 1;

	if (same(how, "refused")) {
		CHECK(close(listener) == 0);
		CHECK(connect_and_write(fd, is_allowed() ? "flag" : "usual") == -1 && errno == ECONNREFUSED);
	} else {
		CHECK(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof one) == 0);
		CHECK(write_further(fd, "hello") == -1 && errno == EPIPE);
	}
	CHECK(close(fd) == 0);
	return 0;
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	int listener = listener_open("tcp4", 5);
	const char *way = !is_allowed() ? "usual" : same(how, "closed") ? "flag" : how;
	int queue = 5;

	CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	CHECK(setsockopt(listener, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof queue) == 0);
	if (same(how, "unused") || (same(how, "refused") && is_allowed()))
		return misuse(how, listener);
	for (int i = 0; i < 3; i++) {
		struct ends ends = open_by_write(listener, way);

		if (i == 2 && same(how, "closed")) {
			peer_closes(ends, "tcp4");
			CHECK(write_further(ends.ours, "too late") == 8);
		} else {
			CHECK(close(ends.theirs) == 0);
		}
		CHECK(close(ends.ours) == 0);
	}
	CHECK(close(listener) == 0);
	return 0;
}
