/*
 * make_trace.c: writes a large trace for benchmarks, made up but with the proportions of a real one.
 *
 *	make_trace OUT --incidents N --sockets M [--pid PID]
 *
 * Every second socket is the other end of the one before it. The incidents are spread over the sockets, over 256 stacks
 * and over kinds and outcomes. The stacks are this program's own, so that symbolising them is real work.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/sample_records.h"

struct writer {
	FILE *file;
	uint64_t offset;
	trace_ref process;
	trace_ref stacks[SAMPLE_STACKS];
	trace_ref stack_opened;
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static trace_ref write_record(struct writer *writer, const void *record, size_t bytes)
{
	trace_ref ref = (trace_ref)writer->offset;

	if (writer->offset + bytes > UINT32_MAX) {
		fprintf(stderr, "make_trace: a trace is smaller than 4 GiB\n");
		exit(1);
	}
	if (fwrite(record, 1, bytes, writer->file) != bytes)
		fail("fwrite");
	writer->offset += bytes;
	return ref;
}

/* --- Sockets and incidents ---------------------------------------------------------------------------------------- */

static void make_socket(struct trace_socket *socket, const struct writer *writer, uint64_t number)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};
	bool is_client = number % 2;
	uint64_t pair = number / 2;
	struct trace_address client = {.family = AF_INET, .port = (uint16_t)(20000 + pair % 40000)};
	struct trace_address server = {.family = AF_INET, .port = (uint16_t)(6379 + pair / 40000)};

	memcpy(client.ip, loopback, sizeof(loopback));
	memcpy(server.ip, loopback, sizeof(loopback));
	*socket = (struct trace_socket){
		.record = {.size = sizeof(*socket), .type = TRACE_SOCKET, .state = TRACE_COMMITTED},
		.process = writer->process,
		.fd = (int32_t)(8 + number % 1000),
		.id = number + 1,
		.cookie = 0x1000 + number,
		.protocol = TRACE_TCP,
		.origin = is_client ? TRACE_CONNECT : TRACE_ACCEPT,
		.end = TRACE_END_CLOSED,
		.opened_ns = BUILDER_NOW_NS + pair * 1000 + (is_client ? 0 : 200),
		.peer_closed_ns = is_client ? 0 : BUILDER_NOW_NS + pair * 1000 + 800500,
		.closed_ns = BUILDER_NOW_NS + pair * 1000 + (is_client ? 800000 : 900000),
		.bytes_sent = 40 + number % 5000,
		.bytes_received = 80,
		.writes = 1 + number % 9,
		.stack_opened = writer->stack_opened,
		.stack_closed = writer->stack_opened,
		.local = is_client ? client : server,
		.peer = is_client ? server : client,
	};
	socket->connected_ns = socket->opened_ns;
}

/* The part before the sockets, made in memory. */
static void write_prelude(struct writer *writer, uint64_t sockets, int32_t pid)
{
	struct builder builder;
	struct trace_process *process;

	builder_init(&builder);
	writer->process = builder_process(&builder);
	process = builder_at(&builder, writer->process);
	process->pid = pid;
	process->sockets_seen = sockets;
	builder_own_modules(&builder);
	for (unsigned i = 0; i < SAMPLE_STACKS; i++)
		writer->stacks[i] = sample_stack(&builder, i);
	writer->stack_opened = writer->stacks[0];
	write_record(writer, builder.bytes, builder.length);
	builder_free(&builder);
}

static void write_log(struct writer *writer, uint64_t incidents, uint64_t sockets)
{
	uint64_t made = 0;

	for (uint64_t i = 0; i < sockets; i++) {
		struct trace_socket socket;
		struct trace_incident incident;
		trace_ref ref;

		make_socket(&socket, writer, i);
		ref = write_record(writer, &socket, sizeof(socket));
		/* Spread evenly over the accepted ones; where there are more incidents than those, several to each. */
		for (; i % 2 == 0 && made * sockets < (i + 2) * incidents && made < incidents; made++) {
			sample_incident(&incident, made, &socket,
				&(struct sample_refs){.process = writer->process,
					.socket = ref,
					.write = writer->stacks[made % SAMPLE_STACKS],
					.told = writer->stacks[(made + 1) % SAMPLE_STACKS],
					.opened = writer->stack_opened});
			write_record(writer, &incident, sizeof(incident));
		}
	}
}

static void finish(struct writer *writer)
{
	struct trace_header header = {
		.version = TRACE_VERSION,
		.byte_order = TRACE_BYTE_ORDER,
		.header_bytes = TRACE_HEADER_BYTES,
		.file_bytes = writer->offset,
		.log_end = writer->offset,
		.created_ns = BUILDER_NOW_NS,
		.created_wall_ns = INT64_C(1700000000000000000),
		.writer = "make_trace",
	};

	memcpy(header.magic, TRACE_MAGIC, sizeof(header.magic));
	rewind(writer->file);
	if (fwrite(&header, sizeof(header), 1, writer->file) != 1 || fclose(writer->file))
		fail("fwrite");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"incidents", required_argument, NULL, 'i'},
		{"sockets", required_argument, NULL, 's'}, {"pid", required_argument, NULL, 'p'}, {0}};
	struct writer writer = {0};
	uint64_t incidents = 10000;
	uint64_t sockets = 1000000;
	int32_t pid = BUILDER_PID;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'i': incidents = strtoull(optarg, NULL, 10); break;
		case 's': sockets = strtoull(optarg, NULL, 10); break;
		case 'p': pid = atoi(optarg); break;
		default: return 2;
		}
	}
	if (optind + 1 != argc) {
		fprintf(stderr, "usage: make_trace OUT --incidents N --sockets M [--pid PID]\n");
		return 2;
	}
	writer.file = fopen(argv[optind], "we");
	if (!writer.file)
		fail(argv[optind]);
	write_prelude(&writer, sockets, pid);
	write_log(&writer, incidents, sockets);
	finish(&writer);
	return 0;
}
