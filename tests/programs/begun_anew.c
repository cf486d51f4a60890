/*
 * Takes a connection apart by connect with AF_UNSPEC, or a listener by shutdown, and uses the socket again.
 *
 * begun_anew ok       all bytes were acknowledged before; then it connects again, writes, and closes
 * begun_anew lost     bytes that the peer never took are thrown away
 * begun_anew early    writes on the dissolved socket, before it connects again
 * begun_anew gone     the second connection is written to after its peer has closed and it was told: only that one is
 * accused begun_anew udp      a datagram socket is dissolved, and connected to another peer
 * begun_anew listen   a listener is shut down, listens again, is shut down, and connects: it writes as any other does
 */
#include "tests/programs/support.h"

static void dissolve(int fd)
{
	struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	CHECK(connect(fd, &nobody, sizeof nobody) == 0);
}

SITE void write_ten(int fd)
{
	CHECK(send(fd, "0123456789", 10, MSG_NOSIGNAL) == 10);
}

SITE void write_refused(int fd)
{
	CHECK_FAILS(send(fd, "0123456789", 10, MSG_NOSIGNAL), ECONNRESET); /* as tcp_disconnect leaves it */
}

SITE void throw_away(int fd)
{
	dissolve(fd);
	CHECK(fd >= 0);
}

static void exchange(struct ends ends)
{
	char bytes[10];

	write_ten(ends.ours);
	CHECK(recv(ends.theirs, bytes, sizeof bytes, MSG_WAITALL) == sizeof bytes);
	wait_for_acknowledgement(ends.ours);
}

static void write_what_fits(int fd)
{
	static char block[1 << 16];
	ssize_t result;

	do
		result = send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (result > 0);
	CHECK(errno == EAGAIN);
}

/* Connects a socket again that has been connected. */
static struct ends again(int fd)
{
	int listener = listener_open("tcp4", 1);
	struct ends ends = {.ours = fd};

	CHECK(connect_to(fd, listener) == 0);
	ends.theirs = accept(listener, NULL, NULL);
	CHECK(ends.theirs >= 0 && close(listener) == 0);
	return ends;
}

static void datagrams(void)
{
	struct sockaddr_storage address[2];
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char byte;

	for (int i = 0; i < 2; i++) {
		int peer = socket(AF_INET, SOCK_DGRAM, 0);
		socklen_t length = any_address(AF_INET, &address[i]);

		CHECK(bind(peer, (struct sockaddr *)&address[i], length) == 0);
		CHECK(connect_to(fd, peer) == 0);
		write_ten(fd);
		CHECK(recv(peer, &byte, 1, MSG_TRUNC) == 10);
		dissolve(fd);
		CHECK(close(peer) == 0);
	}
	CHECK(close(fd) == 0);
}

static void listen_again(void)
{
	int fd = listener_open("tcp4", 1);
	struct ends ends;

	CHECK(shutdown(fd, SHUT_RDWR) == 0);
	CHECK(listen(fd, 1) == 0);
	int client = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect_to(client, fd) == 0);
	ends = (struct ends){.ours = accept(fd, NULL, NULL), .theirs = client};
	CHECK(ends.ours >= 0);
	exchange(ends);
	CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
	CHECK(shutdown(fd, SHUT_RDWR) == 0);
	ends = again(fd);
	exchange(ends);
	CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
}

int main(int argc, char **argv)
{
	const char *what = argument(argc, argv, 1);
	struct ends ends;
	char byte;

	if (same(what, "udp") || same(what, "listen")) {
		same(what, "udp") ? datagrams() : listen_again();
		return 0;
	}
	ends = ends_open("tcp4");
	if (same(what, "lost")) {
		write_what_fits(ends.ours);
		throw_away(ends.ours);
		CHECK(close(ends.ours) == 0);
		return 0;
	}
	exchange(ends);
	dissolve(ends.ours);
	CHECK(close(ends.theirs) == 0);
	if (same(what, "early"))
		write_refused(ends.ours);
	ends = again(ends.ours);
	exchange(ends);
	if (same(what, "gone")) {
		peer_closes(ends, "tcp4");
		CHECK(recv(ends.ours, &byte, 1, 0) == 0);
		write_ten(ends.ours);
		CHECK(close(ends.ours) == 0);
		return 0;
	}
	CHECK(close(ends.ours) == 0);
	CHECK(recv(ends.theirs, &byte, 1, 0) == 0);
	return 0;
}
