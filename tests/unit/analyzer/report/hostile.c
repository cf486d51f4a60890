/* hostile.c: no trace, however broken, makes the analyzer crash, hang or take memory without bound. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/report_fixture.h"

static struct builder builder;
static char *directory;
static char *path;

static void set_up(void)
{
	directory = builder_directory();
	path = builder_path(directory, "a.trace");
	builder_init(&builder);
	fixture_everything(&builder);
	cr_redirect_stderr();
}

static void tear_down(void)
{
	builder_free(&builder);
	builder_remove(directory);
	free(path);
}

TestSuite(hostile, .init = set_up, .fini = tear_down, .timeout = 300);

/* Reads what is in the directory now; any of the statuses is right, as long as there is one. */
static void read_it(void)
{
	static const char *const formats[] = {"text", "json"};

	for (size_t i = 0; i < 2; i++) {
		int status;
		char *report = fixture_report(formats[i], directory, NULL, &status);

		cr_assert(status == 0 || status == EXIT_INCIDENTS || status == EXIT_NO_TRACE, "status %d", status);
		free(report);
	}
}

Test(hostile, cut_off_anywhere)
{
	builder_write(&builder, path);
	for (size_t length = builder.length; length > TRACE_HEADER_BYTES; length -= 8) {
		cr_assert_eq(truncate(path, (off_t)length), 0);
		read_it();
	}
	for (size_t length = TRACE_HEADER_BYTES; length > 0; length /= 2) {
		cr_assert_eq(truncate(path, (off_t)length), 0);
		read_it();
	}
}

/* A small generator of its own, so that a failure can be repeated. */
static uint32_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(*state >> 33);
}

Test(hostile, random_bytes_changed)
{
	unsigned char *original = malloc(builder.length);
	uint64_t state = 1;

	cr_assert_not_null(original);
	memcpy(original, builder.bytes, builder.length);
	for (unsigned round = 0; round < 600; round++) {
		unsigned changes = 1 + next_random(&state) % 40;

		memcpy(builder.bytes, original, builder.length);
		for (unsigned i = 0; i < changes; i++) {
			/* Half of the rounds leave the header alone, or few would get past it. */
			size_t first = round % 2 ? TRACE_HEADER_BYTES : 0;

			builder.bytes[first + next_random(&state) % (builder.length - first)] =
				(unsigned char)next_random(&state);
		}
		builder_write(&builder, path);
		read_it();
	}
	free(original);
}

Test(hostile, aligned_words_changed_to_extremes)
{
	static const uint32_t extremes[] = {0, 1, 8, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff};
	unsigned char *original = malloc(builder.length);
	uint64_t state = 2;

	cr_assert_not_null(original);
	memcpy(original, builder.bytes, builder.length);
	for (unsigned round = 0; round < 1000; round++) {
		memcpy(builder.bytes, original, builder.length);
		for (unsigned i = 0; i < 20; i++) {
			size_t at = TRACE_HEADER_BYTES +
				    next_random(&state) % ((builder.length - TRACE_HEADER_BYTES) / 4) * 4;

			memcpy(builder.bytes + at, &extremes[next_random(&state) % 7], 4);
		}
		builder_write(&builder, path);
		read_it();
	}
	free(original);
}

Test(hostile, references_that_lead_back_to_themselves)
{
	trace_ref process = TRACE_HEADER_BYTES;
	trace_ref ref = builder_incident(&builder, process, 0, TRACE_WRITE_AFTER_CLOSE);
	struct trace_incident *incident = builder_at(&builder, ref);

	incident->socket = incident->other_socket = incident->stack_write = incident->stack_told =
		incident->stack_closed = incident->stack_opened = incident->label = incident->text = incident->process =
			ref;
	builder_write(&builder, path);
	read_it();
}

Test(hostile, many_sockets_of_one_address)
{
	for (unsigned i = 0; i < 3000; i++) {
		struct trace_socket *socket = builder_at(&builder, builder_socket(&builder, TRACE_HEADER_BYTES, 6379));

		socket->opened_ns = socket->closed_ns = 1;
	}
	builder_write(&builder, path);
	read_it();
}

/*
 * Modules one inside the other, and incidents whose stacks lie in none of them: what takes long where each is looked
 * at.
 */
Test(hostile, thousands_of_modules_and_of_incidents)
{
	static uint64_t frames[TRACE_STACK_MAX];
	trace_ref stack;

	for (size_t i = 0; i < TRACE_STACK_MAX; i++)
		frames[i] = 0x7f0000000000 + i;
	for (unsigned i = 0; i < 40000; i++)
		builder_module(&builder, "/opt/x", 0x400000, 0x400000 + i, NULL, 0);
	stack = builder_stack(&builder, frames, TRACE_STACK_MAX, 0);
	for (unsigned i = 0; i < 2000; i++) {
		struct trace_incident *incident = builder_at(
			&builder, builder_incident(&builder, TRACE_HEADER_BYTES, 0, TRACE_WRITE_AFTER_CLOSE));

		incident->stack_write = incident->stack_told = incident->stack_closed = incident->stack_opened = stack;
	}
	builder_write(&builder, path);
	read_it();
}

Test(hostile, a_file_that_claims_to_be_huge)
{
	struct trace_header *header = builder_at(&builder, 0);
	int descriptor;

	builder_write(&builder, path);
	header->file_bytes = UINT64_MAX;
	header->log_end = UINT64_MAX;
	descriptor = open(path, O_WRONLY | O_CLOEXEC);
	cr_assert_eq(pwrite(descriptor, header, sizeof(*header), 0), (ssize_t)sizeof(*header));
	cr_assert_eq(ftruncate(descriptor, INT64_C(1) << 40), 0);
	close(descriptor);
	read_it();
}
