/*
 * make_fleet.c: writes the traces of many processes on many hosts, for the measures of `make scale`: made up, but
 * numbered and connected as hosts would.
 *
 *	make_fleet DIRECTORY --traces N [--hosts H] [--incidents N] [--sockets M] [--listeners L]
 *
 * Each host was booted at a time of its own and runs a share of the processes. Half of the sockets are clients, with
 * ports in the order in which their host gives them out; three of four clients of a process reach processes of their
 * own host through the loopback interface, so that the traces have both ends, and each fourth one a process of the next
 * host. All servers of a host share L listening ports (by default each has its own): the fewer, the oftener a pair of
 * ports is used again.
 *
 * Every second socket of a trace is a client: number `i` of process `k` is the other end of what process peer_of(k, i)
 * has accepted as its number `i`.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/sample_records.h"

#define FIRST_PORT 32768u /* of those that Linux gives to clients */
#define PORTS 28232u
#define NEIGHBOURS 7 /* processes that one talks to */
#define LIFE_NS UINT64_C(900000000) /* of a process */

struct fleet {
	const char *directory;
	uint64_t traces;
	uint64_t hosts;
	uint64_t per_host; /* processes on a host */
	uint64_t incidents; /* of each trace */
	uint64_t clients; /* of each trace, which accepts as many */
	uint64_t listeners; /* ports of each host */
};

/* The process that client `i` of process `k` reaches; with `back`, the one whose client `i` reaches process `k`. */
static uint64_t peer_of(const struct fleet *fleet, uint64_t k, uint64_t i, bool back)
{
	uint64_t step = (1 + i % NEIGHBOURS) % fleet->per_host;

	return (back ? k + fleet->per_host - step : k + step) % fleet->per_host;
}

static void set_address(struct trace_address *address, uint64_t host, bool loopback, uint64_t port)
{
	*address = (struct trace_address){.family = AF_INET, .port = (uint16_t)port};
	address->ip[0] = loopback ? 127 : 10;
	address->ip[1] = loopback ? 0 : (uint8_t)(host >> 16);
	address->ip[2] = loopback ? 0 : (uint8_t)(host >> 8);
	address->ip[3] = loopback ? 1 : (uint8_t)host;
}

static void fill_socket(
	const struct fleet *fleet, uint64_t host, uint64_t k, uint64_t number, struct trace_socket *socket)
{
	uint64_t i = number / 2;
	bool is_client = number % 2 == 0;
	bool loopback = i % 4 != 3;
	uint64_t other_host = loopback ? host : (host + (is_client ? 1 : fleet->hosts - 1)) % fleet->hosts;
	uint64_t other = peer_of(fleet, k, i, !is_client);
	uint64_t client_host = is_client ? host : other_host;
	uint64_t server_host = is_client ? other_host : host;
	uint64_t order = i * fleet->per_host + (is_client ? k : other); /* of all clients of the host */
	uint64_t opened = BUILDER_NOW_NS + order * LIFE_NS / (fleet->clients * fleet->per_host);
	struct trace_address client;
	struct trace_address server;

	set_address(&client, client_host, loopback, FIRST_PORT + order % PORTS);
	set_address(&server, server_host, loopback, 1024 + (is_client ? other : k) % fleet->listeners);
	socket->fd = (int32_t)(8 + number % 200);
	socket->cookie = 0x1000 + (order << 1 | is_client);
	socket->origin = is_client ? TRACE_CONNECT : TRACE_ACCEPT;
	socket->opened_ns = opened + (is_client ? 0 : 20000);
	socket->connected_ns = socket->opened_ns;
	socket->closed_ns = opened + (is_client ? 2000000 : 2100000);
	socket->peer_closed_ns = is_client ? 0 : opened + 2000500;
	socket->bytes_sent = 40 + number % 5000;
	socket->bytes_received = 80 + number % 300;
	socket->writes = 1 + number % 9;
	socket->local = is_client ? client : server;
	socket->peer = is_client ? server : client;
}

static void add_log(const struct fleet *fleet, struct builder *builder, uint64_t host, uint64_t k, trace_ref process)
{
	uint64_t count = fleet->incidents < SAMPLE_STACKS ? fleet->incidents : SAMPLE_STACKS;
	trace_ref stacks[SAMPLE_STACKS + 1];
	uint64_t made = 0;

	for (uint64_t i = 0; i <= count; i++)
		stacks[i] = sample_stack(builder, (unsigned)((k * 31 + i) % SAMPLE_STACKS));
	for (uint64_t i = 0; i < 2 * fleet->clients; i++) {
		trace_ref ref = builder_socket(builder, process, 0);
		struct trace_socket *socket = builder_at(builder, ref);

		fill_socket(fleet, host, k, i, socket);
		socket->stack_opened = stacks[0];
		socket->stack_closed = stacks[0];
		/* Spread over the accepted ones; where there are more incidents than those, several to each. */
		for (; i % 2 && made * 2 * fleet->clients < (i + 1) * fleet->incidents && made < fleet->incidents;
			made++) {
			struct trace_socket connection = *(struct trace_socket *)builder_at(builder, ref);
			trace_ref incident = builder_incident(builder, process, ref, TRACE_WRITE_AFTER_PEER_CLOSE);
			struct sample_refs refs = {.process = process,
				.socket = ref,
				.write = stacks[made % count],
				.told = stacks[(made + 1) % count],
				.opened = stacks[0]};

			sample_incident(builder_at(builder, incident), made, &connection, &refs);
			socket = builder_at(builder, ref);
			socket->flags |= TRACE_SOCKET_HAS_INCIDENT;
		}
	}
}

static void write_trace(const struct fleet *fleet, uint64_t number)
{
	uint64_t host = number / fleet->per_host;
	uint64_t k = number % fleet->per_host;
	struct builder builder;
	struct trace_header *header;
	struct trace_process *process;
	trace_ref ref;
	char path[4096];

	builder_init(&builder);
	header = builder_at(&builder, 0);
	header->created_wall_ns += (int64_t)(host * UINT64_C(3600000000000)); /* booted an hour after the one before */
	ref = builder_process(&builder);
	process = builder_at(&builder, ref);
	process->pid = (int32_t)(BUILDER_PID + 1 + k);
	process->sockets_seen = 2 * fleet->clients;
	process->ended_ns = process->started_ns + LIFE_NS + 10000000;
	builder_own_modules(&builder);
	add_log(fleet, &builder, host, k, ref);
	if ((size_t)snprintf(path, sizeof(path), "%s/host%04llu-%llu" TRACE_SUFFIX, fleet->directory,
		    (unsigned long long)host, (unsigned long long)(BUILDER_PID + 1 + k)) >= sizeof(path)) {
		fprintf(stderr, "make_fleet: the name of the directory is too long\n");
		exit(1);
	}
	builder_write(&builder, path);
	builder_free(&builder);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"traces", required_argument, NULL, 't'},
		{"hosts", required_argument, NULL, 'h'}, {"incidents", required_argument, NULL, 'i'},
		{"sockets", required_argument, NULL, 's'}, {"listeners", required_argument, NULL, 'l'}, {0}};
	struct fleet fleet = {.traces = 100};
	uint64_t incidents = 1000;
	uint64_t sockets = 50000;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 't': fleet.traces = strtoull(optarg, NULL, 10); break;
		case 'h': fleet.hosts = strtoull(optarg, NULL, 10); break;
		case 'i': incidents = strtoull(optarg, NULL, 10); break;
		case 's': sockets = strtoull(optarg, NULL, 10); break;
		case 'l': fleet.listeners = strtoull(optarg, NULL, 10); break;
		default: return 2;
		}
	}
	if (optind + 1 != argc || !fleet.traces) {
		fprintf(stderr, "usage: make_fleet DIRECTORY --traces N [--hosts H] [--incidents N] [--sockets M] "
				"[--listeners L]\n");
		return 2;
	}
	fleet.directory = argv[optind];
	if (!fleet.hosts || fleet.hosts > fleet.traces)
		fleet.hosts = (fleet.traces + 99) / 100;
	fleet.per_host = fleet.traces / fleet.hosts;
	fleet.traces = fleet.per_host * fleet.hosts;
	fleet.incidents = incidents / fleet.traces;
	fleet.clients = sockets / fleet.traces / 2 ? sockets / fleet.traces / 2 : 1;
	if (!fleet.listeners)
		fleet.listeners = fleet.per_host < 20000 ? fleet.per_host : 20000;
	for (uint64_t i = 0; i < fleet.traces; i++)
		write_trace(&fleet, i);
	return 0;
}
