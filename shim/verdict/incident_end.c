/* incident_end.c: what the calls of an incident come to, one after the other. */
#include <errno.h>

#include "shim/base/hold.h"
#include "shim/base/shared.h"
#include "shim/trace/trace_log.h"
#include "shim/verdict/incident.h"
#include "shim/verdict/tally.h"

enum trace_severity incident_returned(struct trace_incident *incident)
{
	if (shared_get(incident->sigpipe) == TRACE_SIGPIPE_FATAL)
		shared_set(incident->sigpipe, TRACE_SIGPIPE_NONE);
	return trace_incident_severity(incident);
}

/* One more of its calls is over; those before it were counted while it was `before`. */
static void count_in(struct trace_incident *incident, enum trace_severity before)
{
	uint64_t count = __atomic_load_n(&incident->count, __ATOMIC_RELAXED);

	tally_move(incident, before, count ? count - 1 : 0);
	tally_count(incident);
}

void incident_finish_call(struct trace_incident *incident, enum trace_severity before, long result)
{
	struct trace_operation *only = incident_only_call(incident);

	if (only)
		shared_set(only->result, result > INT32_MAX ? INT32_MAX : (int32_t)result);
	__atomic_fetch_and(&incident->flags, ~(uint32_t)TRACE_INCIDENT_IN_CALL, __ATOMIC_RELEASE);
	count_in(incident, before);
}

void incident_under_way(struct trace_incident *incident)
{
	if (!incident)
		return;
	incident_returned(incident);
	__atomic_fetch_and(&incident->flags, ~(uint32_t)TRACE_INCIDENT_IN_CALL, __ATOMIC_RELEASE);
}

void incident_unknown(struct trace_incident *incident, size_t accepted)
{
	struct trace_operation *only;
	enum trace_severity before;

	if (!incident)
		return;
	before = incident_returned(incident);
	__atomic_fetch_add(&incident->bytes_accepted, accepted, __ATOMIC_RELAXED);
	__atomic_fetch_add(&incident->pending_bytes, accepted, __ATOMIC_RELAXED);
	if (shared_get(incident->outcome) == TRACE_DELIVERED)
		shared_set(incident->outcome, TRACE_UNCONFIRMED);
	only = incident_only_call(incident);
	if (!accepted && only)
		shared_set(only->result, -EINPROGRESS);
	incident_under_way(incident);
	count_in(incident, before);
}

void incident_abandoned(struct hold_slot *slot)
{
	if (slot->in_call)
		__atomic_store_n(&slot->in_call->in_call_ns, 0, __ATOMIC_RELEASE);
	if (slot->incident)
		incident_unknown(slot->incident, 0);
	trace_log_lost(TRACE_LOST_STALE);
}
