/* classify_closed.c: one function for each use. */
#include "shim/verdict/classify_closed.h"

static struct verdict verdict_of(const struct classify_closed_facts *facts, enum trace_kind kind)
{
	return (struct verdict){
		.kind = (uint8_t)kind,
		.knowledge = TRACE_TOLD,
		.flags = facts->kept ? TRACE_INCIDENT_QUARANTINE : 0,
	};
}

struct verdict classify_closed_write(const struct classify_closed_facts *facts)
{
	return verdict_of(facts, facts->kept && facts->owner ? TRACE_WRITE_TO_REUSED_FD : TRACE_WRITE_AFTER_CLOSE);
}

struct verdict classify_closed_again(const struct classify_closed_facts *facts)
{
	return verdict_of(facts, TRACE_DOUBLE_CLOSE);
}
