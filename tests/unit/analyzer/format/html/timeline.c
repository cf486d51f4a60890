/* timeline.c: an incident as a sequence of moments. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/format/html/timeline.h"
#include "tests/unit/report_fixture.h"

static struct builder builder;
static char *directory;
static trace_ref process;
static struct report report;
static struct sources *sources;
static struct view view;
static struct timeline timeline;

static void set_up(void)
{
	directory = builder_directory();
	builder_init(&builder);
	process = builder_process(&builder);
	sources = sources_new();
}

static void tear_down(void)
{
	timeline_free(&timeline);
	view_free(&view);
	sources_free(sources);
	symbolizer_free(report.symbolizer);
	lifecycle_free(report.lifecycle);
	builder_free(&builder);
	builder_remove(directory);
}

TestSuite(timeline, .init = set_up, .fini = tear_down);

/* The timeline of the only incident. */
static void make(void)
{
	char *path = builder_path(directory, "a.trace");
	size_t count;

	builder_write(&builder, path);
	report.lifecycle = lifecycle_read(&directory, 1, NULL);
	report.symbolizer = symbolizer_new();
	cr_assert(view_load(&report, lifecycle_incidents(report.lifecycle, &count), &view));
	timeline_make(&timeline, &view, sources);
	for (size_t i = 1; i < timeline.count; i++)
		cr_assert_leq(timeline.moments[i - 1].t_ns, timeline.moments[i].t_ns);
	free(path);
}

/* The one moment of this type at that end, or NULL. */
static const struct moment *find(enum moment_type type, bool at_peer)
{
	const struct moment *found = NULL;

	for (size_t i = 0; i < timeline.count; i++) {
		if (timeline.moments[i].type != type || timeline.moments[i].at_peer != at_peer)
			continue;
		cr_assert_null(found, "more than one, this one too: %s", timeline.moments[i].words);
		found = &timeline.moments[i];
	}
	return found;
}

static struct trace_incident *add_incident(enum trace_kind kind)
{
	trace_ref socket = builder_socket(&builder, process, 50000);

	return builder_at(&builder, builder_incident(&builder, process, socket, kind));
}

Test(timeline, goes_from_the_opening_to_the_close)
{
	add_incident(TRACE_WRITE_AFTER_PEER_CLOSE);
	make();
	cr_assert_eq(timeline.moments[0].type, MOMENT_OPENED);
	cr_assert_str_eq(timeline.moments[0].words, "accept");
	cr_assert_eq(timeline.moments[timeline.count - 1].type, MOMENT_CLOSED);
	cr_assert_str_eq(find(MOMENT_INCIDENT, false)->words, "write(12) = EPIPE");
	cr_assert_str_eq(find(MOMENT_RECEIVED, false)->words, "read(4096) = 40");
	cr_assert(find(MOMENT_RECEIVED, false)->carried);
}

Test(timeline, the_call_that_told_is_shown_once)
{
	add_incident(TRACE_WRITE_AFTER_PEER_CLOSE);
	make();
	cr_assert_str_eq(find(MOMENT_TOLD, false)->words, "read(4096) = 0");
	cr_assert_not(find(MOMENT_TOLD, false)->carried);
}

Test(timeline, a_telling_that_the_history_has_forgotten_is_shown_too)
{
	struct trace_incident *incident = add_incident(TRACE_WRITE_AFTER_PEER_CLOSE);

	incident->told_ns -= 500000000;
	strcpy(incident->told_call, "epoll_wait");
	make();
	cr_assert_str_eq(find(MOMENT_TOLD, false)->words, "epoll_wait");
}

Test(timeline, a_program_that_was_not_told_has_no_telling)
{
	add_incident(TRACE_WRITE_AFTER_PEER_CLOSE)->knowledge = TRACE_KERNEL;
	make();
	cr_assert_null(find(MOMENT_TOLD, false));
}

Test(timeline, the_incident_is_there_without_a_history)
{
	add_incident(TRACE_WRITE_AFTER_PEER_CLOSE)->history_count = 0;
	make();
	cr_assert_str_eq(find(MOMENT_INCIDENT, false)->words, "write");
}

Test(timeline, an_own_close_is_there_without_a_socket)
{
	struct trace_incident *incident = add_incident(TRACE_WRITE_AFTER_CLOSE);

	incident->socket = 0;
	make();
	cr_assert_eq(find(MOMENT_CLOSED, false)->t_ns, incident->disconnect_ns);
}

Test(timeline, both_ends_have_their_moments)
{
	trace_ref ref = builder_socket(&builder, process, 50000);
	struct trace_socket *client = builder_at(&builder, builder_socket(&builder, process, 50000));
	struct trace_address server = client->local;
	struct trace_socket *socket;

	client->local = client->peer;
	client->peer = server;
	client->origin = TRACE_CONNECT;
	client->closed_ns -= 600000000;
	socket = builder_at(&builder, ref);
	socket->peer_closed_ns = client->closed_ns + 1000;
	builder_incident(&builder, process, ref, TRACE_WRITE_AFTER_PEER_CLOSE);
	make();
	cr_assert_str_eq(find(MOMENT_OPENED, true)->words, "connect");
	cr_assert_str_eq(find(MOMENT_CLOSED, true)->words, "close");
	cr_assert_str_eq(find(MOMENT_END_SEEN, false)->words, "the peer's FIN has arrived");
	cr_assert_lt(find(MOMENT_CLOSED, true), find(MOMENT_END_SEEN, false));
}

Test(timeline, an_unfinished_call_did_not_return)
{
	add_incident(TRACE_WRITE_AFTER_PEER_CLOSE)->flags |= TRACE_INCIDENT_IN_CALL;
	make();
	cr_assert_str_eq(find(MOMENT_INCIDENT, false)->words, "write(12) did not return");
}
