/* render.c: the trace event format. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/format_fixture.h"
#include "tests/unit/json_check.h"

static struct format_fixture fixture;
static yajl_val root;

static void set_up(void)
{
	format_set_up(&fixture);
}

static void tear_down(void)
{
	yajl_tree_free(root);
	format_tear_down(&fixture);
}

TestSuite(render_perfetto, .init = set_up, .fini = tear_down);

static void make_report(void)
{
	root = json_parse(format_report(&fixture, "perfetto", NULL));
}

Test(render_perfetto, is_as_it_was_found_good)
{
	format_expect_golden(&fixture, "perfetto", "everything.perfetto.json");
}

static yajl_val event(size_t index)
{
	yajl_val list = json_at(root, "traceEvents");

	cr_assert(YAJL_IS_ARRAY(list) && index < list->u.array.len);
	return list->u.array.values[index];
}

static bool is(yajl_val object, const char *name, const char *value)
{
	yajl_val member = yajl_tree_get(object, (const char *[]){name, NULL}, yajl_t_string);

	return member && !strcmp(member->u.string, value);
}

/* The n-th event of this phase and name. */
static yajl_val find_event(const char *phase, const char *name, unsigned n)
{
	for (size_t i = 0; i < json_length(root, "traceEvents"); i++)
		if (is(event(i), "ph", phase) && is(event(i), "name", name) && !n--)
			return event(i);
	return NULL;
}

Test(render_perfetto, every_event_has_what_viewers_need)
{
	fixture_everything(&fixture.builder);
	make_report();
	for (size_t i = 0; i < json_length(root, "traceEvents"); i++) {
		cr_assert(YAJL_IS_INTEGER(json_at(event(i), "pid")));
		cr_assert(YAJL_IS_INTEGER(json_at(event(i), "tid")));
		json_at(event(i), "name");
		if (is(event(i), "ph", "M"))
			continue;
		cr_assert(YAJL_IS_NUMBER(json_at(event(i), "ts")));
		cr_assert_geq(YAJL_GET_DOUBLE(json_at(event(i), "ts")), 0);
		if (is(event(i), "ph", "X"))
			cr_assert_gt(YAJL_GET_DOUBLE(json_at(event(i), "dur")), 0);
	}
}

Test(render_perfetto, an_incident_is_an_instant_on_its_sockets_track)
{
	trace_ref process = builder_process(&fixture.builder);
	yajl_val instant;
	yajl_val slice;

	builder_incident(&fixture.builder, process, builder_socket(&fixture.builder, process, 50000),
		TRACE_WRITE_AFTER_PEER_CLOSE);
	make_report();
	instant = find_event("i", "write-after-peer-close", 0);
	slice = find_event("X", "tcp 127.0.0.1:6379 -> 127.0.0.1:50000", 0);
	cr_assert(instant && slice);
	cr_assert_eq(YAJL_GET_INTEGER(json_at(instant, "tid")), YAJL_GET_INTEGER(json_at(slice, "tid")));
	cr_assert_not_null(find_event("i", "read", 1));
	cr_assert_null(find_event("i", "read", 2));
}

Test(render_perfetto, incidents_of_one_socket_share_their_operations)
{
	trace_ref process = builder_process(&fixture.builder);
	trace_ref socket = builder_socket(&fixture.builder, process, 50000);

	builder_incident(&fixture.builder, process, socket, TRACE_WRITE_AFTER_PEER_CLOSE);
	builder_incident(&fixture.builder, process, socket, TRACE_WRITE_AFTER_RESET);
	make_report();
	cr_assert_not_null(find_event("i", "read", 1));
	cr_assert_null(find_event("i", "read", 2));
}

Test(render_perfetto, arrows_have_both_ends)
{
	fixture_everything(&fixture.builder);
	make_report();
	for (size_t i = 0; i < json_length(root, "traceEvents"); i++) {
		size_t starts = 0;

		if (!is(event(i), "ph", "f"))
			continue;
		json_expect_string(event(i), "bp", "e");
		for (size_t j = 0; j < json_length(root, "traceEvents"); j++)
			starts += is(event(j), "ph", "s") && is(event(j), "id", json_string(event(i), "id")) &&
				  is(event(j), "name", json_string(event(i), "name"));
		cr_assert_eq(starts, 1, "arrow to event %zu begins %zu times", i, starts);
	}
	cr_assert_not_null(find_event("f", "connect", 0));
}

Test(render_perfetto, images_of_one_pid_are_told_apart)
{
	builder_process(&fixture.builder);
	builder_process(&fixture.builder);
	make_report();
	cr_assert_neq(YAJL_GET_INTEGER(json_at(find_event("M", "process_name", 0), "pid")),
		YAJL_GET_INTEGER(json_at(find_event("M", "process_name", 1), "pid")));
}
