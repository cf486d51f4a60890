/* halt.c: when an incident becomes an error, and in which number of a runtime's page it is counted meanwhile. */
#include "shim/audit/audit_close.h"
#include "shim/audit/audit_closed.h"
#include "shim/audit/audit_open.h"
#include "shim/verdict/halt.h"
#include "shim/verdict/tally.h"
#include "tests/unit/shim/verdict/incident_fixture.h"

static struct tally_page page;

static void begin(void)
{
	set_up();
	config.halt_on_error = true;
	cr_assert(tally_use(&page));
}

TestSuite(halt, .init = begin, .fini = fixture_end);

static struct incident_call call_of(enum trace_kind kind, enum trace_knowledge knowledge)
{
	struct incident_call call = a_call(10);

	call.verdict = (struct verdict){.kind = (uint8_t)kind, .knowledge = (uint8_t)knowledge};
	return call;
}

static struct trace_incident *written(enum trace_knowledge knowledge, struct probe_tcp tcp)
{
	struct incident_call call = call_of(TRACE_WRITE_AFTER_PEER_CLOSE, knowledge);
	bool fresh;
	struct trace_incident *incident = incident_announce(&call, &fresh);

	incident_accept(incident, &call, 10, &tcp);
	return incident;
}

static void expect_counts(enum trace_kind kind, uint64_t notes, uint64_t warnings, uint64_t errors)
{
	const uint64_t *counts = page.by_kind[kind];

	cr_expect(counts[TRACE_NOTE] == notes && counts[TRACE_WARNING] == warnings && counts[TRACE_ERROR] == errors,
		"%llu notes, %llu warnings, %llu errors", (unsigned long long)counts[TRACE_NOTE],
		(unsigned long long)counts[TRACE_WARNING], (unsigned long long)counts[TRACE_ERROR]);
}

/* As a runtime does it. */
static void runs(const char *test)
{
	page.label_turn++;
	page.label_length = (uint32_t)strlen(test);
	memcpy(page.label, test, page.label_length);
	page.label_turn++;
}

Test(halt, what_is_open_becomes_an_error_when_the_bytes_are_lost)
{
	const struct probe_tcp waits = {.state = TCP_CLOSE_WAIT, .unacked_bytes = 10};
	const struct probe_tcp over = {.state = TCP_CLOSE, .unacked_bytes = 10};
	struct trace_incident *incident = written(TRACE_TOLD, waits);

	halt_consider(incident);
	cr_expect_null(halt_due, "the bytes may still arrive");
	expect_counts(TRACE_WRITE_AFTER_PEER_CLOSE, 0, 1, 0);
	incident_settle(connection, &over);
	cr_expect(halt_due == incident);
	expect_counts(TRACE_WRITE_AFTER_PEER_CLOSE, 0, 0, 1);
	cr_expect(page.events == 1);
}

Test(halt, what_is_delivered_becomes_a_note)
{
	const struct probe_tcp waits = {.state = TCP_CLOSE_WAIT, .unacked_bytes = 20};
	const struct probe_tcp acknowledged = {.state = TCP_CLOSE_WAIT, .acked_bytes = 20};

	written(TRACE_TOLD, waits);
	written(TRACE_TOLD, waits);
	expect_counts(TRACE_WRITE_AFTER_PEER_CLOSE, 0, 2, 0);
	incident_settle(connection, &acknowledged);
	cr_expect_null(halt_due);
	expect_counts(TRACE_WRITE_AFTER_PEER_CLOSE, 2, 0, 0);
}

Test(halt, a_loss_without_telling_is_no_error)
{
	const struct probe_tcp over = {.state = TCP_CLOSE, .unacked_bytes = 10};

	halt_consider(written(TRACE_KERNEL, over));
	cr_expect_null(halt_due);
	expect_counts(TRACE_WRITE_AFTER_PEER_CLOSE, 0, 1, 0);
}

Test(halt, the_test_that_runs_now_is_not_blamed_for_the_one_before)
{
	const struct probe_tcp waits = {.state = TCP_CLOSE_WAIT, .unacked_bytes = 10};
	const struct probe_tcp over = {.state = TCP_CLOSE, .unacked_bytes = 10};

	runs("one");
	written(TRACE_TOLD, waits);
	runs("two");
	incident_settle(connection, &over);
	expect_counts(TRACE_WRITE_AFTER_PEER_CLOSE, 0, 1, 0);
}

Test(halt, a_double_close_stands_when_the_run_of_closes_is_over)
{
	struct audit_close audit;
	int pair[2];

	cr_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	audit_made_pair(pair, AF_UNIX, SOCK_STREAM, 0);
	for (int i = 0; i < 2; i++) {
		audit_close_begin(&audit, "close", pair[0]);
		audit_close_end(&audit, close(pair[0]));
		cr_expect_null(halt_due);
	}
	expect_counts(TRACE_DOUBLE_CLOSE, 0, 0, 1);
	audit_run_is_over();
	cr_expect_not_null(halt_due);
}

Test(halt, nothing_is_due_without_the_option)
{
	const struct probe_tcp over = {.state = TCP_CLOSE, .unacked_bytes = 10};

	config.halt_on_error = false;
	halt_consider(written(TRACE_TOLD, over));
	cr_expect_null(halt_due);
	expect_counts(TRACE_WRITE_AFTER_PEER_CLOSE, 0, 0, 1);
}
