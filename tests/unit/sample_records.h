/*
 * sample_records.h: what the makers of large traces (make_trace, make_fleet) share: made up, with the proportions of
 * real ones.
 */
#ifndef SOCKSAN_SAMPLE_RECORDS_H
#define SOCKSAN_SAMPLE_RECORDS_H

#include "shim/trace_format.h"
#include "tests/unit/trace_builder.h"

#define SAMPLE_STACKS 256 /* different ones that there are */

/* Adds stack `number` of them. It is this program's own, so that symbolising it is real work. */
trace_ref sample_stack(struct builder *builder, unsigned number);

/* What an incident refers to. `write` and `told` are stacks. */
struct sample_refs {
	trace_ref process;
	trace_ref socket;
	trace_ref write;
	trace_ref told;
	trace_ref opened;
};

/* Fills in incident `number` of a trace, about `connection`: kinds, outcomes and counts vary with the number. */
void sample_incident(struct trace_incident *incident, uint64_t number, const struct trace_socket *connection,
	const struct sample_refs *refs);

#endif
