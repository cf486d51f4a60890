/*
 * Sends datagrams on a connected UDP socket to a port that nobody has: the first send returns success, and the
 * ICMP error makes a later one fail with ECONNREFUSED.
 *
 * udp_refused FAMILY bad
 * udp_refused FAMILY ok             somebody is there
 * udp_refused FAMILY unconnected    sendto on an unconnected socket, which the kernel never tells of ICMP errors
 */
#include "tests/programs/support.h"

SITE ssize_t send_datagram(int fd, const struct sockaddr *to, socklen_t length)
{
	ssize_t result = sendto(fd, "ping", 4, 0, to, length);

	CHECK(result == 4 || errno == ECONNREFUSED);
	return result;
}

int main(int argc, char **argv)
{
	int domain = socket_domain(argument(argc, argv, 1));
	const char *how = argument(argc, argv, 2);
	struct sockaddr_storage address;
	struct sockaddr *to = (struct sockaddr *)&address;
	socklen_t length = any_address(domain, &address);
	int receiver = socket(domain, SOCK_DGRAM, 0);
	int fd = socket(domain, SOCK_DGRAM, 0);
	int sends = 0;
	char buffer[4];

	CHECK(bind(receiver, to, length) == 0);
	CHECK(getsockname(receiver, to, &length) == 0);
	/* A receiver that is connected to itself holds the port, and takes nothing from others. */
	if (!same(how, "ok"))
		CHECK(connect(receiver, to, length) == 0);
	if (same(how, "unconnected")) {
		for (; sends < 3; sends++)
			CHECK(send_datagram(fd, to, length) == 4);
	} else {
		CHECK(connect(fd, to, length) == 0);
		CHECK(send_datagram(fd, NULL, 0) == 4);
	}
	if (same(how, "ok")) {
		CHECK(recv(receiver, buffer, sizeof buffer, 0) == 4);
		CHECK(send_datagram(fd, NULL, 0) == 4);
	} else if (same(how, "bad")) {
		while (send_datagram(fd, NULL, 0) == 4) {
			CHECK(++sends < WAIT_BOUND_MS);
			pause_1ms();
		}
	}
	CHECK(close(fd) == 0 && close(receiver) == 0);
	return 0;
}
