/* record.c: the records of sockets: made, used again when the trace fills up, taken over by a child, continued. */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/unit/shim/fixture.h"

static void set_up(void)
{
	fixture_begin(1 << 20);
}

TestSuite(record, .init = set_up, .fini = fixture_end);

static const char *own_trace(void)
{
	return fixture_trace_path(getpid(), 0);
}

/* A socket in the table, as the audit makes one. Its descriptor is a number alone. */
static struct socket *open_socket(int fd)
{
	struct socket *socket = socket_new();

	cr_assert_not_null(socket);
	socket->protocol = TRACE_TCP;
	socket->fd = fd;
	socket->cookie = 4711;
	record_make(socket, fd, TRACE_SOCKET_CALL);
	cr_assert(socket_table_open(fd, socket));
	return socket;
}

static void close_socket(int fd)
{
	bool last;

	fixture_close(fd, &last);
	socket_table_forget(fd);
}

/* ---- making ---- */

Test(record, what_every_record_has)
{
	struct socket *socket;
	const struct trace_socket *record;

	errno = 77;
	socket = open_socket(1000);
	record = socket->record;
	cr_expect(errno == 77);
	cr_expect(trace_log_is_open(), "the first socket opens the trace");
	cr_expect(record->record.state == TRACE_COMMITTED && record->record.type == TRACE_SOCKET);
	cr_expect(record->process == trace_log_ref(trace_log_process()));
	cr_expect(record->fd == 1000 && record->id == trace_log_ref(record) && record->cookie == 4711);
	cr_expect(
		record->protocol == TRACE_TCP && record->origin == TRACE_SOCKET_CALL && record->end == TRACE_END_OPEN);
	cr_expect(record->opened_ns && record->tid == getpid());
	cr_expect(!record->connected_ns && !record->closed_ns && !record->told_ns && !record->flags);
	cr_expect(record_is_current(socket));
	cr_expect(open_socket(1001)->record != record);
	cr_expect(trace_log_process()->sockets_seen == 2 && trace_log_process()->sockets_recycled == 0);
	cr_expect(fixture_count(own_trace(), TRACE_SOCKET, TRACE_COMMITTED) == 2);
	fixture_renew(1000);
	cr_expect(socket->record == record, "nothing to renew");
}

Test(record, addresses_are_filled_in_once)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	struct socket *socket = open_socket(client);
	struct trace_address kept;

	cr_assert(bind(fd, (struct sockaddr *)&name, length) == 0 && listen(fd, 1) == 0);
	cr_assert(getsockname(fd, (struct sockaddr *)&name, &length) == 0);
	cr_assert(connect(client, (struct sockaddr *)&name, length) == 0);
	record_addresses(socket->record, client);
	cr_expect(socket->record->local.family == AF_INET && socket->record->local.port != 0);
	cr_expect(socket->record->peer.family == AF_INET && socket->record->peer.port == ntohs(name.sin_port));
	kept = socket->record->peer;
	shutdown(client, SHUT_RDWR);
	record_addresses(socket->record, fd);
	cr_expect(!memcmp(&kept, &socket->record->peer, sizeof(kept)), "what is known is not asked again");
}

Test(record, without_a_trace_there_is_a_stand_in)
{
	struct socket *socket;

	fixture_catch_stderr();
	snprintf(config.log_path, sizeof(config.log_path), "%s/missing/", fixture_directory);
	socket = open_socket(1000);
	cr_assert_not_null(socket->record);
	cr_expect_not(record_is_current(socket));
	socket->record->writes++;
	cr_expect(trace_log_ref(socket->record) == 0);
	cr_expect(trace_log_process()->sockets_seen == 1);
	cr_expect(trace_log_process()->lost[TRACE_LOST_NO_TRACE] == 1);
	close_socket(1000);
	cr_expect(fixture_count_lines(fixture_said()) == 1);
}

Test(record, a_record_is_made_once_there_is_a_trace)
{
	struct socket *socket;

	fixture_catch_stderr();
	snprintf(config.log_path, sizeof(config.log_path), "%s/missing/", fixture_directory);
	socket = open_socket(1000);
	for (int i = 0; i < 1000; i++)
		fixture_renew(1000);
	cr_expect(trace_log_process()->lost[TRACE_LOST_NO_TRACE] < 10, "one socket is one loss, not one for each call");
	snprintf(config.log_path, sizeof(config.log_path), "%s/", fixture_directory);
	for (int i = 0; i < 100000 && !record_is_current(socket); i++)
		fixture_renew(1000);
	cr_expect(record_is_current(socket), "it is asked for now and then");
	cr_expect(fixture_count(own_trace(), TRACE_SOCKET, TRACE_COMMITTED) == 1);
	cr_expect(trace_log_process()->sockets_seen == 1);
}

Test(record, a_full_trace_loses_each_socket_once)
{
	uint64_t lost;
	struct socket *socket;

	config.max_trace = 64 << 10;
	trace_log_open();
	while (trace_log_text(TRACE_TEXT_NOTE, "fills", 5))
		;
	lost = fixture_losses(trace_log_process());
	socket = open_socket(1000);
	cr_expect_not(record_is_current(socket));
	cr_expect(fixture_losses(trace_log_process()) == lost + 1, "%llu for one socket",
		(unsigned long long)(fixture_losses(trace_log_process()) - lost));
	for (int i = 0; i < 10000; i++)
		fixture_renew(1000);
	cr_expect(fixture_losses(trace_log_process()) < lost + 100, "%llu for one socket",
		(unsigned long long)(fixture_losses(trace_log_process()) - lost));
	cr_expect(trace_log_process()->sockets_seen == 1);
}

/* ---- using again ---- */

/* A day's worth of short connections in a trace of a megabyte: all are counted, those with an incident are kept. */
enum { CONNECTIONS = 1000000 / FIXTURE_SLOWER, EVERY = CONNECTIONS / 500 };

Test(record, a_million_short_connections, .timeout = 600)
{
	struct fixture_trace trace;
	const struct trace_record *record;
	size_t kept = 0, first = 0;

	for (int i = 0; i < CONNECTIONS; i++) {
		struct socket *socket = open_socket(1000 + i % 7);

		cr_assert(record_is_current(socket), "connection %d", i);
		socket->record->writes = (uint64_t)i;
		if (i % EVERY == 0)
			socket->record->flags |= TRACE_SOCKET_HAS_INCIDENT;
		close_socket(1000 + i % 7);
	}
	cr_expect(fixture_losses(trace_log_process()) == 0);
	cr_expect(trace_log_process()->sockets_seen == CONNECTIONS);
	trace = fixture_open_trace(own_trace());
	while ((record = fixture_next(&trace))) {
		const struct trace_socket *socket = (const void *)record;

		if (record->type != TRACE_SOCKET || record->state != TRACE_COMMITTED)
			continue;
		kept += (socket->flags & TRACE_SOCKET_HAS_INCIDENT) != 0;
		first += socket->writes < 1000;
	}
	cr_expect(kept == 500, "%zu", kept);
	cr_expect(first == 1000, "the first ones stay: %zu", first);
	cr_expect(trace_log_process()->sockets_recycled + fixture_count(own_trace(), TRACE_SOCKET, TRACE_COMMITTED) +
			  fixture_count(own_trace(), TRACE_SOCKET, TRACE_VOID) ==
		  CONNECTIONS);
}

/* While many are open at a time their records are apart, and what one had leaves nothing in the next. */
Test(record, records_that_are_used_again_are_clean)
{
	enum { OPEN = 1000 };
	static struct trace_socket *records[OPEN];

	config.max_trace = 512 << 10;
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < OPEN; i++) {
			struct trace_socket *record = open_socket(2000 + i)->record;

			cr_assert(record->writes == 0 && record->flags == 0 && record->closed_ns == 0 &&
				  record->fd == 2000 + i);
			cr_assert(record->record.state == TRACE_COMMITTED && record->id == trace_log_ref(record));
			record->writes = 1 + (uint64_t)i;
			record->flags = TRACE_SOCKET_KEEPALIVE;
			records[i] = record;
		}
		for (int i = 0; i < OPEN; i++) {
			cr_assert(records[i]->writes == 1 + (uint64_t)i, "two sockets share a record");
			records[i]->closed_ns = 5;
			close_socket(2000 + i);
		}
	}
	cr_expect(fixture_losses(trace_log_process()) == 0);
	cr_expect(trace_log_process()->sockets_recycled >= 15 * OPEN);
}

enum { THREADS = 4 };

static void *connect_often(void *argument)
{
	int fd = 3000 + 10 * (int)(intptr_t)argument;

	for (int i = 0; i < 100000 / FIXTURE_SLOWER; i++) {
		struct socket *socket = open_socket(fd + i % 10);

		if (!record_is_current(socket))
			return argument;
		socket->record->writes = (uint64_t)(intptr_t)argument;
		socket->record->fd = fd + i % 10;
		if (socket->record->writes != (uint64_t)(intptr_t)argument || socket->record->fd != fd + i % 10)
			return argument;
		if (i % 3)
			close_socket(fd + i % 10);
	}
	return NULL;
}

Test(record, short_connections_from_several_threads, .timeout = 600)
{
	pthread_t threads[THREADS];

	config.max_trace = 128 << 10;
	for (intptr_t i = 0; i < THREADS; i++)
		cr_assert(pthread_create(&threads[i], NULL, connect_often, (void *)(i + 1)) == 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		cr_expect_null(failed);
	}
	cr_expect(fixture_losses(trace_log_process()) == 0);
	cr_expect(trace_log_process()->sockets_seen == THREADS * (100000 / FIXTURE_SLOWER));
	cr_expect(fixture_count(own_trace(), TRACE_SOCKET, TRACE_COMMITTED) > 0);
}

/* ---- another life ---- */

Test(record, a_socket_that_connects_anew_continues_in_a_new_record)
{
	struct socket *socket = open_socket(1000);
	struct trace_socket *old = socket->record;

	old->flags = TRACE_SOCKET_KEEPALIVE | TRACE_SOCKET_HAS_INCIDENT | TRACE_SOCKET_OWN_SHUTDOWN_WRITE;
	old->keepalive_idle_s = 60;
	old->user_timeout_ms = 5000;
	old->reset_ns = old->told_ns = 9;
	socket->state = SOCKET_CONNECTED | SOCKET_TOLD | SOCKET_SHARED | SOCKET_LINGER_ZERO;
	socket->lost_reported = socket->unacked_since_ns = 7;
	socket->shutdown_write = 1;
	socket->incidents[0] = (void *)old;
	fixture_continue(1000);
	cr_expect(socket->record != old && socket->record->record.state == TRACE_COMMITTED);
	cr_expect(socket->record->flags == (TRACE_SOCKET_KEEPALIVE | TRACE_SOCKET_CONTINUES));
	cr_expect(socket->record->keepalive_idle_s == 60 && socket->record->user_timeout_ms == 5000);
	cr_expect(
		socket->record->cookie == old->cookie && socket->record->told_ns == 0 && socket->record->reset_ns == 0);
	cr_expect(socket->state ==
		  (SOCKET_SHARED | SOCKET_LINGER_ZERO)); /* the socket is still held, and has its options */
	cr_expect(socket->lost_reported == 0 && socket->unacked_since_ns == 0);
	cr_expect(socket->shutdown_write == 0 && socket->incidents[0] == NULL);
	cr_expect(old->closed_ns == socket->record->opened_ns && old->end == TRACE_END_RESET);
	cr_expect(trace_log_process()->sockets_seen == 2);
}

/* ---- a child ---- */

static struct socket *inherited;
static struct trace_socket *parents;

static void *exit_status(bool good)
{
	_exit(!good);
}

static void *use_inherited(void)
{
	const struct trace_socket *record;

	if (record_is_current(inherited))
		return exit_status(false);
	fixture_renew(1000);
	record = inherited->record;
	return exit_status(record_is_current(inherited) && record != parents && record->origin == TRACE_INHERITED &&
			   record->process == trace_log_ref(trace_log_process()) && record->told_ns == 9 &&
			   !strcmp(record->told_call, "recv") && record->local.port == 80 && record->writes == 0 &&
			   record->flags == TRACE_SOCKET_KEEPALIVE && record->cookie == 4711 &&
			   inherited->incidents[0] == NULL && !(inherited->state & SOCKET_PENDING) &&
			   inherited->state & SOCKET_TOLD && trace_log_process()->sockets_seen == 1);
}

static void *close_inherited(void)
{
	close_socket(1000);
	return exit_status(!trace_log_is_open() && parents->record.state == TRACE_COMMITTED);
}

static pid_t in_child(void *(*act)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		process_wipe();
		if (process_set_up())
			act();
		_exit(1);
	}
	cr_assert(waitpid(child, &status, 0) == child);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return child;
}

static void open_inherited(void)
{
	inherited = open_socket(1000);
	parents = inherited->record;
	parents->flags = TRACE_SOCKET_KEEPALIVE | TRACE_SOCKET_HAS_INCIDENT;
	parents->writes = 12;
	parents->told_ns = 9;
	strcpy(parents->told_call, "recv");
	parents->local = parents->peer = (struct trace_address){.family = AF_INET, .port = 80};
	inherited->state = SOCKET_CONNECTED | SOCKET_TOLD | SOCKET_PENDING;
	inherited->incidents[0] = (void *)parents;
}

Test(record, a_child_that_uses_a_socket_has_its_own_record)
{
	pid_t child;

	open_inherited();
	child = in_child(use_inherited);
	cr_expect(fixture_count(fixture_trace_path(child, 0), TRACE_SOCKET, TRACE_COMMITTED) == 1);
	cr_expect(
		parents->writes == 12 && parents->origin == TRACE_SOCKET_CALL && parents->id == trace_log_ref(parents));
	cr_expect(record_is_current(inherited));
}

Test(record, a_child_that_closes_a_socket_leaves_no_trace)
{
	open_inherited();
	parents->flags = 0;
	cr_expect(access(fixture_trace_path(in_child(close_inherited), 0), F_OK) < 0);
	cr_expect(parents->record.state == TRACE_COMMITTED);
}

/* ---- the connection ---- */

Test(record, a_connection_comes_about_once)
{
	struct trace_socket record = {.fd = 3};
	struct socket *socket = socket_new();

	cr_assert_not_null(socket);
	socket->record = &record;
	socket->state = SOCKET_CONNECTING | SOCKET_SHARED;
	socket_set_connected(socket, 17);
	cr_expect(socket->state == (SOCKET_CONNECTED | SOCKET_SHARED), "state %x", socket->state);
	cr_expect(record.connected_ns == 17);
	/* found out once more, by another call: when it was first known stays */
	socket_set_connected(socket, 23);
	cr_expect(socket->state == (SOCKET_CONNECTED | SOCKET_SHARED), "state %x", socket->state);
	cr_expect(record.connected_ns == 17);
}
