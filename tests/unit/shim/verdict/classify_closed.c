/* classify_closed.c: the rules on numbers that the program has closed. */
#include <criterion/criterion.h>

#include "shim/verdict/classify_closed.h"

static void expect(struct verdict verdict, enum trace_kind kind, uint32_t flags)
{
	cr_expect(verdict.kind == kind, "kind %d", verdict.kind);
	cr_expect(verdict.knowledge == TRACE_TOLD, "the program closed it itself");
	cr_expect(verdict.counter == COUNT_NONE);
	cr_expect(verdict.flags == flags, "flags %x", verdict.flags);
}

Test(classify_closed, a_write_to_a_number_that_means_nothing)
{
	expect(classify_closed_write(&(struct classify_closed_facts){0}), TRACE_WRITE_AFTER_CLOSE, 0);
	expect(classify_closed_write(&(struct classify_closed_facts){.kept = true}), TRACE_WRITE_AFTER_CLOSE,
		TRACE_INCIDENT_QUARANTINE);
}

Test(classify_closed, a_write_that_would_have_reached_another)
{
	expect(classify_closed_write(&(struct classify_closed_facts){.kept = true, .owner = true}),
		TRACE_WRITE_TO_REUSED_FD, TRACE_INCIDENT_QUARANTINE);
	/* without the quarantine it would have reached it, and not have been refused */
	expect(classify_closed_write(&(struct classify_closed_facts){.owner = true}), TRACE_WRITE_AFTER_CLOSE, 0);
}

Test(classify_closed, another_close)
{
	expect(classify_closed_again(&(struct classify_closed_facts){0}), TRACE_DOUBLE_CLOSE, 0);
	expect(classify_closed_again(&(struct classify_closed_facts){.kept = true, .owner = true}), TRACE_DOUBLE_CLOSE,
		TRACE_INCIDENT_QUARANTINE);
}
