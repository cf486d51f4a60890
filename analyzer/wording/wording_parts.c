/*
 * wording_parts.c: see wording_parts.h.
 */
#include "analyzer/wording/wording_parts.h"

#include <errno.h>
#include <string.h>

#include "analyzer/base/text.h"
#include "analyzer/wording/kinds.h"

/* How far the recorder's time of a call and the time of the telling may lie apart: a stack is taken in between. */
#define SAME_CALL_NS 10000000u

const char *wording_gap(char *buffer, uint64_t from_ns, uint64_t to_ns)
{
	if (!from_ns || from_ns >= to_ns)
		return "";
	text_duration(buffer, to_ns - from_ns);
	return strcat(buffer, " ");
}

bool wording_is_tcp(const struct story *story)
{
	return story->has_socket && story->socket.record.protocol == TRACE_TCP;
}

bool wording_is_afterwards(const struct trace_incident *record)
{
	return record->knowledge == TRACE_NOBODY && !trace_kind_is(record->kind, KIND_IS_CLOSE);
}

/* Why a connection ended that was not simply reset: what a call said, this write or an earlier one. */
static int end_error(const struct story *story)
{
	int error = story->record.error;

	if (error && error != EPIPE && error != EAGAIN)
		return error;
	return story->has_socket ? story->socket.record.end_error : 0;
}

static struct wording_event event_by_error(int error)
{
	switch (error) {
	case 0:
	case ECONNRESET:
		return (struct wording_event){
			"the connection was reset", "the connection had been reset", "that had been reset"};
	case ETIMEDOUT:
		return (struct wording_event){
			"the connection timed out", "the connection had timed out", "that had timed out"};
	case ECONNREFUSED:
		return (struct wording_event){
			"the connection was refused", "the connection had been refused", "that had been refused"};
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
		return (struct wording_event){"the peer could not be reached",
			"the peer had turned out to be out of reach", "whose peer was out of reach"};
	}
	return (struct wording_event){"the connection was over", "the connection had ended", "that had ended"};
}

struct wording_event wording_event(const struct story *story)
{
	const struct trace_incident *record = &story->record;
	const struct kind *kind = kinds_get(record->kind);

	if (record->flags & TRACE_INCIDENT_ICMP)
		return (struct wording_event){
			"an ICMP error had come back", "an ICMP error had come back", "that had met an ICMP error"};
	if (record->flags & TRACE_INCIDENT_PEER_SHUTDOWN)
		return (struct wording_event){"the peer shut down its end", "the peer had shut down its end",
			"whose peer had shut down its end"};
	if (record->kind == TRACE_WRITE_AFTER_RESET)
		return event_by_error(end_error(story));
	return (struct wording_event){kind->text->event, kind->text->past_event, "whose peer had closed"};
}

uint64_t wording_ended_ns(const struct story *story)
{
	uint64_t seen = story->record.disconnect_ns;
	uint64_t done = story->record.kind == TRACE_WRITE_AFTER_PEER_CLOSE ? story->peer_ended_ns : 0;

	return done && (!seen || done < seen) ? done : seen;
}

/*
 * The operation that told the program: of those by that call with an end in their result the one nearest in time. A
 * write is on record with the time of its beginning, which may lie long before it failed.
 */
static const struct trace_operation *telling_operation(const struct trace_incident *record)
{
	const struct trace_operation *best = NULL;
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < record->history_count; i++) {
		const struct trace_operation *operation = &record->history[i];
		bool before = operation->t_ns <= record->told_ns;
		uint64_t distance = before ? record->told_ns - operation->t_ns : operation->t_ns - record->told_ns;

		if (operation->result > 0 || strncmp(operation->call, record->told_call, sizeof(operation->call)))
			continue;
		if (distance >= least || (distance > SAME_CALL_NS && !(before && operation->result < 0)))
			continue;
		best = operation;
		least = distance;
	}
	return best;
}

const char *wording_end_by(int error)
{
	switch (error) {
	case ECONNRESET: return "was reset";
	case ETIMEDOUT: return "timed out";
	case ECONNREFUSED: return "was refused";
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENETDOWN: return "was given up, since the peer could not be reached";
	}
	return "was over";
}

/* Whether, by the order in which they were observed, a call at `told_ns` can only have told of the peer's close. */
static bool told_of_close(const struct trace_socket *socket, uint64_t told_ns)
{
	if (!socket->peer_closed_ns || socket->peer_closed_ns > told_ns)
		return false;
	return socket->peer_closed_ns == told_ns || !socket->reset_ns || socket->reset_ns > told_ns;
}

/*
 * A program that read 0 was told that the peer closed, whatever came afterwards. Where the call is not on record any
 * more, or is one that says no more than "HUP", the order of the observations may tell what it can have said.
 */
struct wording_telling wording_telling(const struct story *story)
{
	const struct trace_incident *record = &story->record;
	struct wording_telling telling = {
		.what = wording_event(story).now,
		.operation = record->told_ns ? telling_operation(record) : NULL,
	};

	if (record->kind != TRACE_WRITE_AFTER_RESET)
		return telling;
	if (telling.operation)
		telling.what = telling.operation->result == 0
				       ? "the peer closed"
				       : event_by_error((int)-(int64_t)telling.operation->result).now;
	else if (record->told_ns && story->has_socket && told_of_close(&story->socket.record, record->told_ns))
		telling.what = "the peer closed";
	else if (!record->told_ns || !story->has_socket || story->socket.record.reset_ns != record->told_ns)
		telling.what = "the connection was over";
	return telling;
}
