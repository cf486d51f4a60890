/*
 * shim_day.c: a day's worth of connections, on the library's own modules: no real sockets, which would take a day.
 *
 *	shim_day DIRECTORY/ CONNECTIONS EVERY MAX_TRACE
 *
 * Makes and ends CONNECTIONS records of sockets, a thousand open at a time, as the audit does it for real ones; each
 * EVERYth has an incident. The trace of at most MAX_TRACE bytes goes into DIRECTORY. Prints what the process record
 * counted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "shim/base/config.h"
#include "shim/base/process.h"
#include "shim/forked.h"
#include "shim/socket/record.h"
#include "shim/socket/socket.h"
#include "shim/socket/socket_table.h"
#include "shim/trace/trace_log.h"
#include "shim/verdict/incident_settle.h"

#define OPEN_AT_ONCE 1000
#define FIRST_FD 100

static void fail(const char *what)
{
	fprintf(stderr, "shim_day: %s\n", what);
	exit(1);
}

static void fill_in(struct trace_socket *record, uint64_t number)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};

	record->local = (struct trace_address){.family = AF_INET, .port = 6379};
	record->peer = (struct trace_address){.family = AF_INET, .port = (uint16_t)(1024 + number % 60000)};
	memcpy(record->local.ip, loopback, sizeof(loopback));
	memcpy(record->peer.ip, loopback, sizeof(loopback));
	record->connected_ns = record->opened_ns;
	record->bytes_sent = record->bytes_received = 16;
	record->writes = 1;
}

/* A rejected write after a reset: the plainest incident. */
static void misuse(struct socket *socket, int fd)
{
	struct incident_call call = {
		.socket = socket,
		.record = socket->record,
		.call = "write",
		.fd = fd,
		.length = 12,
		.t_ns = socket->record->opened_ns + 1,
		.verdict = {.kind = TRACE_WRITE_AFTER_RESET, .knowledge = TRACE_TOLD},
	};
	struct trace_incident *incident;
	bool fresh;

	socket->record->reset_ns = socket->record->told_ns = socket->record->opened_ns;
	incident = incident_announce(&call, &fresh);
	if (incident)
		incident_reject(incident, EPIPE, TRACE_SIGPIPE_NONE);
}

static void close_one(int fd)
{
	uint64_t entry = socket_table_entry(fd);
	struct socket *socket;
	bool last;

	if (!socket_table_close(fd, entry, &last))
		return;
	socket = socket_at(socket_entry_index(entry));
	socket->record->closed_ns = socket->record->opened_ns + 2;
	socket->record->end = TRACE_END_CLOSED;
	socket_table_forget(fd);
}

static void open_one(int fd, uint64_t number, bool misused)
{
	struct socket *socket = socket_new();

	if (!socket)
		fail("no memory for a socket");
	socket->protocol = TRACE_TCP;
	socket->fd = fd;
	socket->cookie = number + 1;
	socket->state = SOCKET_CONNECTED;
	record_make(socket, fd, TRACE_ACCEPT);
	fill_in(socket->record, number);
	if (!socket_table_open(fd, socket))
		fail("no room in the table");
	if (misused)
		misuse(socket, fd);
}

static void begin(const char *directory, uint64_t max_trace)
{
	static char program[] = "shim_day";
	static char *argv[] = {program, NULL};

	unsetenv("SOCKSAN_OPTIONS");
	process_remember_arguments(1, argv);
	process_forked = forked_forget_parent;
	socket_released = record_release;
	if (!process_set_up())
		fail("cannot begin");
	snprintf(config.log_path, sizeof(config.log_path), "%s", directory);
	config.max_trace = max_trace;
}

int main(int argc, char **argv)
{
	uint64_t connections;
	uint64_t every;
	uint64_t late = 0;
	struct rusage usage;
	const struct trace_process *process;

	if (argc != 5) {
		fprintf(stderr, "usage: shim_day DIRECTORY/ CONNECTIONS EVERY MAX_TRACE\n");
		return 2;
	}
	connections = strtoull(argv[2], NULL, 10);
	every = strtoull(argv[3], NULL, 10);
	begin(argv[1], strtoull(argv[4], NULL, 10));
	for (uint64_t i = 0; i < connections; i++) {
		int fd = FIRST_FD + (int)(i % OPEN_AT_ONCE);
		bool misused = i % every == 0;

		close_one(fd);
		open_one(fd, i, misused);
		late += misused;
	}
	for (int fd = FIRST_FD; fd < FIRST_FD + OPEN_AT_ONCE; fd++)
		close_one(fd);
	process = trace_log_process();
	trace_log_process()->ended = TRACE_EXITED;
	getrusage(RUSAGE_SELF, &usage);
	printf("sockets=%llu late=%llu seen=%llu recycled=%llu peak_kib=%ld", (unsigned long long)connections,
		(unsigned long long)late, (unsigned long long)process->sockets_seen,
		(unsigned long long)process->sockets_recycled, usage.ru_maxrss);
	for (unsigned i = 0; i < TRACE_LOSSES; i++)
		printf(" lost%u=%llu", i, (unsigned long long)process->lost[i]);
	putchar('\n');
	return 0;
}
