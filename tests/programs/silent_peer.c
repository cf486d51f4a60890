/*
 * The two ends of the connections of tests/e2e/silent_peer.sh, which takes the link between them down and up.
 *
 * silent_peer server ADDRESS sink|idle    accepts one connection and reads all that comes, or nothing. Prints the port
 * first silent_peer client ADDRESS PORT         connects, and does what is said on standard input, a line each. It
 * answers each
 *                                         with a line: "ok", or the name of the error
 *
 *   timeout MS    sets TCP_USER_TIMEOUT
 *   write N       writes N times 64 bytes, every 100 ms
 *   fill N        writes what the send buffer takes, then tries N times more, every 100 ms
 *   overdue       waits until a segment has been sent again and nothing was acknowledged
 *   acked         waits until all is acknowledged
 *   read          reads once
 *   close         closes
 *
 * At the end of the input it exits, without a close of its own.
 */
#include "tests/programs/support.h"
#include <poll.h>

enum { LENGTH = 64, INTERVAL_MS = 100, BOUND_MS = 10000 };

static void pause_ms(int milliseconds)
{
	poll(NULL, 0, milliseconds);
}

static struct sockaddr_in address_of(const char *text, const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

	CHECK(inet_pton(AF_INET, text, &address.sin_addr) == 1);
	return address;
}

/* ---- the server ---- */

static int serve(const char *text, const char *way)
{
	struct sockaddr_in address = address_of(text, "0");
	socklen_t length = sizeof address;
	char buffer[4096];
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(listener >= 0 && bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 1) == 0);
	CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	int fd = accept(listener, NULL, NULL);

	CHECK(fd >= 0);
	if (same(way, "idle"))
		for (;;)
			pause();
	while (read(fd, buffer, sizeof buffer) > 0)
		continue;
	return 0;
}

/* ---- the client ---- */

static const char *result_of(ssize_t result)
{
	return result >= 0 ? "ok" : strerrorname_np(errno);
}

SITE ssize_t write_regularly(int fd, int count)
{
	static const char bytes[LENGTH];
	ssize_t result = 0;

	for (int i = 0; i < count && result >= 0; i++) {
		result = send(fd, bytes, sizeof bytes, MSG_NOSIGNAL);
		if (result >= 0)
			pause_ms(INTERVAL_MS);
	}
	return result;
}

SITE ssize_t write_until_full(int fd, int count)
{
	static const char bytes[1 << 16];
	ssize_t result;

	do
		result = send(fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (result > 0);
	for (int i = 0; i < count && (result >= 0 || errno == EAGAIN); i++) {
		pause_ms(INTERVAL_MS);
		result = send(fd, bytes, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	return result >= 0 || errno == EAGAIN ? 0 : -1;
}

static ssize_t wait_until(int fd, bool (*reached)(int fd))
{
	for (int i = 0; i < BOUND_MS / 10; i++) {
		if (reached(fd))
			return 0;
		pause_ms(10);
	}
	errno = ETIME;
	return -1;
}

static bool is_overdue(int fd)
{
	struct tcp_info info = tcp_information(fd);

	return info.tcpi_retransmits > 0 && info.tcpi_unacked > 0;
}

static bool is_acknowledged(int fd)
{
	int unsent = -1;

	CHECK(ioctl(fd, SIOCOUTQ, &unsent) == 0);
	return unsent == 0;
}

static ssize_t set_timeout(int fd, int milliseconds)
{
	unsigned value = (unsigned)milliseconds;

	return setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, sizeof value);
}

static ssize_t obey(int fd, const char *command, int number)
{
	char byte;

	if (same(command, "timeout"))
		return set_timeout(fd, number);
	if (same(command, "write"))
		return write_regularly(fd, number);
	if (same(command, "fill"))
		return write_until_full(fd, number);
	if (same(command, "overdue"))
		return wait_until(fd, is_overdue);
	if (same(command, "acked"))
		return wait_until(fd, is_acknowledged);
	if (same(command, "read"))
		return read(fd, &byte, 1);
	CHECK(same(command, "close"));
	return close(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address;
	char line[64];
	int fd;

	if (same(argument(argc, argv, 1), "server"))
		return serve(argument(argc, argv, 2), argument(argc, argv, 3));
	address = address_of(argument(argc, argv, 2), argument(argc, argv, 3));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	while (fgets(line, sizeof line, stdin)) {
		char command[16];
		int number = 0;

		CHECK(sscanf(line, "%15s %d", command, &number) >= 1);
		printf("%s\n", result_of(obey(fd, command, number)));
		fflush(stdout);
	}
	return 0;
}
