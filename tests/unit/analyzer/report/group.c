/* group.c: what is the same thing again, and what comes first. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/report/group.h"
#include "tests/unit/trace_builder.h"

static struct frame frame(const char *function, bool system)
{
	return (struct frame){.function = function,
		.file = "a.c",
		.module = "/opt/server",
		.build_id = "",
		.offset = 0x10,
		.system = system};
}

static void expect_names(struct frame *frames, size_t count, const char *expected)
{
	struct stack stack = {.frames = frames, .count = count};
	char *names = group_names(&stack);

	cr_assert_str_eq(names, expected);
	free(names);
}

Test(group, fingerprints_take_the_programs_own_functions)
{
	struct frame frames[] = {frame("SSL_write", true), frame("reply", false), frame("loop", false),
		frame("run", false), frame("main", false)};

	expect_names(frames, 5, "reply\nloop\nrun\n");
}

Test(group, without_own_functions_any_do)
{
	struct frame frames[] = {frame("SSL_write", true), frame("bio_write", true)};

	expect_names(frames, 2, "SSL_write\nbio_write\n");
}

Test(group, unknown_functions_are_places_in_modules)
{
	struct frame frames[] = {frame("", false)};

	expect_names(frames, 1, "server+0x10\n");
}

Test(group, python_functions_go_by_file)
{
	struct frame frames[] = {frame("reply", false), frame("send", true), frame("sock_send", true)};

	frames[0].language = frames[1].language = LANGUAGE_PYTHON;
	frames[0].file = "/srv/app.py";
	frames[1].file = "/usr/lib/python3.11/socket.py";
	expect_names(frames, 3, "app.py:reply\n");
	expect_names(frames + 1, 2, "socket.py:send\n");
}

Test(group, worst_first_and_gravest_at_the_head)
{
	struct builder builder;
	char *directory = builder_directory();
	char *path = builder_path(directory, "a.trace");
	struct symbolizer *symbolizer = symbolizer_new();
	struct lifecycle *lifecycle;
	struct groups groups;
	struct incident *incidents;
	size_t count;
	trace_ref process;

	builder_init(&builder);
	process = builder_process(&builder);
	for (uint16_t i = 0; i < 6; i++) {
		struct trace_incident *record =
			builder_at(&builder, builder_incident(&builder, process, builder_socket(&builder, process, i),
						     TRACE_WRITE_AFTER_PEER_CLOSE));

		record->first_ns += i;
		record->knowledge = i < 3 ? TRACE_KERNEL : TRACE_TOLD;
		record->sigpipe = i == 5 ? TRACE_SIGPIPE_FATAL : TRACE_SIGPIPE_RAISED;
	}
	builder_write(&builder, path);
	lifecycle = lifecycle_read(&path, 1, NULL);
	group_identify(lifecycle, symbolizer);
	group_incidents(lifecycle, &groups);
	incidents = lifecycle_incidents(lifecycle, &count);
	cr_assert_eq(groups.count, 2);
	cr_assert_eq(groups.groups[0].first, 0);
	cr_assert_eq(groups.groups[0].count, 3);
	cr_assert_eq(groups.groups[1].count, 3);
	cr_assert_eq(incidents[0].sigpipe, TRACE_SIGPIPE_FATAL);
	cr_assert_eq(incidents[3].severity, SEVERITY_WARNING);
	cr_assert_eq(incidents[0].fingerprint, incidents[2].fingerprint);
	/* whether the program had been told is a matter of timing: the next run may say otherwise of the same bug */
	cr_assert_eq(incidents[0].fingerprint, incidents[3].fingerprint);
	group_free(&groups);
	lifecycle_free(lifecycle);
	symbolizer_free(symbolizer);
	builder_free(&builder);
	builder_remove(directory);
	free(path);
}
