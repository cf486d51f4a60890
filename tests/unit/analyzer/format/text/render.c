/* render.c: the report for people. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/golden.h"
#include "tests/unit/report_fixture.h"

static struct builder builder;
static char *directory;
static char *report;

static void set_up(void)
{
	directory = builder_directory();
	builder_init(&builder);
}

static void tear_down(void)
{
	free(report);
	builder_free(&builder);
	builder_remove(directory);
}

TestSuite(render_text, .init = set_up, .fini = tear_down);

static int make_report(const struct run_facts *facts)
{
	char *path = builder_path(directory, "a.trace");
	int status;

	if (builder.length > TRACE_HEADER_BYTES)
		builder_write(&builder, path);
	report = fixture_report("text", directory, facts, &status);
	free(path);
	return status;
}

static void expect(const char *part)
{
	cr_assert_not_null(strstr(report, part), "expected \"%s\" in:\n%s", part, report);
}

/* The same, wherever its lines are broken. */
static void expect_words(const char *words)
{
	char *flat = strdup(report);
	char *end = flat;

	for (const char *at = report; *at; at++)
		if ((*at != ' ' && *at != '\n') || (end > flat && end[-1] != ' '))
			*end++ = *at == '\n' ? ' ' : *at;
	*end = '\0';
	cr_assert_not_null(strstr(flat, words), "expected \"%s\" in:\n%s", words, report);
	free(flat);
}

static void expect_last_line(const char *line)
{
	size_t length = strlen(report);
	size_t wanted = strlen(line);

	cr_assert_geq(length, wanted + 1);
	cr_assert_eq(strncmp(report + length - wanted - 1, line, wanted), 0, "expected \"%s\" at the end of:\n%s", line,
		report);
}

Test(render_text, tells_one_incident)
{
	trace_ref process = builder_process(&builder);

	builder_incident(&builder, process, builder_socket(&builder, process, 50000), TRACE_WRITE_AFTER_PEER_CLOSE);
	cr_assert_eq(make_report(NULL), EXIT_INCIDENTS);
	expect("ERROR 1 of 1: write-after-peer-close\n"
	       "  12 bytes written 2.4 ms after the program had been told that the peer closed\n");
	expect_words("tcp 127.0.0.1:6379 -> 127.0.0.1:50000, descriptor 8, accepted 500 ms earlier");
	expect("the peer's FIN was first seen 2.6 ms earlier\n"
	       "               read returned 0, 2.4 ms earlier, so the program knew\n");
	expect("rejected: the call failed with EPIPE, and SIGPIPE was raised\n");
	expect("-3.0 ms read(4096)=40; -2.4 ms read(4096)=0; now write(12)=EPIPE\n");
	expect_last_line("socksan: ERROR SUMMARY: 1 error, 0 warnings, 0 notes from 1 place in 1 process");
}

Test(render_text, groups_what_is_alike)
{
	trace_ref process = builder_process(&builder);

	for (uint16_t i = 0; i < 13; i++)
		builder_incident(&builder, process, builder_socket(&builder, process, i), TRACE_WRITE_AFTER_RESET);
	make_report(NULL);
	expect("  also         12 more occurrences on other connections\n");
	expect_last_line("socksan: ERROR SUMMARY: 13 errors, 0 warnings, 0 notes from 1 place in 1 process");
}

Test(render_text, says_plainly_that_nothing_was_found)
{
	trace_ref process = builder_process(&builder);

	builder_socket(&builder, process, 50000);
	cr_assert_eq(make_report(NULL), 0);
	cr_assert_str_eq(report, "socksan: audited 1 process, 1 socket, 3 writes\n"
				 "socksan: no incidents\n"
				 "socksan: ERROR SUMMARY: 0 errors, 0 warnings, 0 notes\n");
}

Test(render_text, a_run_with_escaped_processes_is_not_clean)
{
	static const struct escaped_process escaped[] = {{.pid = 77, .path = "/bin/p\033ing", .reason = "setuid"}};
	struct run_facts facts = {.signed_in = 1, .escaped = escaped, .escaped_count = 1};

	builder_socket(&builder, builder_process(&builder), 50000);
	cr_assert_eq(make_report(&facts), 0);
	expect("socksan: NOT AUDITED: pid 77 /bin/p\\x1bing: setuid\n");
	expect("but not everything was audited");
	expect_last_line("socksan: ERROR SUMMARY: 0 errors, 0 warnings, 0 notes (1 process NOT AUDITED)");
}

Test(render_text, a_run_without_sockets_is_fine)
{
	struct run_facts facts = {.signed_in = 2};

	cr_assert_eq(make_report(&facts), 0);
	expect("audited 2 processes, 0 sockets, 0 writes");
}

Test(render_text, a_run_that_nobody_audited_is_an_error)
{
	struct run_facts facts = {.signed_in = 0};

	cr_redirect_stderr();
	cr_assert_eq(make_report(&facts), EXIT_SOCKSAN);
	cr_assert_str_eq(report, "");
}

Test(render_text, no_trace_has_a_status_of_its_own)
{
	cr_redirect_stderr();
	cr_assert_eq(make_report(NULL), EXIT_NO_TRACE);
}

Test(render_text, lets_nothing_through_that_a_terminal_would_obey)
{
	fixture_everything(&builder);
	cr_assert_eq(make_report(NULL), EXIT_INCIDENTS);
	for (const char *at = report; *at; at++)
		cr_assert((unsigned char)*at >= 0x20 || *at == '\n', "control character at %zu", (size_t)(at - report));
	cr_assert_null(strstr(report, "\xe2\x80\xae"));
	expect("test_\\x1b[2Jreply");
	expect("@\\x1b]0;title\\a\\xff -> unnamed");
	expect("7 records lost: the disk was full");
	expect("io_uring");
	expect("reply (/srv/app.py:12)");
}

Test(render_text, keeps_to_eighty_columns)
{
	size_t column = 0;

	fixture_everything(&builder);
	make_report(NULL);
	/* But for the very last line, which stays one, whatever it counts. */
	for (const char *at = report; *at && strncmp(at, "socksan: ERROR SUMMARY", 22); at++) {
		column = *at == '\n' ? 0 : column + 1;
		cr_assert_leq(column, 80, "too long a line at %.40s", at - 80);
	}
}

Test(render_text, every_kind_has_a_title)
{
	static const char *const titles[] = {
		"told that the peer closed",
		"2.4 ms after the program had been told that the peer closed",
		"had shut down its writing half",
		"written to descriptor 8, 2.6 ms after the program had closed it ",
		"closed it; the number now belongs to another socket",
		"written to a socket that was not connected",
		"whose TCP had fallen silent",
		"closing discarded",
		"descriptor 8 closed again",
		"silently dropped",
	};

	fixture_everything(&builder);
	make_report(NULL);
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		expect_words(titles[i]);
}

/* --- A page with what only some incidents have, to be looked at and kept ------------------------------------------ */

/* An incident on a connection of its own, told by nobody, whose write is the last of `python`'s frames. */
static struct trace_incident *add(enum trace_kind kind, uint16_t port, const char *python)
{
	trace_ref process = TRACE_HEADER_BYTES;
	trace_ref text = builder_text(&builder, TRACE_TEXT_PYTHON_STACK, python, strlen(python));
	trace_ref stack = builder_stack(&builder, NULL, 0, text);
	trace_ref socket = builder_socket(&builder, process, port);
	struct trace_incident *incident = builder_at(&builder, builder_incident(&builder, process, socket, kind));

	incident->knowledge = TRACE_KERNEL;
	incident->stack_write = stack;
	incident->told_ns = 0;
	memset(incident->told_call, 0, sizeof(incident->told_call));
	incident->sigpipe = TRACE_SIGPIPE_NONE;
	incident->history[0] = incident->history[2];
	incident->history_count = 1;
	return incident;
}

static void add_reused_number(void)
{
	trace_ref other = builder_socket(&builder, TRACE_HEADER_BYTES, 51000);
	trace_ref text =
		builder_text(&builder, TRACE_TEXT_PYTHON_STACK, "  File \"/srv/pool.py\", line 7 in grow\n", 39);
	trace_ref stack = builder_stack(&builder, NULL, 0, text);
	struct trace_incident *incident;

	((struct trace_socket *)builder_at(&builder, other))->fd = 9;
	incident = add(TRACE_WRITE_TO_REUSED_FD, 50001, "  File \"/srv/app.py\", line 3 in stale\n");
	incident->knowledge = TRACE_TOLD;
	incident->flags = TRACE_INCIDENT_QUARANTINE;
	incident->error = EBADF;
	incident->history[0].result = -EBADF;
	incident->other_socket = other;
	incident->stack_new_owner = incident->stack_closed = stack;
}

static void add_silent_peers(void)
{
	struct trace_incident *incident =
		add(TRACE_WRITE_TO_SILENT_PEER, 50002, "  File \"/srv/app.py\", line 9 in beat\n");

	incident->outcome = TRACE_DELIVERED;
	incident->flags = TRACE_INCIDENT_HEALED;
	incident->error = 0;
	incident->disconnect_ns = 0;
	incident->silent_since_ns = incident->first_ns - 1200000000;
	incident->last_ns += 700000000;
	incident->history[0].result = 12;
	incident->count = 4;
	incident->bytes_offered = incident->bytes_accepted = 48;
	incident->retransmissions = 3;
	incident = add(TRACE_WRITE_TO_SILENT_PEER, 50003, "");
	incident->knowledge = TRACE_NOBODY;
	incident->outcome = TRACE_LOST;
	incident->stack_write = 0;
	incident->error = ETIMEDOUT;
	incident->count = 2;
	incident->bytes_offered = incident->bytes_accepted = 24;
	incident->bytes_lost = 20;
	incident->silent_since_ns = incident->first_ns - 1000000;
	incident->last_ns += 5000000000;
	incident->disconnect_ns = incident->first_ns + 925000000000;
	incident->history[0].result = 12;
	incident->retransmissions = 15;
}

static void add_goodbye_and_drop(void)
{
	static const char note[] = "connectionLost: Connection was closed cleanly.";
	trace_ref text = builder_text(&builder, TRACE_TEXT_NOTE, note, sizeof(note) - 1);
	struct trace_incident *incident =
		add(TRACE_WRITE_AFTER_PEER_CLOSE, 50004, "  File \"/srv/tls.py\", line 80 in unwrap\n");

	incident->flags = TRACE_INCIDENT_FAREWELL;
	incident->outcome = TRACE_LOST;
	incident->error = 0;
	incident->bytes_lost = incident->bytes_accepted = 12;
	incident->history[0].result = 12;
	incident->disconnect_ns = incident->first_ns;
	incident = add(TRACE_DROPPED_BY_FRAMEWORK, 50005, "  File \"/srv/app.py\", line 21 in on_timer\n");
	incident->knowledge = TRACE_TOLD;
	incident->error = 0;
	incident->text = text;
	strcpy(incident->call, "dropped");
	incident->history_count = 0;
}

static void add_lossy_close(void)
{
	struct trace_incident *incident =
		add(TRACE_LOST_ON_CLOSE, 50006, "  File \"/srv/app.py\", line 30 in refuse\n");

	incident->knowledge = TRACE_TOLD;
	incident->outcome = TRACE_LOST;
	incident->error = 0;
	incident->bytes_lost = 512;
	incident->disconnect_ns = incident->first_ns;
	strcpy(incident->call, "close");
	incident->history[0] = (struct trace_operation){
		.t_ns = incident->first_ns - 40000, .length = 512, .result = 512, .call = "send"};
}

Test(render_text, looks_like_this)
{
	builder_process(&builder);
	add_reused_number();
	add_silent_peers();
	add_goodbye_and_drop();
	add_lossy_close();
	cr_assert_eq(make_report(NULL), EXIT_INCIDENTS);
	golden_expect("report.txt", report);
}
