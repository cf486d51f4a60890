/* connect.c: a connect, and calls of another thread's that are made before the connect's own result is noted. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "shim/audit/audit_open.h"
#include "shim/audit/audit_read.h"
#include "shim/audit/audit_write.h"
#include "tests/unit/shim/fixture.h"

static const struct hook named_send = {"send", 0}, named_recv = {"recv", 0};
static struct sockaddr_in address;
static int listener;

static void set_up(void)
{
	socklen_t length = sizeof(address);

	fixture_begin(1 << 20);
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 5) == 0 &&
		  getsockname(listener, (struct sockaddr *)&address, &length) == 0);
}

TestSuite(connect, .init = set_up, .fini = fixture_end);

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	audit_made_socket(fd, AF_INET, SOCK_STREAM, 0);
	return fd;
}

static ssize_t write_to(int fd)
{
	struct audit_write write;

	cr_assert(audit_write_begin(&write, &named_send, fd, payload_buffer("abc", 3), MSG_NOSIGNAL));
	return audit_write_end(&write, send(fd, "abc", 3, MSG_NOSIGNAL));
}

/* A byte from the other end proves that the connection stands. */
static void read_one(int fd)
{
	struct audit_read read;
	char byte;
	int server = accept(listener, NULL, NULL);

	cr_assert(server >= 0 && send(server, "x", 1, 0) == 1);
	cr_assert(audit_read_begin(&read, &named_recv, fd, false, 0));
	cr_expect(audit_read_end(&read, recv(fd, &byte, 1, 0)) == 1);
}

static void connect_and_use(int fd, const struct sockaddr_in *to)
{
	struct audit_connect around;
	int result;

	cr_assert(audit_connect_begin(&around, fd, to, sizeof(*to)));
	result = connect(fd, (const struct sockaddr *)to, sizeof(*to));
	if (result == 0)
		read_one(fd);
	write_to(fd);
	audit_connect_end(&around, to, sizeof(*to), result);
}

Test(connect, bytes_of_another_thread_are_the_connections)
{
	int fd = new_socket();
	const struct socket *socket = fixture_socket(fd);
	const struct trace_socket *record = socket->record;

	connect_and_use(fd, &address);
	cr_expect(socket->record == record, "the connection is one");
	cr_expect(write_to(fd) == 3);
	cr_expect(record->bytes_sent == 6 && record->bytes_received == 1 && record->writes == 2 &&
		  record->origin == TRACE_CONNECT);
	cr_expect(record->peer.port == ntohs(address.sin_port) && record->connected_ns && !record->closed_ns);
}

Test(connect, a_dissolved_connection_has_a_record_of_its_own)
{
	struct sockaddr_in nobody = address;
	socklen_t length = sizeof(nobody);
	int reserved = socket(AF_INET, SOCK_STREAM, 0);
	int fd = new_socket();
	const struct socket *socket = fixture_socket(fd);
	const struct trace_socket *first = socket->record;
	const struct sockaddr_in nothing = {.sin_family = AF_UNSPEC};
	struct audit_connect around;

	nobody.sin_port = 0;
	cr_assert(bind(reserved, (struct sockaddr *)&nobody, length) == 0 &&
		  getsockname(reserved, (struct sockaddr *)&nobody, &length) == 0);
	connect_and_use(fd, &address);
	cr_assert(audit_connect_begin(&around, fd, &nothing, sizeof(nothing)));
	audit_connect_end(
		&around, &nothing, sizeof(nothing), connect(fd, (const struct sockaddr *)&nothing, sizeof(nothing)));
	cr_expect(socket->record != first && first->closed_ns);
	first = socket->record;
	connect_and_use(fd, &nobody);
	cr_expect(socket->record == first);
}
