/* classify_lost.c: the rules on bytes that were accepted while nothing was wrong, each with its innocent twin. */
#include <criterion/criterion.h>
#include <errno.h>

#include "shim/verdict/classify_lost.h"

static void expect(struct verdict verdict, enum trace_kind kind, enum trace_knowledge knowledge, uint32_t flags)
{
	cr_expect(verdict.kind == kind, "kind %d", verdict.kind);
	cr_expect(verdict.knowledge == knowledge, "knowledge %d", verdict.knowledge);
	cr_expect(verdict.flags == flags, "flags %x", verdict.flags);
}

Test(classify_lost, silence_is_time_without_an_answer_to_what_was_sent_again)
{
	const uint64_t second = 1000000000;

	cr_expect(classify_is_silent(1, second, 1000));
	cr_expect_not(classify_is_silent(0, second, 1000), "nothing was sent again: it may be read late");
	cr_expect_not(classify_is_silent(1, second - 1, 1000));
	expect(classify_silence(), TRACE_WRITE_TO_SILENT_PEER, TRACE_KERNEL, 0);
}

Test(classify_lost, when_the_connection_is_over)
{
	struct classify_lost_facts facts = {.waiting = 10, .error = ECONNRESET};
	uint32_t bytes = 0;

	expect(classify_lost(&facts, &bytes), TRACE_WRITE_AFTER_RESET, TRACE_NOBODY, 0);
	cr_expect(bytes == 10);
	facts.told = 4;
	expect(classify_lost(&facts, &bytes), TRACE_WRITE_AFTER_RESET, TRACE_NOBODY, 0);
	cr_expect(bytes == 6, "the others are told of already");
	facts.told = 10;
	cr_expect(classify_lost(&facts, &bytes).kind == 0);
	facts = (struct classify_lost_facts){.waiting = 10, .error = ECONNRESET, .shared = true};
	cr_expect(classify_lost(&facts, &bytes).kind == 0, "they may be another process's");
	facts = (struct classify_lost_facts){.error = ECONNRESET};
	cr_expect(classify_lost(&facts, &bytes).kind == 0);
}

Test(classify_lost, what_ended_it)
{
	struct classify_lost_facts facts = {.waiting = 10};
	static const int timeouts[] = {ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN};
	uint32_t bytes;

	for (size_t i = 0; i < sizeof(timeouts) / sizeof(*timeouts); i++) {
		facts.error = timeouts[i];
		expect(classify_lost(&facts, &bytes), TRACE_WRITE_TO_SILENT_PEER, TRACE_NOBODY, 0);
	}
	facts.silent = true;
	facts.error = EPIPE;
	expect(classify_lost(&facts, &bytes), TRACE_WRITE_AFTER_RESET, TRACE_NOBODY, 0);
	facts.error = 0;
	expect(classify_lost(&facts, &bytes), TRACE_WRITE_TO_SILENT_PEER, TRACE_NOBODY, 0);
	facts.silent = false;
	expect(classify_lost(&facts, &bytes), TRACE_WRITE_AFTER_RESET, TRACE_NOBODY, 0);
	facts.retransmits = 1;
	expect(classify_lost(&facts, &bytes), TRACE_WRITE_TO_SILENT_PEER, TRACE_NOBODY, 0);
}

Test(classify_lost, a_close_that_resets)
{
	struct classify_lost_facts facts = {.waiting = 10, .unsent = 7, .unsent_known = true, .unread = true};
	uint32_t bytes = 0;

	expect(classify_lost_on_close(&facts, &bytes), TRACE_LOST_ON_CLOSE, TRACE_TOLD, 0);
	cr_expect(bytes == 7, "what was sent may have arrived");
	facts.retransmits = 1;
	expect(classify_lost_on_close(&facts, &bytes), TRACE_LOST_ON_CLOSE, TRACE_TOLD, 0);
	cr_expect(bytes == 10, "and what was sent again has not");
	facts.unread = false;
	cr_expect(classify_lost_on_close(&facts, &bytes).kind == 0, "it sends the rest, and then a FIN");
	facts.how = TRACE_INCIDENT_LINGER;
	expect(classify_lost_on_close(&facts, &bytes), TRACE_LOST_ON_CLOSE, TRACE_TOLD, TRACE_INCIDENT_LINGER);
	facts.told = 9;
	cr_expect(classify_lost_on_close(&facts, &bytes).kind == TRACE_LOST_ON_CLOSE && bytes == 1);
	facts.told = 10;
	cr_expect(classify_lost_on_close(&facts, &bytes).kind == 0);
	facts.told = 0;
	facts.shared = true;
	cr_expect(classify_lost_on_close(&facts, &bytes).kind == 0, "it is not the end");
}

Test(classify_lost, a_kernel_that_does_not_say_what_was_sent)
{
	struct classify_lost_facts facts = {.waiting = 10, .unsent = 7, .unread = true};
	uint32_t bytes;

	cr_expect(classify_lost_on_close(&facts, &bytes).kind == 0);
}
