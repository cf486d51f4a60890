/* classify.c: the rules, protocol by protocol. */
#include "shim/verdict/classify.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>

static bool is_tcp(const struct classify_facts *facts)
{
	return facts->protocol == TRACE_TCP;
}

bool classify_is_end(int error)
{
	switch (error) {
	case ECONNRESET:
	case EPIPE:
	case ETIMEDOUT:
	case ECONNREFUSED:
	case ECONNABORTED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
	case ENETRESET:
	case ENONET:
	case EPROTO:
	case ENOPROTOOPT: return true;
	default: return false;
	}
}

bool classify_has_connected(uint8_t tcp_state, uint64_t acked_bytes)
{
	switch (tcp_state) {
	case TCP_SYN_SENT:
	case TCP_SYN_RECV:
	case TCP_LISTEN: return false;
	case TCP_CLOSE: return acked_bytes > 0;
	default: return true;
	}
}

bool classify_is_suspect(const struct classify_facts *facts)
{
	if (facts->own_shutdown_write || facts->revents & (POLLHUP | POLLERR))
		return true;
	if (facts->revents & POLLRDHUP)
		return is_tcp(facts) || !facts->own_shutdown_read;
	/* a connect under way is over when poll says writable; a socket in SYN_SENT says nothing (net/ipv4/tcp.c tcp_poll) */
	return facts->connecting && !(facts->revents & POLLOUT);
}

static struct verdict verdict_of(
	const struct classify_facts *facts, enum trace_kind kind, enum classify_counter counter, uint32_t flags)
{
	struct verdict verdict = {.kind = (uint8_t)kind, .counter = (uint8_t)counter, .flags = flags};
	/* of a connect that is under way the program knows; that it failed meanwhile, it may not have been told */
	bool failed = facts->connecting && !(flags & TRACE_INCIDENT_CONNECTING);
	bool own = kind == TRACE_WRITE_AFTER_SHUTDOWN || (kind == TRACE_WRITE_BEFORE_CONNECT && !failed);

	verdict.knowledge = own || facts->told ? TRACE_TOLD : TRACE_KERNEL;
	return verdict;
}

static const struct verdict innocent = {0};

static struct verdict judge_tcp(const struct classify_facts *facts)
{
	switch (facts->tcp_before) {
	case TCP_CLOSE_WAIT: return verdict_of(facts, TRACE_WRITE_AFTER_PEER_CLOSE, COUNT_AFTER_PEER_CLOSE, 0);
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
	case TCP_LAST_ACK:
	case TCP_CLOSING:
	case TCP_TIME_WAIT: return verdict_of(facts, TRACE_WRITE_AFTER_SHUTDOWN, COUNT_AFTER_SHUTDOWN, 0);
	case TCP_SYN_SENT:
	case TCP_SYN_RECV:
		return facts->fast_open ? innocent
					: verdict_of(facts, TRACE_WRITE_BEFORE_CONNECT, COUNT_BEFORE_CONNECT,
						  TRACE_INCIDENT_CONNECTING);
	case TCP_LISTEN: return verdict_of(facts, TRACE_WRITE_BEFORE_CONNECT, COUNT_BEFORE_CONNECT, 0);
	case TCP_CLOSE:
		if (facts->own_shutdown_write)
			return verdict_of(facts, TRACE_WRITE_AFTER_SHUTDOWN, COUNT_AFTER_SHUTDOWN, 0);
		if (facts->connected)
			return verdict_of(facts, TRACE_WRITE_AFTER_RESET, COUNT_AFTER_RESET, 0);
		return facts->fast_open ? innocent
					: verdict_of(facts, TRACE_WRITE_BEFORE_CONNECT, COUNT_BEFORE_CONNECT, 0);
	default: return innocent;
	}
}

static struct verdict judge_unix(const struct classify_facts *facts)
{
	if (facts->own_shutdown_write)
		return verdict_of(facts, TRACE_WRITE_AFTER_SHUTDOWN, COUNT_AFTER_SHUTDOWN, 0);
	if (!facts->connected)
		return verdict_of(facts, TRACE_WRITE_BEFORE_CONNECT, COUNT_BEFORE_CONNECT, 0);
	if (facts->revents & POLLHUP)
		return verdict_of(facts, TRACE_WRITE_AFTER_PEER_CLOSE, COUNT_AFTER_PEER_CLOSE, 0);
	if (facts->revents & POLLRDHUP && !facts->own_shutdown_read)
		return verdict_of(
			facts, TRACE_WRITE_AFTER_PEER_CLOSE, COUNT_AFTER_PEER_CLOSE, TRACE_INCIDENT_PEER_SHUTDOWN);
	return innocent;
}

struct verdict classify_before(const struct classify_facts *facts)
{
	switch (facts->protocol) {
	case TRACE_TCP: return judge_tcp(facts);
	case TRACE_UNIX_STREAM:
	case TRACE_UNIX_SEQPACKET: return judge_unix(facts);
	default: return innocent;
	}
}

/* A datagram socket is told of an earlier datagram's fate, or that nobody is bound to the name. */
static struct verdict judge_datagram(const struct classify_facts *facts)
{
	if (!facts->connected || !classify_is_end(facts->error))
		return innocent;
	if (facts->protocol == TRACE_UNIX_DGRAM)
		return verdict_of(facts,
			facts->own_shutdown_write ? TRACE_WRITE_AFTER_SHUTDOWN : TRACE_WRITE_AFTER_PEER_CLOSE,
			facts->own_shutdown_write ? COUNT_AFTER_SHUTDOWN : COUNT_AFTER_PEER_CLOSE, 0);
	if (facts->own_shutdown_write && facts->error == EPIPE)
		return verdict_of(facts, TRACE_WRITE_AFTER_SHUTDOWN, COUNT_AFTER_SHUTDOWN, 0);
	return verdict_of(facts, TRACE_WRITE_AFTER_RESET, COUNT_AFTER_RESET, TRACE_INCIDENT_ICMP);
}

struct verdict classify_failure(const struct classify_facts *facts)
{
	struct verdict verdict = innocent;

	if (facts->error == ENOTCONN && !facts->connected && facts->protocol != TRACE_UDP &&
		facts->protocol != TRACE_UNIX_DGRAM)
		return verdict_of(facts, TRACE_WRITE_BEFORE_CONNECT, COUNT_BEFORE_CONNECT, 0);
	if (!classify_is_end(facts->error))
		return innocent;
	switch (facts->protocol) {
	case TRACE_UDP:
	case TRACE_UNIX_DGRAM: return judge_datagram(facts);
	case TRACE_UNIX_STREAM:
	case TRACE_UNIX_SEQPACKET:
		/* the peer's SHUT_RD shows in nothing but the failure (net/unix/af_unix.c unix_shutdown) */
		verdict = facts->own_shutdown_write
				  ? verdict_of(facts, TRACE_WRITE_AFTER_SHUTDOWN, COUNT_AFTER_SHUTDOWN, 0)
				  : verdict_of(facts, TRACE_WRITE_AFTER_PEER_CLOSE, COUNT_AFTER_PEER_CLOSE,
					    facts->revents ? TRACE_INCIDENT_PEER_SHUTDOWN : 0);
		break;
	case TRACE_TCP: {
		struct classify_facts later = *facts;

		later.tcp_before = facts->tcp_after;
		if (!later.tcp_before || later.tcp_before == TCP_ESTABLISHED)
			later.tcp_before = TCP_CLOSE;
		/* a refused connect that nobody had been told of: it failed to come about, it did not end */
		verdict = judge_tcp(&later);
		break;
	}
	default: return innocent;
	}
	/*
	 * It was probed and looked open. poll does not show that this side's half is shut, so that was so before, by another
	 * process that shares the socket; anything else came between the probe and the call.
	 */
	if (facts->revents && verdict.kind != TRACE_WRITE_AFTER_SHUTDOWN) {
		verdict.flags |= TRACE_INCIDENT_RACE;
		verdict.counter = is_tcp(facts) ? COUNT_NONE : verdict.counter;
	}
	return verdict;
}

struct verdict classify_dropped(bool told)
{
	return (struct verdict){
		.kind = TRACE_DROPPED_BY_FRAMEWORK,
		.knowledge = told ? TRACE_TOLD : TRACE_KERNEL,
	};
}

bool classify_is_retry(const struct verdict *verdict, int error)
{
	if (error == EINTR)
		return true;
	return (error == EAGAIN || error == ENOBUFS) && !(verdict->flags & TRACE_INCIDENT_CONNECTING);
}

bool classify_expects_epipe(const struct verdict *verdict, const struct classify_facts *facts)
{
	switch (verdict->kind) {
	case TRACE_WRITE_AFTER_SHUTDOWN: return true;
	/*
	 * A pending error comes first: EPIPE too where the reset came after the peer's FIN (net/ipv4/tcp_input.c tcp_reset).
	 */
	case TRACE_WRITE_AFTER_RESET: return true;
	case TRACE_WRITE_BEFORE_CONNECT: return is_tcp(facts) && !(verdict->flags & TRACE_INCIDENT_CONNECTING);
	case TRACE_WRITE_AFTER_PEER_CLOSE: return !is_tcp(facts) && facts->revents & POLLHUP;
	default: return false;
	}
}
