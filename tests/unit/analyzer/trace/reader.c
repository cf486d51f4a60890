/* reader.c: valid, torn, foreign and hostile trace files. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/trace/reader.h"
#include "tests/unit/trace_builder.h"

static struct builder builder;
static char *directory;
static char *path;
static trace_ref process;
static trace_ref stack;
static trace_ref text;
static trace_ref socket_ref;

static void set_up(void)
{
	static const uint64_t frames[] = {0x1010, 0x1020, 0x1030};

	directory = builder_directory();
	path = builder_path(directory, "a.trace");
	builder_init(&builder);
	process = builder_process(&builder);
	text = builder_text(&builder, TRACE_TEXT_LABEL, "hello", 5);
	stack = builder_stack(&builder, frames, 3, 0);
	socket_ref = builder_socket(&builder, process, 50000);
	cr_redirect_stderr();
}

static void tear_down(void)
{
	builder_free(&builder);
	builder_remove(directory);
	free(path);
}

TestSuite(reader, .init = set_up, .fini = tear_down);

static struct reader open_trace(void)
{
	struct reader reader;

	builder_write(&builder, path);
	cr_assert(reader_open(&reader, path, false));
	return reader;
}

/* Walks to the end; returns how many records there were. */
static size_t count_records(bool *damaged)
{
	struct reader reader = open_trace();
	struct reader_walk walk;
	trace_ref ref;
	size_t count = 0;

	reader_walk_begin(&walk, &reader, false);
	while (reader_walk_next(&walk, &ref))
		count++;
	*damaged = walk.damaged;
	reader_walk_end(&walk);
	reader_close(&reader);
	return count;
}

/* What was said on standard error, with every number of file offsets as it is. */
static void expect_complaint(const char *part)
{
	char said[1024] = "";
	FILE *stream = cr_get_redirected_stderr();
	size_t length;

	fflush(stderr);
	length = fread(said, 1, sizeof(said) - 1, stream);
	said[length] = '\0';
	cr_assert_not_null(strstr(said, part), "expected \"%s\" in \"%s\"", part, said);
}

static void expect_refused(const char *why)
{
	struct reader reader;

	builder_write(&builder, path);
	cr_assert_not(reader_open(&reader, path, false));
	expect_complaint(why);
}

static struct trace_header *header(void)
{
	return builder_at(&builder, 0);
}

Test(reader, walks_over_all_records)
{
	bool damaged;

	cr_assert_eq(count_records(&damaged), 4);
	cr_assert_not(damaged);
}

Test(reader, skips_records_that_are_not_committed)
{
	struct trace_record *record = builder_at(&builder, stack);
	bool damaged;

	record->state = TRACE_CLAIMED;
	record = builder_at(&builder, text);
	record->state = TRACE_VOID;
	cr_assert_eq(count_records(&damaged), 2);
	cr_assert_not(damaged);
}

Test(reader, skips_types_of_later_writers)
{
	bool damaged;

	builder_record(&builder, 900, 64);
	builder_socket(&builder, process, 50001);
	cr_assert_eq(count_records(&damaged), 5);
	cr_assert_not(damaged);
}

Test(reader, takes_records_that_have_grown)
{
	bool damaged;

	builder_record(&builder, TRACE_SOCKET, sizeof(struct trace_socket) + 64);
	builder_socket(&builder, process, 50001);
	cr_assert_eq(count_records(&damaged), 6);
	cr_assert_not(damaged);
}

Test(reader, crosses_windows)
{
	bool damaged;

	for (unsigned i = 0; i < 10000; i++)
		builder_socket(&builder, process, 1);
	cr_assert_eq(count_records(&damaged), 10004);
	cr_assert_not(damaged);
}

Test(reader, tells_damage_and_stops_there)
{
	static const uint32_t sizes[] = {1, 4, 12, 0xfffffff8, 0x7ffffff8};
	bool damaged;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct trace_record *record = builder_at(&builder, stack);

		record->size = sizes[i];
		cr_assert_eq(count_records(&damaged), 2);
		cr_assert(damaged);
	}
	expect_complaint("a.trace: offset ");
}

Test(reader, records_shorter_than_their_type_are_damage)
{
	struct trace_record *record = builder_at(&builder, socket_ref);
	bool damaged;

	record->size = 64;
	cr_assert_eq(count_records(&damaged), 3);
	cr_assert(damaged);
	expect_complaint("as long as its type");
}

Test(reader, tells_a_torn_tail)
{
	bool damaged;

	builder.length += 4096; /* as if more had been logged, of which only a hole is left */
	cr_assert_eq(count_records(&damaged), 4);
	cr_assert_not(damaged);
	expect_complaint("the rest was lost");
}

Test(reader, refuses_other_files)
{
	header()->magic[0] = 'X';
	expect_refused("another kind of file");
}

Test(reader, refuses_newer_versions)
{
	header()->version = TRACE_VERSION + 1;
	expect_refused("newer");
}

Test(reader, refuses_other_byte_orders)
{
	header()->byte_order = 0x04030201;
	expect_refused("another architecture");
}

Test(reader, refuses_headers_of_strange_sizes)
{
	header()->header_bytes = 12;
	expect_refused("offset 16");
}

Test(reader, refuses_what_is_no_file)
{
	struct reader reader;
	char *fifo = builder_path(directory, "fifo.trace");

	cr_assert_eq(mkfifo(fifo, 0600), 0);
	cr_assert_not(reader_open(&reader, fifo, false));
	cr_assert_not(reader_open(&reader, directory, false));
	cr_assert_not(reader_open(&reader, "/dev/null", false));
	cr_assert_not(reader_open(&reader, "/nonexistent.trace", false));
	free(fifo);
}

Test(reader, gets_only_what_was_asked_for)
{
	struct reader reader = open_trace();
	struct trace_socket socket;

	cr_assert_eq(reader_get(&reader, socket_ref, TRACE_SOCKET, &socket, sizeof(socket)), sizeof(socket));
	cr_assert_eq(socket.peer.port, 50000);
	cr_assert_eq(reader_get(&reader, process, TRACE_SOCKET, &socket, sizeof(socket)), 0);
	cr_assert_eq(reader_get(&reader, 0, TRACE_SOCKET, &socket, sizeof(socket)), 0);
	cr_assert_eq(reader_get(&reader, 8, TRACE_SOCKET, &socket, sizeof(socket)), 0);
	cr_assert_eq(reader_get(&reader, socket_ref + 4, TRACE_SOCKET, &socket, sizeof(socket)), 0);
	cr_assert_eq(reader_get(&reader, 0xfffffff8, TRACE_SOCKET, &socket, sizeof(socket)), 0);
	reader_close(&reader);
}

Test(reader, clamps_lengths_to_the_record)
{
	uint64_t words[16] = {0};
	struct trace_stack *frames = (struct trace_stack *)words;
	struct trace_text *message = (struct trace_text *)words;
	struct trace_module *module = (struct trace_module *)words;

	frames->frame_count = 0xffffffff;
	cr_assert_eq(reader_stack_frames(frames, sizeof(*frames) + 3 * sizeof(uint64_t)), 3);
	message->length = 0xffffffff;
	cr_assert_eq(reader_text_length(message, sizeof(*message) + 8), 8);
	module->path_length = 0xffff;
	memcpy(module->path, "abcdefg", 8);
	cr_assert_eq(reader_path_length(module, sizeof(*module) + 8), 7);
}
