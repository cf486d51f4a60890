/* test_group.c: what is the same thing again, and what comes first. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/report/group.h"
#include "analyzer/wording/kinds.h"
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

static enum severity severity(
	enum trace_kind kind, enum trace_knowledge knowledge, enum trace_outcome outcome, uint32_t flags, int error)
{
	struct incident incident = {
		.kind = kind, .knowledge = knowledge, .outcome = outcome, .flags = flags, .error = error};

	return kinds_severity(&incident);
}

Test(kinds, severities)
{
	cr_assert_eq(severity(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_TOLD, TRACE_LOST, 0, 0), SEVERITY_ERROR);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_TOLD, TRACE_REJECTED, 0, EPIPE), SEVERITY_ERROR);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_TOLD, TRACE_DELIVERED, 0, 0), SEVERITY_NOTE);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_TOLD, TRACE_UNCONFIRMED, 0, 0), SEVERITY_WARNING);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_KERNEL, TRACE_LOST, 0, 0), SEVERITY_WARNING);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_PEER_CLOSE, TRACE_TOLD, TRACE_LOST, TRACE_INCIDENT_FAREWELL, 0),
		SEVERITY_NOTE);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_RESET, TRACE_TOLD, TRACE_REJECTED, 0, EPIPE), SEVERITY_ERROR);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_RESET, TRACE_KERNEL, TRACE_REJECTED, 0, ECONNRESET), SEVERITY_WARNING);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_RESET, TRACE_TOLD, TRACE_REJECTED, TRACE_INCIDENT_ICMP, ECONNREFUSED),
		SEVERITY_NOTE);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_SHUTDOWN, TRACE_TOLD, TRACE_REJECTED, 0, EPIPE), SEVERITY_ERROR);
	cr_assert_eq(severity(TRACE_WRITE_AFTER_CLOSE, TRACE_TOLD, TRACE_REJECTED, 0, EBADF), SEVERITY_ERROR);
	cr_assert_eq(severity(TRACE_WRITE_BEFORE_CONNECT, TRACE_TOLD, TRACE_REJECTED, 0, EPIPE), SEVERITY_ERROR);
	cr_assert_eq(
		severity(TRACE_WRITE_BEFORE_CONNECT, TRACE_TOLD, TRACE_REJECTED, TRACE_INCIDENT_CONNECTING, EAGAIN),
		SEVERITY_NOTE);
	cr_assert_eq(severity(TRACE_WRITE_TO_SILENT_PEER, TRACE_KERNEL, TRACE_UNCONFIRMED, 0, 0), SEVERITY_WARNING);
	cr_assert_eq(severity(99, TRACE_TOLD, TRACE_LOST, 0, 0), SEVERITY_WARNING);
}

Test(kinds, silence_that_ended_well_is_a_note)
{
	cr_assert_eq(severity(TRACE_WRITE_TO_SILENT_PEER, TRACE_KERNEL, TRACE_DELIVERED, TRACE_INCIDENT_HEALED, 0),
		SEVERITY_NOTE);
	cr_assert_eq(severity(TRACE_WRITE_TO_SILENT_PEER, TRACE_KERNEL, TRACE_LOST, 0, 0), SEVERITY_WARNING);
	cr_assert_eq(severity(TRACE_WRITE_TO_SILENT_PEER, TRACE_NOBODY, TRACE_LOST, 0, ETIMEDOUT), SEVERITY_WARNING);
	/* It came back for a while, and later bytes were lost after all. */
	cr_assert_eq(severity(TRACE_WRITE_TO_SILENT_PEER, TRACE_KERNEL, TRACE_LOST, TRACE_INCIDENT_HEALED, 0),
		SEVERITY_WARNING);
}

Test(kinds, a_close_that_loses_bytes_is_an_error_for_who_was_told)
{
	struct incident incident = {.kind = TRACE_LOST_ON_CLOSE, .knowledge = TRACE_TOLD, .outcome = TRACE_LOST};

	cr_assert_eq(kinds_severity(&incident), SEVERITY_WARNING);
	incident.told_by_call = true;
	cr_assert_eq(kinds_severity(&incident), SEVERITY_ERROR);
}

Test(kinds, a_goodbye_is_a_note_unless_it_kills)
{
	struct incident incident = {.kind = TRACE_WRITE_AFTER_RESET,
		.knowledge = TRACE_TOLD,
		.outcome = TRACE_REJECTED,
		.flags = TRACE_INCIDENT_FAREWELL};

	cr_assert_eq(kinds_severity(&incident), SEVERITY_NOTE);
	incident.sigpipe = TRACE_SIGPIPE_RAISED;
	cr_assert_eq(kinds_severity(&incident), SEVERITY_NOTE);
	incident.sigpipe = TRACE_SIGPIPE_FATAL;
	cr_assert_eq(kinds_severity(&incident), SEVERITY_ERROR);
	incident.sigpipe = TRACE_SIGPIPE_NONE;
	incident.kind = TRACE_WRITE_AFTER_CLOSE; /* whatever it was, it went to a number that was closed */
	cr_assert_eq(kinds_severity(&incident), SEVERITY_ERROR);
}

Test(kinds, every_kind_has_all_its_words)
{
	size_t count;
	const struct kind *kinds = kinds_all(&count);

	cr_assert_eq(count, TRACE_KINDS_END - 1);
	for (size_t i = 0; i < count; i++) {
		const struct kind_text *text = kinds[i].text;

		cr_assert(text->summary && text->event && text->past_event && text->meaning && text->causes &&
			  text->fix && text->usually);
		cr_assert_eq(kinds_find(kinds[i].id), &kinds[i]);
		cr_assert_eq(kinds_get((unsigned)i + 1), &kinds[i]);
	}
	cr_assert_null(kinds_find("no-such-kind"));
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
	cr_assert_neq(incidents[0].fingerprint, incidents[3].fingerprint);
	group_free(&groups);
	lifecycle_free(lifecycle);
	symbolizer_free(symbolizer);
	builder_free(&builder);
	builder_remove(directory);
	free(path);
}
