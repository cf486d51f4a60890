/* classify_lost.c: the rules on bytes that were accepted. */
#include "shim/verdict/classify_lost.h"

#include <errno.h>

static const struct verdict innocent = {0};

bool classify_is_silent(uint32_t retransmits, uint64_t quiet_ns, uint32_t limit_ms)
{
	return retransmits != 0 && quiet_ns >= (uint64_t)limit_ms * 1000000u;
}

struct verdict classify_silence(void)
{
	return (struct verdict){.kind = TRACE_WRITE_TO_SILENT_PEER, .knowledge = TRACE_KERNEL};
}

static bool is_timeout(const struct classify_lost_facts *facts)
{
	switch (facts->error) {
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENETDOWN: return true;
	case ECONNRESET:
	case EPIPE: return false;
	default: return facts->silent || facts->retransmits > 0;
	}
}

static bool is_untold(const struct classify_lost_facts *facts, uint32_t lost, uint32_t *bytes)
{
	if (lost <= facts->told || facts->shared)
		return false;
	*bytes = (uint32_t)(lost - facts->told);
	return true;
}

struct verdict classify_lost(const struct classify_lost_facts *facts, uint32_t *bytes)
{
	if (!is_untold(facts, facts->waiting, bytes))
		return innocent;
	return (struct verdict){
		.kind = is_timeout(facts) ? TRACE_WRITE_TO_SILENT_PEER : TRACE_WRITE_AFTER_RESET,
		.knowledge = TRACE_NOBODY,
	};
}

/*
 * Of the bytes that wait for an acknowledgement, those that a reset now surely keeps from the peer. What was sent may
 * have arrived, with the acknowledgement delayed; and the peer reads what it has before it is told of the reset
 * (net/ipv4/tcp.c tcp_recvmsg_locked).
 */
static uint32_t surely_lost(const struct classify_lost_facts *facts)
{
	if (facts->retransmits)
		return facts->waiting;
	return facts->unsent_known ? facts->unsent : 0;
}

/* Closing with input unread, or lingering for no time, resets (net/ipv4/tcp.c __tcp_close; RFC 2525 section 2.17). */
struct verdict classify_lost_on_close(const struct classify_lost_facts *facts, uint32_t *bytes)
{
	if ((!facts->how && !facts->unread) || !is_untold(facts, surely_lost(facts), bytes))
		return innocent;
	return (struct verdict){.kind = TRACE_LOST_ON_CLOSE, .knowledge = TRACE_TOLD, .flags = facts->how};
}
