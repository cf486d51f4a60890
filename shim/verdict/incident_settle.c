/* incident_settle.c: by what the call returned, and what the kernel says is acknowledged. */
#include "shim/verdict/incident_settle.h"

#include <netinet/tcp.h>

#include "shim/base/shared.h"
#include "shim/verdict/halt.h"
#include "shim/verdict/tally.h"

/* The worst of what its writes met: lost, rejected, not known yet, delivered. */
static void update_outcome(struct trace_incident *incident)
{
	shared_set(incident->outcome, shared_get(incident->bytes_lost)      ? TRACE_LOST
				      : shared_get(incident->error)         ? TRACE_REJECTED
				      : shared_get(incident->pending_bytes) ? TRACE_UNCONFIRMED
									    : TRACE_DELIVERED);
}

void incident_reject(struct trace_incident *incident, int error, enum trace_sigpipe sigpipe)
{
	enum trace_severity before;

	if (!incident)
		return;
	before = incident_returned(incident);
	shared_set(incident->error, error);
	if (sigpipe > shared_get(incident->sigpipe))
		shared_set(incident->sigpipe, (uint8_t)sigpipe);
	update_outcome(incident);
	incident_finish_call(incident, before, -(long)error);
}

uint64_t incident_book_loss(struct socket *socket, uint64_t bytes)
{
	uint64_t accepted = shared_get(socket_record(socket)->bytes_sent);
	uint64_t reported = shared_get(socket->lost_reported);
	uint64_t booked;

	do {
		uint64_t room = accepted > reported ? accepted - reported : 0;

		booked = bytes < room ? bytes : room;
	} while (!__atomic_compare_exchange_n(
		&socket->lost_reported, &reported, reported + booked, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	if (booked < bytes)
		__atomic_fetch_or(&socket->state, SOCKET_LOSS_OPEN, __ATOMIC_RELAXED);
	return booked;
}

static void note_after(struct trace_incident *incident, const struct probe_tcp *tcp)
{
	shared_set(incident->after.tcp_state, tcp->state);
	shared_set(incident->after.retransmits, tcp->retransmits);
	shared_set(incident->after.unsent_bytes, tcp->unacked_bytes);
}

/*
 * The acknowledged bytes of the stream are its first ones, and the incident's are its last: of those behind the
 * acknowledged part, the ones that belong to the incident are still under way, or lost where the connection is over. Of
 * two threads that settle the same bytes one books them.
 */
static void settle_one(
	struct socket *socket, struct trace_incident *incident, const struct probe_tcp *tcp, uint64_t behind)
{
	uint64_t pending = shared_get(incident->pending_bytes);
	bool over = tcp->state == TCP_CLOSE;
	uint64_t unacked;

	note_after(incident, tcp);
	do
		unacked = behind < pending ? behind : pending;
	while (!__atomic_compare_exchange_n(
		&incident->pending_bytes, &pending, over ? 0 : unacked, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	if (over)
		__atomic_fetch_add(&incident->bytes_lost, socket ? incident_book_loss(socket, unacked) : unacked,
			__ATOMIC_RELAXED);
	else if (!unacked && shared_get(incident->kind) == TRACE_WRITE_TO_SILENT_PEER && pending)
		__atomic_fetch_or(&incident->flags, TRACE_INCIDENT_HEALED, __ATOMIC_RELAXED);
	update_outcome(incident);
}

/* Keeps an unsettled incident with its socket; where too many are kept, the oldest stays as it is. */
static void remember_pending(struct socket *socket, struct trace_incident *incident)
{
	uint32_t at = SOCKET_INCIDENTS;

	__atomic_fetch_or(&socket->state, SOCKET_PENDING, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < SOCKET_INCIDENTS; i++) {
		const struct trace_incident *other = shared_get(socket->incidents[i]);

		if (other == incident)
			return;
		if (!other || !shared_get(other->pending_bytes))
			at = i;
	}
	if (at == SOCKET_INCIDENTS)
		at = __atomic_fetch_add(&socket->next_incident, 1, __ATOMIC_RELAXED) % SOCKET_INCIDENTS;
	shared_set(socket->incidents[at], incident);
}

void incident_accept(
	struct trace_incident *incident, const struct incident_call *call, size_t accepted, const struct probe_tcp *tcp)
{
	enum trace_severity before;

	if (!incident)
		return;
	before = incident_returned(incident);
	__atomic_fetch_add(&incident->bytes_accepted, accepted, __ATOMIC_RELAXED);
	if (accepted >
		call->length) /* a vector that could not be read beforehand (payload.h): it had this many at least */
		__atomic_fetch_add(&incident->bytes_offered, accepted - call->length, __ATOMIC_RELAXED);
	if (tcp) {
		note_after(incident, tcp);
		__atomic_fetch_add(&incident->bytes_offered, call->backlog, __ATOMIC_RELAXED);
		__atomic_fetch_add(&incident->bytes_accepted, call->backlog, __ATOMIC_RELAXED);
		__atomic_fetch_add(&incident->pending_bytes, accepted + call->backlog, __ATOMIC_RELAXED);
		shared_set(incident->pending_end, tcp->acked_bytes + tcp->unacked_bytes);
		settle_one(call->socket, incident, tcp, tcp->unacked_bytes);
		if (shared_get(incident->pending_bytes) && call->socket)
			remember_pending(call->socket, incident);
	} else if (call->socket && call->socket->protocol == TRACE_TCP) {
		/* another thread has closed it meanwhile: nobody can tell */
		__atomic_fetch_add(&incident->pending_bytes, accepted, __ATOMIC_RELAXED);
	}
	update_outcome(incident);
	incident_finish_call(incident, before, (long)accepted);
}

/*
 * How many bytes of the stream, up to the incident's last, are not acknowledged. Returns false where nobody can tell: a
 * kernel that does not say how far the peer has acknowledged leaves open whether what waits is the incident's, or was
 * written since.
 */
static bool find_behind(const struct trace_incident *incident, const struct probe_tcp *tcp, uint64_t *behind)
{
	uint64_t end = shared_get(incident->pending_end);

	*behind = end > tcp->acked_bytes ? end - tcp->acked_bytes : 0;
	if (tcp->acked_unknown && tcp->unacked_bytes == 0) { /* nothing waits: so nothing of the incident's */
		*behind = 0;
		return true;
	}
	return probe_knows_acked(tcp);
}

void incident_settle(struct socket *socket, const struct probe_tcp *tcp)
{
	bool pending = false;

	for (int i = 0; i < SOCKET_INCIDENTS; i++) {
		struct trace_incident *incident = shared_get(socket->incidents[i]);
		enum trace_severity before;
		uint64_t behind;

		if (!incident || !shared_get(incident->pending_bytes))
			continue;
		before = trace_incident_severity(incident);
		if (find_behind(incident, tcp, &behind))
			settle_one(socket, incident, tcp, behind);
		tally_move(incident, before, shared_get(incident->count));
		halt_consider(incident);
		pending |= shared_get(incident->pending_bytes) != 0;
	}
	if (!pending)
		__atomic_fetch_and(&socket->state, ~(uint32_t)SOCKET_PENDING, __ATOMIC_RELAXED);
}
