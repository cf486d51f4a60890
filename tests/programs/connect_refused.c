/*
 * The connect is refused; the program writes all the same.
 *
 * connect_refused FAMILY blocking       connect itself said so
 * connect_refused FAMILY untold         a non-blocking connect was under way, and the program does not ask
 * connect_refused FAMILY so_error       the same, and it asked
 * connect_refused FAMILY by_connect     the same, and it called connect once more
 * connect_refused FAMILY by_write       the same, and a first write said so
 * connect_refused FAMILY anew           it asked, connected the same socket to where somebody listens, and that peer
 * closed connect_refused FAMILY ok             closes the socket, and connects another to where somebody listens
 */
#include "tests/programs/support.h"

SITE void write_though_refused(int fd, int error)
{
	CHECK_FAILS(send(fd, "anyway", 6, MSG_NOSIGNAL), error);
}

static int refused_socket(int domain, bool blocking, int deaf)
{
	int fd = socket(domain, SOCK_STREAM | (blocking ? 0 : SOCK_NONBLOCK), 0);

	CHECK_FAILS(connect_to(fd, deaf), blocking ? ECONNREFUSED : EINPROGRESS);
	if (!blocking)
		wait_for_tcp_state(fd, TCP_CLOSE);
	return fd;
}

SITE void learn_by_so_error(int fd)
{
	int error = 0;
	socklen_t length = sizeof error;

	CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == ECONNREFUSED);
}

SITE void learn_by_connect(int fd, int deaf)
{
	CHECK_FAILS(connect_to(fd, deaf), ECONNREFUSED);
}

SITE void learn_by_write(int fd)
{
	CHECK_FAILS(send(fd, "try", 3, MSG_NOSIGNAL), ECONNREFUSED);
}

/* What it was told of the first connect says nothing of the connection that the next one makes. */
SITE void write_to_another_peer(int fd, int deaf)
{
	struct ends ends = {.ours = fd};

	CHECK_FAILS(connect_to(fd, deaf), ECONNABORTED); /* the last word on the first connect */
	CHECK(listen(deaf, 1) == 0);
	CHECK_FAILS(connect_to(fd, deaf), EINPROGRESS);
	ends.theirs = accept(deaf, NULL, NULL);
	CHECK(ends.theirs >= 0);
	wait_for_tcp_state(fd, TCP_ESTABLISHED);
	peer_closes(ends, "tcp4");
	CHECK(send(fd, "hello", 5, MSG_NOSIGNAL) == 5);
}

SITE void connect_anew(int domain, int deaf)
{
	int fd = socket(domain, SOCK_STREAM, 0);

	CHECK(listen(deaf, 1) == 0);
	CHECK(connect_to(fd, deaf) == 0);
	CHECK(write(fd, "hello", 5) == 5);
	CHECK(close(fd) == 0);
}

int main(int argc, char **argv)
{
	const char *family = argument(argc, argv, 1);
	const char *how = argument(argc, argv, 2);
	int domain = socket_domain(family);
	struct sockaddr_storage address;
	/* Bound but not listening: nobody else gets the port, and connects to it are refused. */
	int deaf = socket(domain, SOCK_STREAM, 0);

	CHECK(bind(deaf, (struct sockaddr *)&address, any_address(domain, &address)) == 0);
	int fd = refused_socket(domain, same(how, "blocking") || same(how, "ok"), deaf);

	if (same(how, "so_error") || same(how, "anew"))
		learn_by_so_error(fd);
	if (same(how, "by_connect"))
		learn_by_connect(fd, deaf);
	if (same(how, "by_write"))
		learn_by_write(fd);
	if (same(how, "anew"))
		write_to_another_peer(fd, deaf);
	else if (!same(how, "ok"))
		write_though_refused(fd, !is_tcp(family) ? ENOTCONN : same(how, "untold") ? ECONNREFUSED : EPIPE);
	CHECK(close(fd) == 0);
	if (same(how, "ok"))
		connect_anew(domain, deaf);
	CHECK(close(deaf) == 0);
	return 0;
}
