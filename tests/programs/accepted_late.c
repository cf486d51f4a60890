/*
 * A server that accepts a connection which its client has given up already, and greets it.
 *
 * accepted_late closed    the client had closed: the greeting is lost
 * accepted_late reset     the client had reset: the greeting is refused
 * accepted_late ok        the client waits for it
 */
#include "tests/programs/support.h"

SITE void greet(int fd, bool reset)
{
	ssize_t result = write(fd, "welcome\r\n", 9);

	CHECK(reset ? result == -1 && errno == ECONNRESET : result == 9);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	int listener = listener_open("tcp4", 4);
	int client = socket(AF_INET, SOCK_STREAM, 0);
	char buffer[9];

	CHECK(connect_to(client, listener) == 0);
	if (same(how, "reset"))
		CHECK(setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
	if (!same(how, "ok"))
		CHECK(close(client) == 0);
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	CHECK(fd >= 0);
	if (!same(how, "ok"))
		wait_for_tcp_state(fd, same(how, "reset") ? TCP_CLOSE : TCP_CLOSE_WAIT);
	greet(fd, same(how, "reset"));
	if (same(how, "ok"))
		CHECK(recv(client, buffer, sizeof buffer, MSG_WAITALL) == 9);
	CHECK(close(fd) == 0 && close(listener) == 0);
	return 0;
}
