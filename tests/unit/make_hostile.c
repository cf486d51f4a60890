/*
 * make_hostile.c: writes traces that a reader must survive, for tests/e2e/hostile.sh. More than 400 lines: a part for
 * each evil.
 *
 *	make_hostile OUT text            every text holds what a terminal, a CI service or a parser could act on
 *	make_hostile OUT module PATH     a module is called PATH
 *	make_hostile OUT source PATH     Python frames name lines of the file PATH
 *	make_hostile OUT KIND BYTES      about BYTES of what costs most: see the table of kinds
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/trace_builder.h"

#define FRAMES TRACE_STACK_MAX
#define IMAGES 128
#define IMAGE_BYTES UINT64_C(0x10000000)

static struct builder builder;
static trace_ref process;

static trace_ref add_text(enum trace_text_kind kind, const char *text)
{
	return builder_text(&builder, kind, text, strlen(text));
}

/* A stack of the interpreter alone. */
static trace_ref add_python(const char *words)
{
	return builder_stack(&builder, NULL, 0, add_text(TRACE_TEXT_PYTHON_STACK, words));
}

static struct trace_incident *add_incident(trace_ref socket, uint64_t number)
{
	trace_ref ref = builder_incident(&builder, process, socket, TRACE_WRITE_AFTER_PEER_CLOSE);
	struct trace_incident *incident = builder_at(&builder, ref);

	incident->first_ns += number;
	return incident;
}

/* --- Hostile text ------------------------------------------------------------------------------------------------- */

/* What may stand in a name that ends with a NUL. */
static const char evil[] = "\n::error file=a.c,line=1::pwned\r\n  ::warning::x ##[error]y ##vso[task.complete]z "
			   "##teamcity[x]\x1b]0;title\x07\x1b[31m\b\x7f <script>alert(1)</script> ]]> &#27; \" ' "
			   "\xe2\x80\xae\xe2\x81\xa6 \xc2\x9b"
			   "31m \xc2\x85 \xc2\xa0::debug::a \xe2\x80\xa8::error::b "
			   "\xff\xfe \xef\xbf\xbe \xed\xa0\x80 \xc0\x80 \xf4\x90\x80\x80 %0A%0D %s%n \\x1b \\ ";

static void fill16(char field[16], const char *text)
{
	memcpy(field, text, strnlen(text, 16));
}

static trace_ref evil_text(enum trace_text_kind kind, const char *before, const char *between, int times)
{
	char text[8192];
	int length = snprintf(text, sizeof(text), "%s", before);

	for (int i = 0; i < times; i++)
		length += snprintf(text + length, sizeof(text) - (size_t)length, "%s%s", evil, between);
	return builder_text(&builder, kind, text, (size_t)length + 1);
}

/* A line of Python's own words cannot hold a newline. */
static trace_ref evil_stack(const uint64_t *frames, uint32_t count)
{
	char words[4096];
	trace_ref text;

	snprintf(words, sizeof(words),
		"Thread 0x7f (most recent call first):\n  File \"%s\", line 5 in %s\n  File \"%s.py\", line 6 in ::g\n",
		evil + 1, evil + 1, evil + 1);
	for (char *at = words; *at; at++)
		if (*at == '\n' && strncmp(at, "\n  File", 7) != 0 && at[1])
			*at = '\v';
	text = add_text(TRACE_TEXT_PYTHON_STACK, words);
	return builder_stack(&builder, frames, count, text);
}

static void make_text(const char *unused)
{
	static const uint64_t frames[] = {0x1100, 0x1200, 0x777000};
	struct trace_process *record = builder_at(&builder, process);
	trace_ref stack;
	trace_ref label;
	trace_ref note;
	trace_ref path;

	(void)unused;
	snprintf(record->exe, sizeof(record->exe), "/usr/bin/%s", evil);
	fill16(record->comm, evil);
	record->argv_length = (uint32_t)sizeof(evil);
	memcpy(record->argv, evil, sizeof(evil));
	builder_module(&builder, evil, 0x1000, 0x2000, NULL, 0);
	stack = evil_stack(frames, 3);
	label = evil_text(TRACE_TEXT_LABEL, "", "", 1);
	note = evil_text(TRACE_TEXT_NOTE, "framework: ::error::n\n::error::line\ntimed call: ", " a a ", 3);
	path = evil_text(TRACE_TEXT_PATH, "", "", 1);
	for (unsigned kind = TRACE_WRITE_AFTER_PEER_CLOSE; kind < TRACE_KINDS_END; kind++) {
		trace_ref at = builder_socket(&builder, process, 80);
		struct trace_socket *socket = builder_at(&builder, at);
		struct trace_incident *incident;

		if (kind % 2) {
			socket->protocol = TRACE_UNIX_STREAM;
			socket->local = socket->peer = (struct trace_address){.family = AF_UNIX, .path = path};
		}
		fill16(socket->told_call, evil);
		socket->stack_opened = stack;
		incident = add_incident(at, kind);
		incident->kind = (uint8_t)kind;
		fill16(incident->call, kind % 3 ? "::error::" : evil);
		fill16(incident->told_call, evil);
		fill16(incident->thread_name, "::error::");
		fill16(incident->history[0].call, "\n::error::");
		incident->label = label;
		incident->text = note;
		incident->preview = label;
		incident->stack_write = kind % 4 ? stack : 0;
		incident->stack_told = incident->stack_closed = incident->stack_opened = incident->stack_new_owner =
			stack;
	}
}

/* --- Names of files ----------------------------------------------------------------------------------------------- */

static void make_module(const char *path)
{
	static const uint8_t id[20] = {1, 2, 3};
	static const uint64_t frames[] = {0x1100, 0x1200};
	trace_ref socket = builder_socket(&builder, process, 80);
	trace_ref stack;

	builder_module(&builder, path, 0x1000, 0x2000, id, sizeof(id));
	builder_module(&builder, path, 0x2000, 0x3000, NULL, 0);
	stack = builder_stack(&builder, frames, 2, 0);
	add_incident(socket, 0)->stack_write = stack;
}

static void make_source(const char *path)
{
	trace_ref socket = builder_socket(&builder, process, 80);

	for (unsigned line = 1; line < 40; line += 3) {
		char words[4200];
		trace_ref stack;

		snprintf(words, sizeof(words), "Stack (most recent call first):\n  File \"%s\", line %u in f%u\n", path,
			line, line);
		stack = add_python(words);
		add_incident(socket, line)->stack_write = stack;
	}
}

/* --- What costs --------------------------------------------------------------------------------------------------- */

static void more_modules(uint64_t number)
{
	builder_module(&builder, "/x", number * 16, (UINT64_C(1) << 40) - number * 16, NULL, 0);
}

static void more_processes(uint64_t number)
{
	struct trace_process *record = builder_at(&builder, builder_process(&builder));

	record->pid = BUILDER_PID + (int32_t)number;
}

/* Stacks whose addresses lie in a hundred images of one file, which has that many names. */
static void more_images(uint64_t number)
{
	static const char *const names[] = {"/proc/self/exe", "/lib/x86_64-linux-gnu/libc.so.6"};
	uint64_t frames[FRAMES];
	trace_ref socket;
	trace_ref stack;

	for (unsigned i = 0; !number && i < IMAGES; i++) {
		char path[3 * IMAGES];
		int length = snprintf(path, sizeof(path), "/");

		for (unsigned j = 0; j < i / 2; j++)
			length += snprintf(path + length, sizeof(path) - (size_t)length, "./");
		snprintf(path + length, sizeof(path) - (size_t)length, "%s", names[i % 2] + 1);
		builder_module(&builder, path, IMAGE_BYTES * (i + 1), IMAGE_BYTES * (i + 2), NULL, 0);
	}
	for (unsigned i = 0; i < FRAMES; i++)
		frames[i] = IMAGE_BYTES * (i % IMAGES + 1) + 0x1000 + (number * 7919 + i * 104729) % 0x200000;
	stack = builder_stack(&builder, frames, FRAMES, 0);
	socket = builder_socket(&builder, process, 80);
	add_incident(socket, number)->stack_write = stack;
}

static void more_stacks(uint64_t number)
{
	uint64_t frame = 0x1000 + number;
	trace_ref stack = builder_stack(&builder, &frame, 1, 0);

	add_incident(0, number)->stack_write = stack;
}

/* All six stacks of each incident are one long one, in a module with a long name. */
static void more_frames(uint64_t number)
{
	static trace_ref stack;
	struct trace_incident *incident;
	uint64_t frames[FRAMES];
	char path[4000];

	if (!number) {
		memset(path, 'm', sizeof(path) - 1);
		path[sizeof(path) - 1] = '\0';
		builder_module(&builder, path, 0x1000, 0x1000000, NULL, 0);
		for (unsigned i = 0; i < FRAMES; i++)
			frames[i] = 0x2000 + i * 16;
		stack = builder_stack(&builder, frames, FRAMES, 0);
	}
	incident = add_incident(0, number);
	incident->stack_write = incident->stack_told = incident->stack_closed = incident->stack_opened =
		incident->stack_new_owner = stack;
}

/* Stacks of the interpreter whose texts lie one in the other: each begins with another frame. */
static void more_python(uint64_t number)
{
	static trace_ref text;
	struct trace_incident *incident;
	trace_ref stacks[5];

	if (number % 64 == 0) {
		text = builder_record(&builder, TRACE_TEXT, 32768);
		for (size_t i = sizeof(struct trace_record); i + 64 <= 32768; i += 64) {
			char *at = (char *)builder_at(&builder, text) + i;
			struct trace_text head = {
				.record = {.size = 16384, .type = TRACE_TEXT, .state = TRACE_COMMITTED},
				.kind = TRACE_TEXT_PYTHON_STACK,
				.length = 16368};

			memcpy(at, &head, sizeof(head));
			snprintf(at + sizeof(head), 48, "\n  File \"a%u.py\", line 1 in f%zu\n",
				(unsigned)(number & 0xfffff), i);
		}
	}
	for (unsigned i = 0; i < 5; i++)
		stacks[i] = builder_stack(&builder, NULL, 0, text + 8 + (uint32_t)(number * 5 + i) % 250 * 64);
	incident = add_incident(0, number);
	incident->stack_write = stacks[0];
	incident->stack_told = stacks[1];
	incident->stack_closed = stacks[2];
	incident->stack_opened = stacks[3];
	incident->stack_new_owner = stacks[4];
}

static void more_names(uint64_t number)
{
	char words[200];
	trace_ref stack;

	snprintf(words, sizeof(words), "Stack (most recent call first):\n  File \"/a/f%llu.py\", line 1 in g%llu\n",
		(unsigned long long)number, (unsigned long long)number);
	stack = add_python(words);
	add_incident(0, number)->stack_write = stack;
}

static void more_sockets(uint64_t number)
{
	struct trace_socket *socket =
		builder_at(&builder, builder_socket(&builder, process, (uint16_t)(number % 60000 + 1)));

	socket->local.port = (uint16_t)(number / 60000 + 1);
	socket->opened_ns += number;
}

/* Lives of one pair of addresses, at both ends of which the same process is; none of them meets another. */
static void more_tuples(uint64_t number)
{
	struct trace_socket *socket = builder_at(&builder, builder_socket(&builder, process, 6379));

	socket->opened_ns += number * 1000;
	socket->closed_ns = socket->opened_ns + 10;
}

/* The same all at one time, the greatest there is. */
static void more_peers(uint64_t number)
{
	struct trace_socket *socket = builder_at(&builder, builder_socket(&builder, process, 6379));

	(void)number;
	socket->opened_ns = UINT64_MAX;
	socket->closed_ns = 0;
	socket->cookie = 7;
}

static void more_pairs(uint64_t number)
{
	static trace_ref path;
	struct trace_socket *socket;

	if (!number)
		path = add_text(TRACE_TEXT_PATH, "/run/one.socket");
	socket = builder_at(&builder, builder_socket(&builder, process, 0));
	socket->protocol = TRACE_UNIX_STREAM;
	socket->origin = number % 2 ? TRACE_ACCEPT : TRACE_CONNECT;
	socket->local = socket->peer = (struct trace_address){.family = AF_UNIX, .path = path};
	socket->peer_pid = BUILDER_PID;
	socket->opened_ns += number;
}

static void more_incidents(uint64_t number)
{
	static trace_ref socket;

	if (!number)
		socket = builder_socket(&builder, process, 80);
	add_incident(socket, number);
}

static void more_labels(uint64_t number)
{
	static trace_ref note;
	struct trace_incident *incident;
	char words[4096];
	trace_ref label;

	if (!number) {
		memset(words, '\x1b', sizeof(words));
		note = builder_text(&builder, TRACE_TEXT_NOTE, words, sizeof(words));
	}
	snprintf(words, sizeof(words), "test %llu", (unsigned long long)number);
	label = add_text(TRACE_TEXT_LABEL, words);
	incident = add_incident(0, number);
	incident->label = label;
	incident->text = note;
}

/* Incidents whose frames name a few large files by turns. */
static void more_sources(uint64_t number)
{
	char words[2048] = "Stack (most recent call first):\n";
	size_t length = strlen(words);
	trace_ref stack;

	for (unsigned i = 0; i < 12; i++)
		length += (size_t)snprintf(words + length, sizeof(words) - length,
			"  File \"big%llu.py\", line %llu in f%llu\n", (unsigned long long)(number + i) % 12,
			(unsigned long long)number * 7 + i + 1, (unsigned long long)number);
	stack = add_python(words);
	add_incident(0, number)->stack_write = stack;
}

/* --- The command -------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*make)(const char *argument); /* either this, */
	void (*more)(uint64_t number); /* or this, until there is enough */
} kinds[] = {
	{"text", make_text, NULL},
	{"module", make_module, NULL},
	{"source", make_source, NULL},
	{"modules", NULL, more_modules},
	{"processes", NULL, more_processes},
	{"images", NULL, more_images},
	{"stacks", NULL, more_stacks},
	{"frames", NULL, more_frames},
	{"python", NULL, more_python},
	{"names", NULL, more_names},
	{"sockets", NULL, more_sockets},
	{"tuples", NULL, more_tuples},
	{"peers", NULL, more_peers},
	{"pairs", NULL, more_pairs},
	{"incidents", NULL, more_incidents},
	{"labels", NULL, more_labels},
	{"sources", NULL, more_sources},
};

int main(int argc, char **argv)
{
	size_t kind = 0;

	while (argc >= 3 && kind < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[kind].name, argv[2]) != 0)
		kind++;
	if (argc < 3 || kind == sizeof(kinds) / sizeof(kinds[0]) || (strcmp(argv[2], "text") != 0 && argc != 4)) {
		fprintf(stderr, "usage: make_hostile OUT text | module PATH | source PATH | KIND BYTES\n");
		return 2;
	}
	builder_init(&builder);
	process = builder_process(&builder);
	if (kinds[kind].make)
		kinds[kind].make(argv[3]);
	for (uint64_t number = 0; kinds[kind].more && builder.length < strtoull(argv[3], NULL, 10); number++)
		kinds[kind].more(number);
	/* Later than any file, so that no name is refused because its file is newer than the process. */
	((struct trace_header *)builder_at(&builder, 0))->created_wall_ns = INT64_C(4000000000000000000);
	builder_write(&builder, argv[1]);
	builder_free(&builder);
	return 0;
}
