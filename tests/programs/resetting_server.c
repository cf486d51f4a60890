/*
 * A server for a real client: accepts one connection on a loopback port and reads from it until WORD has come; once its
 * standard input has a line or ends, resets the connection. No misuse of its own. Says how far it is, a line each: the
 * port, "received", "reset".
 *
 * resetting_server WORD
 */
#include "tests/programs/support.h"

static void say(const char *line)
{
	CHECK(puts(line) >= 0);
	CHECK(fflush(stdout) == 0);
}

static void read_until(int fd, const char *word)
{
	static char received[65536];
	size_t length = 0;

	while (strstr(received, word) == NULL) {
		ssize_t count = read(fd, received + length, sizeof received - 1 - length);

		CHECK(count > 0);
		length += (size_t)count;
	}
}

int main(int argc, char **argv)
{
	int listener = listener_open("tcp4", 4);
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	struct sockaddr_in address = {0};
	socklen_t length = sizeof address;
	char line[16];

	CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	snprintf(line, sizeof line, "%d", ntohs(address.sin_port));
	say(line);
	int fd = accept(listener, NULL, NULL);

	CHECK(fd >= 0);
	read_until(fd, argument(argc, argv, 1));
	say("received");
	CHECK(read(STDIN_FILENO, line, sizeof line) >= 0);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
	CHECK(close(fd) == 0);
	say("reset");
	return 0;
}
