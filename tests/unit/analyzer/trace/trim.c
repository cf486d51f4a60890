/* trim.c: a trace that nobody writes to any more loses its hole, and nothing else. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyzer/trace/reader.h"
#include "analyzer/trace/trace_trim.h"
#include "tests/unit/trace_builder.h"

#define FULL_BYTES (8 << 20)

static struct builder builder;
static char *directory;
static char *path;

/* A trace with a process and an incident, and a hole behind them. */
static void set_up(void)
{
	trace_ref process;

	directory = builder_directory();
	path = builder_path(directory, "a.trace");
	builder_init(&builder);
	process = builder_process(&builder);
	builder_incident(&builder, process, builder_socket(&builder, process, 50000), TRACE_WRITE_AFTER_PEER_CLOSE);
}

static void tear_down(void)
{
	builder_free(&builder);
	free(path);
	builder_remove(directory);
}

TestSuite(trace_trim, .init = set_up, .fini = tear_down);

static void write_trace(void)
{
	int descriptor;
	struct trace_header header;

	builder_write(&builder, path);
	descriptor = open(path, O_RDWR | O_CLOEXEC);
	cr_assert_eq(pread(descriptor, &header, sizeof(header), 0), (ssize_t)sizeof(header));
	header.file_bytes = FULL_BYTES;
	cr_assert_eq(pwrite(descriptor, &header, sizeof(header), 0), (ssize_t)sizeof(header));
	cr_assert_eq(ftruncate(descriptor, FULL_BYTES), 0);
	close(descriptor);
}

static size_t size_of(void)
{
	struct stat status;

	cr_assert_eq(stat(path, &status), 0);
	return (size_t)status.st_size;
}

static unsigned count_records(void)
{
	struct reader reader;
	struct reader_walk walk;
	trace_ref ref;
	unsigned count = 0;

	cr_assert(reader_open(&reader, path, false));
	reader_walk_begin(&walk, &reader, false);
	while (reader_walk_next(&walk, &ref))
		count++;
	cr_assert_not(walk.damaged);
	reader_walk_end(&walk);
	reader_close(&reader);
	return count;
}

/* Not every file system can tell who has a file open; where this one cannot, there is nothing to test. */
static void need_leases(void)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	bool works = !fcntl(descriptor, F_SETLEASE, F_RDLCK);

	close(descriptor);
	if (!works)
		cr_skip_test("this file system has no leases");
}

Test(trace_trim, takes_the_hole_and_leaves_the_records)
{
	unsigned records;

	write_trace();
	need_leases();
	records = count_records();
	cr_assert(trace_trim(path));
	cr_assert_eq(size_of(), builder.length);
	cr_assert_eq(count_records(), records);
	cr_assert(trace_trim(path));
	cr_assert_eq(size_of(), builder.length);
}

/* As a child does that forked before it used a socket: it is named nowhere, and would die of a write behind the end. */
Test(trace_trim, leaves_alone_what_a_process_has_mapped)
{
	int descriptor;
	int to_child[2];
	int to_parent[2];
	char byte = 0;
	pid_t child;

	write_trace();
	need_leases();
	cr_assert_eq(pipe(to_child) | pipe(to_parent), 0);
	child = fork();
	if (child == 0) {
		descriptor = open(path, O_RDWR | O_CLOEXEC);
		if (mmap(NULL, FULL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0) == MAP_FAILED)
			_exit(1);
		close(descriptor);
		close(to_child[1]);
		if (write(to_parent[1], &byte, 1) == 1 && read(to_child[0], &byte, 1) == 0)
			_exit(0);
		_exit(2);
	}
	cr_assert_eq(read(to_parent[0], &byte, 1), 1);
	cr_assert_not(trace_trim(path));
	cr_assert_eq(size_of(), FULL_BYTES);
	close(to_child[1]);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	cr_assert(trace_trim(path));
	cr_assert_eq(size_of(), builder.length);
}

Test(trace_trim, leaves_damage_to_be_looked_at)
{
	struct trace_record *record = builder_at(&builder, TRACE_HEADER_BYTES);

	record->size = 12;
	write_trace();
	cr_assert_not(trace_trim(path));
	cr_assert_eq(size_of(), FULL_BYTES);
}

/* The log ends before where its writer had noted: blocks were lost, and what lies behind them may still be of use. */
Test(trace_trim, leaves_a_torn_log)
{
	struct trace_record *last;
	trace_ref ref = builder_text(&builder, TRACE_TEXT_LABEL, "x", 1);

	last = builder_at(&builder, ref);
	*last = (struct trace_record){0};
	write_trace();
	cr_assert_not(trace_trim(path));
	cr_assert_eq(size_of(), FULL_BYTES);
}

Test(trace_trim, leaves_other_files)
{
	int descriptor = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	cr_assert_eq(write(descriptor, "text\n\0\0\0", 8), 8);
	close(descriptor);
	cr_assert_not(trace_trim(path));
	cr_assert_eq(size_of(), 8);
}
