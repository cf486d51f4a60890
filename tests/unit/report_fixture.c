/*
 * report_fixture.c: see report_fixture.h.
 */
#include "tests/unit/report_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "analyzer/command/options.h"

char *fixture_report(const char *format, char *directory, const struct run_facts *facts, int *status)
{
	struct report_options options;
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	options_init(&options, stream);
	options.color = COLOR_NEVER;
	if (!options_parse(&options, OPTION_FORMAT, format))
		abort();
	*status = report_traces(&options, facts, &directory, 1);
	options_free(&options);
	fclose(stream);
	return text;
}

/* The client's end of the connection to `port`, closed before the server wrote. */
static void add_client(struct builder *builder, trace_ref process, uint16_t port, trace_ref stack)
{
	struct trace_socket *socket = builder_at(builder, builder_socket(builder, process, port));
	struct trace_address address = socket->local;

	socket->local = socket->peer;
	socket->peer = address;
	socket->origin = TRACE_CONNECT;
	socket->opened_ns -= 1000;
	socket->closed_ns = BUILDER_NOW_NS + 1400000000;
	socket->stack_closed = stack;
}

static void add_unix_socket(struct builder *builder, trace_ref process)
{
	static const char abstract[] = "\0\033]0;title\a\xff";
	trace_ref path = builder_text(builder, TRACE_TEXT_PATH, abstract, sizeof(abstract) - 1);
	trace_ref ref = builder_socket(builder, process, 0);
	struct trace_socket *socket = builder_at(builder, ref);

	socket->protocol = TRACE_UNIX_STREAM;
	socket->local = (struct trace_address){.family = AF_UNIX, .path = path};
	socket->peer = (struct trace_address){.family = AF_UNIX};
	builder_incident(builder, process, ref, TRACE_WRITE_AFTER_PEER_CLOSE);
}

void fixture_everything(struct builder *builder)
{
	static const uint64_t frames[] = {0x100010, 0x200010, 0x300010};
	static const char python[] = "  File \"/srv/app.py\", line 12 in reply\n";
	static const char label_text[] = "test_\033[2Jreply";
	trace_ref process = builder_process(builder);
	trace_ref label = builder_text(builder, TRACE_TEXT_LABEL, label_text, sizeof(label_text) - 1);
	trace_ref text;
	trace_ref stack;

	builder_name(builder_at(builder, process), "/srv/\xe2\x80\xaeserver");
	((struct trace_process *)builder_at(builder, process))->coverage = TRACE_USED_IO_URING;
	((struct trace_process *)builder_at(builder, process))->lost[TRACE_LOST_NO_SPACE] = 7;
	builder_module(builder, "/opt/server\n", 0x100000, 0x101000, NULL, 0);
	builder_module(builder, "/nonexistent/python3.11", 0x200000, 0x201000, NULL, 0);
	text = builder_text(builder, TRACE_TEXT_PYTHON_STACK, python, sizeof(python) - 1);
	stack = builder_stack(builder, frames, 3, text);
	for (unsigned kind = TRACE_WRITE_AFTER_PEER_CLOSE; kind <= TRACE_DROPPED_BY_FRAMEWORK; kind++) {
		trace_ref socket = builder_socket(builder, process, (uint16_t)(50000 + kind));
		struct trace_incident *incident = builder_at(builder, builder_incident(builder, process, socket, kind));

		incident->label = label;
		incident->stack_write = stack;
		incident->stack_told = stack;
		incident->stack_opened = stack;
		incident->outcome = kind % 4;
		incident->bytes_lost = incident->outcome == TRACE_LOST ? 12 : 0;
		add_client(builder, process, (uint16_t)(50000 + kind), stack);
	}
	add_unix_socket(builder, process);
}
