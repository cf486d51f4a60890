/*
 * make_seeds.c: the inputs that fuzzing begins with.
 *
 *	make_seeds DIRECTORY [TRACE...]
 *
 * Makes DIRECTORY/{trace,report,roster,symbols}/: traces with a bit of everything, one for each thing that fuzz_report
 * can do, a roster, and programs with a map for fuzz_symbols. Each TRACE, from a real run, goes into `trace` and
 * `report` with its holes cut out: without the rest of the first page and without what was reserved behind the log.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/trace_fields.h"
#include "tests/unit/report_fixture.h"

#define SELECTIONS 11
#define MAX_RECORDS 4096
#define MAX_SEED (20u << 10) /* larger ones would slow everything down */
#define MAX_REPORT_SEED (10u << 10)

static const char *directory;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static FILE *open_seed(const char *set, const char *name)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, set);
	if (mkdir(path, 0700) && errno != EEXIST)
		fail(path);
	snprintf(path, sizeof(path), "%s/%s/%s", directory, set, name);
	file = fopen(path, "we");
	if (!file)
		fail(path);
	return file;
}

static void write_seed(const char *set, const char *name, const void *bytes, size_t length)
{
	FILE *file = open_seed(set, name);

	if (fwrite(bytes, 1, length, file) != length || fclose(file))
		fail(name);
}

/*
 * --- Traces
 * --------------------------------------------------------------------------------------------------------------
 */

/* Moves every reference of a record down by `bytes`. */
static void shift_references(uint8_t *record, uint32_t bytes)
{
	struct trace_record word;
	size_t count;
	const struct trace_field *fields;

	memcpy(&word, record, sizeof(word));
	fields = trace_fields(word.type, &count);
	for (size_t i = 0; i < count; i++) {
		trace_ref ref;

		if (fields[i].kind != FIELD_REF || (size_t)fields[i].offset + sizeof(ref) > word.size)
			continue;
		memcpy(&ref, record + fields[i].offset, sizeof(ref));
		if (ref >= bytes)
			ref -= bytes;
		memcpy(record + fields[i].offset, &ref, sizeof(ref));
	}
}

/*
 * Files that are really there would be opened for their symbols, which costs more than all the rest: that is
 * fuzz_symbols's part. Their names stay as they are but for the beginning, since what is told of them depends on the
 * last part.
 */
static void hide_file(uint8_t *record)
{
	struct trace_module *module = (struct trace_module *)(void *)record;

	if (module->record.type != TRACE_MODULE || module->path_length < 2)
		return;
	module->path[1] = '?';
	module->build_id_length = module->start % 8192 ? module->build_id_length : 0;
}

/* Takes the hole between header and log away, and what follows the log. Returns the new length. */
static size_t squeeze(uint8_t *bytes, size_t length)
{
	struct trace_header *header = (struct trace_header *)(void *)bytes;
	uint32_t hole = header->header_bytes - (uint32_t)sizeof(*header);
	static uint32_t offsets[MAX_RECORDS];
	size_t count = trace_records(bytes, length, offsets, MAX_RECORDS);
	struct trace_record last;

	for (size_t i = 0; i < count; i++) {
		shift_references(bytes + offsets[i], hole);
		hide_file(bytes + offsets[i]);
	}
	if (count) {
		memcpy(&last, bytes + offsets[count - 1], sizeof(last));
		length = offsets[count - 1] + last.size;
	} else {
		length = header->header_bytes;
	}
	memmove(bytes + sizeof(*header), bytes + header->header_bytes, length - header->header_bytes);
	header->header_bytes = sizeof(*header);
	header->file_bytes = header->log_end = length - hole;
	return length - hole;
}

static void write_trace(const char *name, uint8_t *bytes, size_t length, uint32_t selector)
{
	struct trace_header *header = (struct trace_header *)(void *)bytes;
	char full_name[256];

	header->reserved = selector;
	if (length > MAX_SEED) {
		fprintf(stderr, "make_seeds: %s is left out: %zu bytes\n", name, length);
		return;
	}
	snprintf(full_name, sizeof(full_name), "%s-%x", name, selector);
	if (selector < 4 || !strncmp(name, "run", 3))
		write_seed("trace", full_name, bytes, length);
	if (length <= MAX_REPORT_SEED)
		write_seed("report", full_name, bytes, length);
}

static void make_everything(void)
{
	struct builder builder;
	size_t length;

	builder_init(&builder);
	fixture_everything(&builder);
	length = squeeze(builder.bytes, builder.length);
	for (uint32_t selection = 0; selection < 4; selection++)
		write_trace("everything", builder.bytes, length, selection);
	builder_free(&builder);
}

/*
 * Two incidents of one kind, with both ends of the connection and a Python stack: for each thing that can be done with
 * a trace.
 */
static void make_kinds(void)
{
	static const uint64_t frames[] = {0x100010, 0x200010, 0x300010};
	static const char python[] = "  File \"/srv/app.py\", line 12 in reply\n";

	for (uint32_t selection = 0; selection < 2 * SELECTIONS; selection++) {
		struct builder builder;
		unsigned kind = TRACE_WRITE_AFTER_PEER_CLOSE + selection % (TRACE_KINDS_END - 1);
		trace_ref process;
		trace_ref text;
		trace_ref stack;
		trace_ref socket;
		struct trace_incident *incident;
		struct trace_socket *peer;
		size_t length;

		builder_init(&builder);
		process = builder_process(&builder);
		builder_module(&builder, "/opt/server\n", 0x100000, 0x101000, NULL, 0);
		builder_module(&builder, "/opt/python3.11", 0x200000, 0x201000, NULL, 0);
		text = builder_text(&builder, TRACE_TEXT_PYTHON_STACK, python, sizeof(python) - 1);
		stack = builder_stack(&builder, frames, 3, text);
		text = builder_text(&builder, TRACE_TEXT_LABEL, "test_reply", 10);
		socket = builder_socket(&builder, process, 50000);
		peer = builder_at(&builder, builder_socket(&builder, process, 50000));
		peer->local.port = 50000;
		peer->peer.port = 6379;
		peer->stack_closed = stack;
		for (unsigned i = 0; i < 2; i++) {
			incident = builder_at(&builder, builder_incident(&builder, process, socket, kind));
			incident->label = incident->text = incident->preview = text;
			incident->stack_write = incident->stack_told = incident->stack_opened = stack;
			incident->outcome = (uint8_t)(selection % 4);
			incident->flags = i ? 1u << selection % 8 : 0;
		}
		length = squeeze(builder.bytes, builder.length);
		write_trace("kind", builder.bytes, length,
			selection < SELECTIONS ? selection : selection - SELECTIONS + 0x3f00);
		builder_free(&builder);
	}
}

/* Small enough that a few changes reach everything that there is. */
static void make_small(void)
{
	static const uint64_t frames[] = {0x100010, 0x200010};
	struct builder builder;
	size_t length;
	trace_ref process;
	trace_ref socket;
	trace_ref stack;
	struct trace_incident *incident;

	builder_init(&builder);
	process = builder_process(&builder);
	builder_module(&builder, "/opt/server", 0x100000, 0x201000, NULL, 0);
	stack = builder_stack(&builder, frames, 2, 0);
	socket = builder_socket(&builder, process, 50000);
	incident = builder_at(&builder, builder_incident(&builder, process, socket, TRACE_WRITE_AFTER_PEER_CLOSE));
	incident->stack_write = stack;
	length = squeeze(builder.bytes, builder.length);
	for (uint32_t selection = 0; selection < SELECTIONS; selection++)
		write_trace("small", builder.bytes, length, selection);
	builder_free(&builder);
}

/* More than are looked at one by one (module_index.h), some of them one over the other. */
static void make_modules(void)
{
	static const uint64_t frames[] = {0x100010, 0x100810, 0x104010, 0x200010};
	struct builder builder;
	trace_ref process;
	trace_ref stack;
	struct trace_incident *incident;

	builder_init(&builder);
	process = builder_process(&builder);
	for (uint64_t i = 0; i < 70; i++)
		builder_module(&builder, "/opt/a", 0x100000 + i % 50 * 0x400, 0x100800 + i % 50 * 0x400, NULL, 0);
	stack = builder_stack(&builder, frames, sizeof(frames) / sizeof(frames[0]), 0);
	incident = builder_at(&builder, builder_incident(&builder, process, 0, TRACE_WRITE_AFTER_CLOSE));
	incident->stack_write = stack;
	for (unsigned i = 0; i < 3; i++)
		builder_module(&builder, "/opt/b", 0x100000, 0x108000, NULL, 0);
	write_trace("modules", builder.bytes, squeeze(builder.bytes, builder.length), 1);
	builder_free(&builder);
}

static uint8_t *read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "re");
	uint8_t *bytes;

	/* What lies beyond is hole. */
	*length = 8u << 20;
	bytes = malloc(*length);
	if (!file || !bytes)
		fail(path);
	*length = fread(bytes, 1, *length, file);
	fclose(file);
	return bytes;
}

static void add_trace(const char *path, unsigned number)
{
	size_t length;
	uint8_t *bytes = read_file(path, &length);
	const struct trace_header *header = (const struct trace_header *)(void *)bytes;
	char name[32];

	if (length < TRACE_HEADER_BYTES || memcmp(header->magic, TRACE_MAGIC, sizeof(header->magic)) != 0) {
		fprintf(stderr, "make_seeds: %s is no trace\n", path);
		exit(1);
	}
	snprintf(name, sizeof(name), "run%02u", number);
	length = squeeze(bytes, length);
	write_trace(name, bytes, length, number % SELECTIONS | (number & 1 ? 0x300 : 0));
	free(bytes);
}

/*
 * --- Others
 * --------------------------------------------------------------------------------------------------------------
 */

static void make_roster(void)
{
	static const struct {
		uint32_t type;
		int32_t pid;
		const char *path;
	} entries[] = {
		{TRACE_ROSTER_SIGNED_IN, 7, ""},
		{TRACE_ROSTER_EXEC, 7, "/bin/sh"},
		{TRACE_ROSTER_EXEC_FAILED, 7, ""},
		{TRACE_ROSTER_SPAWNED, 8, "/nonexistent/program"},
		{TRACE_ROSTER_EXEC, 9, "ls"},
		{TRACE_ROSTER_NO_TRACE, 10, "/var/log/x.trace: errno 13"},
	};
	FILE *file = open_seed("roster", "all");

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		struct trace_roster_entry entry = {
			.magic = TRACE_ROSTER_MAGIC, .type = entries[i].type, .pid = entries[i].pid, .t_ns = i + 1};

		snprintf(entry.path, sizeof(entry.path), "%s", entries[i].path);
		if (fwrite(&entry, sizeof(entry), 1, file) != 1)
			fail("roster");
	}
	if (fclose(file))
		fail("roster");
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: make_seeds DIRECTORY [TRACE...]\n");
		return 2;
	}
	directory = argv[1];
	if (mkdir(directory, 0700) && errno != EEXIST)
		fail(directory);
	make_everything();
	make_kinds();
	make_small();
	make_modules();
	make_roster();
	for (int i = 2; i < argc; i++)
		add_trace(argv[i], (unsigned)i - 2);
	return 0;
}
