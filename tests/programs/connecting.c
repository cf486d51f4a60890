/*
 * A non-blocking connect.
 *
 * connecting early    writes while the connect is under way, and is told EAGAIN: harmless, it will try again
 * connecting full     the queue of an AF_UNIX listener is full: connect gives up, and the program writes all the same
 * connecting ok       waits until the socket is writable and asks for its error, as it should
 */
#include "tests/programs/support.h"
#include <poll.h>

enum { TRIES = 16 };

static int nonblocking_socket(const char *family)
{
	int fd = socket(socket_domain(family), SOCK_STREAM | SOCK_NONBLOCK, 0);

	CHECK(fd >= 0);
	return fd;
}

/* Fills the queue of a listener until a connect stays under way: its SYN was dropped, to be sent again in a second. */
static int socket_left_connecting(int listener)
{
	for (int i = 0; i < TRIES; i++) {
		int fd = nonblocking_socket("tcp4");

		CHECK_FAILS(connect_to(fd, listener), EINPROGRESS);
		for (int waited = 0; waited < 20; waited++) {
			if (tcp_information(fd).tcpi_state != TCP_SYN_SENT)
				break;
			pause_1ms();
		}
		if (tcp_information(fd).tcpi_state == TCP_SYN_SENT)
			return fd;
	}
	CHECK(!"left a socket connecting");
	return -1;
}

SITE void write_while_connecting(int fd)
{
	CHECK_FAILS(send(fd, "early", 5, MSG_NOSIGNAL), EAGAIN);
}

SITE void write_after_failed_connect(int fd)
{
	CHECK_FAILS(send(fd, "anyway", 6, MSG_NOSIGNAL), ENOTCONN);
}

static void fill_unix_queue(void)
{
	int listener = listener_open("unix", 0);

	for (int i = 0; i < TRIES; i++) {
		int fd = nonblocking_socket("unix");

		if (connect_to(fd, listener) == 0)
			continue;
		CHECK(errno == EAGAIN);
		write_after_failed_connect(fd);
		return;
	}
	CHECK(!"filled the queue");
}

static void connect_in_order(void)
{
	int listener = listener_open("tcp4", 1);
	int fd = nonblocking_socket("tcp4");
	struct pollfd poller = {.fd = fd, .events = POLLOUT};
	int error = -1;
	socklen_t length = sizeof error;

	CHECK_FAILS(connect_to(fd, listener), EINPROGRESS);
	CHECK(poll(&poller, 1, WAIT_BOUND_MS) == 1 && poller.revents == POLLOUT);
	CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0);
	CHECK(write(fd, "hello", 5) == 5);
	CHECK(close(fd) == 0 && close(listener) == 0);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);

	if (same(how, "early"))
		write_while_connecting(socket_left_connecting(listener_open("tcp4", 0)));
	else if (same(how, "full"))
		fill_unix_queue();
	else
		connect_in_order();
	return 0;
}
