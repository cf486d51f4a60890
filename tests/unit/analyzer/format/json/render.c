/* render.c: the schema socksan-report/1. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_tree.h>

#include "tests/unit/format_fixture.h"
#include "tests/unit/report_fixture.h"

static struct builder builder;
static char *directory;
static char *report;
static yajl_val root;

static void set_up(void)
{
	directory = builder_directory();
	builder_init(&builder);
}

static void tear_down(void)
{
	yajl_tree_free(root);
	free(report);
	builder_free(&builder);
	builder_remove(directory);
}

TestSuite(render_json, .init = set_up, .fini = tear_down);

static int make_report(const struct run_facts *facts)
{
	char *path = builder_path(directory, "a.trace");
	char error[256] = "";
	int status;

	builder_write(&builder, path);
	report = fixture_report("json", directory, facts, &status);
	root = yajl_tree_parse(report, error, sizeof(error));
	cr_assert_not_null(root, "%s", error);
	free(path);
	return status;
}

static yajl_val get(yajl_val from, const char *name)
{
	yajl_val value;

	cr_assert_not_null(from);
	value = yajl_tree_get(from, (const char *[]){name, NULL}, yajl_t_any);
	cr_assert_not_null(value, "there is no \"%s\"", name);
	return value;
}

static yajl_val element(const char *list, size_t index)
{
	yajl_val array = get(root, list);

	cr_assert(YAJL_IS_ARRAY(array) && YAJL_GET_ARRAY(array)->len > index);
	return YAJL_GET_ARRAY(array)->values[index];
}

static size_t length_of(yajl_val array)
{
	cr_assert(YAJL_IS_ARRAY(array));
	return YAJL_GET_ARRAY(array)->len;
}

static void expect_string(yajl_val from, const char *name, const char *expected)
{
	yajl_val value = get(from, name);

	cr_assert(YAJL_IS_STRING(value), "\"%s\" is no string", name);
	cr_assert_str_eq(YAJL_GET_STRING(value), expected);
}

static void expect_number(yajl_val from, const char *name, long long expected)
{
	yajl_val value = get(from, name);

	cr_assert(YAJL_IS_INTEGER(value), "\"%s\" is no integer", name);
	cr_assert_eq(YAJL_GET_INTEGER(value), expected);
}

Test(render_json, is_as_it_was_found_good)
{
	struct format_fixture fixture = {0};

	format_set_up(&fixture);
	format_expect_golden(&fixture, "json", "everything.json");
	format_tear_down(&fixture);
}

/* Every name of docs/DESIGN.md, section 5, is there, in each list. */
Test(render_json, has_every_field_of_the_schema)
{
	static const char *const in_summary[] = {"error", "warning", "note", "suppressed", "processes", "sockets",
		"lost_records", "unaudited_processes"};
	static const char *const in_process[] = {"pid", "ppid", "exe", "argv", "started_ns", "ended", "lost_records"};
	static const char *const in_socket[] = {"id", "pid", "fd", "protocol", "local", "local_port", "peer",
		"peer_port", "origin", "cookie", "opened_ns", "connected_ns", "peer_closed_ns", "reset_ns", "closed_ns",
		"bytes_sent", "bytes_received", "bytes_unacked_at_close", "writes", "writes_before_connect",
		"writes_after", "keepalive", "user_timeout_ms", "peer_socket", "end"};
	static const char *const in_incident[] = {"id", "fingerprint", "kind", "knowledge", "outcome", "severity",
		"title", "count", "bytes_offered", "bytes_accepted", "bytes_lost", "errno", "sigpipe", "pid", "tid",
		"thread_name", "label", "socket", "call", "first_ns", "last_ns", "since_disconnect_ns",
		"silent_since_ns", "retransmissions", "told_by", "suppressed_by", "stacks", "history"};
	static const char *const in_stacks[] = {"write", "told", "closed", "opened", "peer_closed"};
	static const char *const in_frame[] = {
		"function", "file", "line", "module", "build_id", "offset", "inlined", "language"};
	static const char *const in_operation[] = {"t_ns", "call", "length", "result", "errno"};
	yajl_val incident;

#define HAS_ALL(value, names)                                                                                          \
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)                                                  \
	get(value, names[i])

	fixture_everything(&builder);
	cr_assert_eq(make_report(NULL), EXIT_INCIDENTS);
	expect_string(root, "schema", "socksan-report/1");
	incident = element("incidents", 0);
	HAS_ALL(get(root, "summary"), in_summary);
	HAS_ALL(element("processes", 0), in_process);
	HAS_ALL(element("sockets", 0), in_socket);
	HAS_ALL(incident, in_incident);
	HAS_ALL(get(incident, "stacks"), in_stacks);
	HAS_ALL(YAJL_GET_ARRAY(get(get(incident, "stacks"), "write"))->values[0], in_frame);
	HAS_ALL(YAJL_GET_ARRAY(get(incident, "history"))->values[0], in_operation);
}

Test(render_json, tells_one_incident)
{
	trace_ref process = builder_process(&builder);
	yajl_val incident;
	yajl_val history;

	builder_incident(&builder, process, builder_socket(&builder, process, 50000), TRACE_WRITE_AFTER_PEER_CLOSE);
	make_report(NULL);
	incident = element("incidents", 0);
	expect_string(incident, "id", "i4000000.1");
	expect_string(incident, "kind", "write-after-peer-close");
	expect_string(incident, "knowledge", "told");
	expect_string(incident, "outcome", "rejected");
	expect_string(incident, "severity", "error");
	expect_string(incident, "errno", "EPIPE");
	expect_string(incident, "sigpipe", "raised");
	expect_string(incident, "socket", "s4000000.1");
	expect_number(incident, "since_disconnect_ns", 2600000);
	expect_string(get(incident, "told_by"), "call", "read");
	expect_string(element("sockets", 0), "id", "s4000000.1");
	history = get(incident, "history");
	cr_assert_eq(length_of(history), 3);
	expect_number(YAJL_GET_ARRAY(history)->values[2], "result", -1);
	expect_string(YAJL_GET_ARRAY(history)->values[2], "errno", "EPIPE");
	expect_number(get(root, "summary"), "error", 1);
}

/* How long a peer had been silent, and how often it had been asked: beyond the schema, for those who reckon with it. */
Test(render_json, tells_of_silence)
{
	trace_ref process = builder_process(&builder);
	trace_ref socket = builder_socket(&builder, process, 50000);
	struct trace_incident *incident =
		builder_at(&builder, builder_incident(&builder, process, socket, TRACE_WRITE_TO_SILENT_PEER));

	incident->silent_since_ns = incident->first_ns - 1500000000;
	incident->retransmissions = 7;
	make_report(NULL);
	expect_number(element("incidents", 0), "retransmissions", 7);
	expect_number(element("incidents", 0), "silent_since_ns",
		YAJL_GET_INTEGER(get(element("incidents", 0), "first_ns")) - 1500000000);
}

Test(render_json, joins_peers)
{
	fixture_everything(&builder);
	make_report(NULL);
	expect_string(element("sockets", 0), "peer_socket", YAJL_GET_STRING(get(element("sockets", 1), "id")));
	expect_string(element("sockets", 1), "peer_socket", YAJL_GET_STRING(get(element("sockets", 0), "id")));
}

Test(render_json, splits_arguments)
{
	yajl_val arguments;

	builder_process(&builder);
	make_report(NULL);
	arguments = get(element("processes", 0), "argv");
	cr_assert_eq(length_of(arguments), 3);
	cr_assert_str_eq(YAJL_GET_STRING(YAJL_GET_ARRAY(arguments)->values[2]), "6379");
}

Test(render_json, is_valid_utf8_whatever_the_names)
{
	fixture_everything(&builder);
	make_report(NULL);
	/* yajl's parser has checked the encoding; what was invalid has been replaced. */
	cr_assert_not_null(strstr(report, "\xef\xbf\xbd"));
}

Test(render_json, lists_what_escaped)
{
	static const struct escaped_process escaped[] = {{.pid = 77, .path = "/bin/ping", .reason = "setuid"}};
	struct run_facts facts = {.signed_in = 1, .escaped = escaped, .escaped_count = 1};

	builder_process(&builder);
	make_report(&facts);
	expect_number(get(root, "summary"), "unaudited_processes", 1);
	expect_string(element("unaudited", 0), "path", "/bin/ping");
}

Test(render_json, large_numbers_keep_their_digits)
{
	trace_ref process = builder_process(&builder);
	struct trace_socket *socket = builder_at(&builder, builder_socket(&builder, process, 50000));

	socket->cookie = UINT64_MAX;
	make_report(NULL);
	cr_assert_not_null(strstr(report, "\"cookie\":18446744073709551615"));
}
