/*
 * wording_title.c: the one line that says what an incident is. See wording.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/text.h"
#include "analyzer/wording/kinds.h"
#include "analyzer/wording/wording.h"
#include "analyzer/wording/wording_parts.h"

/* "12 bytes written", "3 writes (36 bytes) made", "a protocol's goodbye of 31 bytes written". The caller frees it. */
static char *subject(const struct trace_incident *record)
{
	char bytes[TEXT_NUMBER_BYTES];
	char writes[TEXT_NUMBER_BYTES];

	text_plural(bytes, record->bytes_offered, "byte");
	if (record->count > 1)
		return text_format("%s (%s) made", text_plural(writes, record->count, "write"), bytes);
	if (record->flags & TRACE_INCIDENT_FAREWELL)
		return text_format("a protocol's goodbye of %s written", bytes);
	if (record->bytes_offered == 0)
		return text_copy("an empty message written");
	return text_format("%s written", bytes);
}

/* The kinds whose event is the peer's or the network's doing: what counts is who knew. */
static char *of_disconnect(const struct story *story, const char *what)
{
	const struct trace_incident *record = &story->record;
	const struct wording_event event = wording_event(story);
	char time[TEXT_NUMBER_BYTES];
	const char *passed;

	if (record->knowledge == TRACE_TOLD)
		return text_format("%s %safter the program had been told that %s", what,
			wording_gap(time, record->told_ns, record->first_ns), wording_telling(story).what);
	if (record->flags & TRACE_INCIDENT_ICMP)
		return text_format("%s, and refused: %s for an earlier datagram", what, event.past);
	if (record->flags & TRACE_INCIDENT_RACE)
		return text_format("%s, and this call was the first to show that %s", what, event.past);
	passed = wording_gap(time, wording_ended_ns(story), record->first_ns);
	if (!*passed)
		return text_format("%s to a connection %s", what, event.which);
	return text_format("%s %safter %s, unknown to the program", what, passed, event.past);
}

/* Bytes of writes that nothing was wrong with when they were made. */
static char *of_later_loss(const struct story *story)
{
	const struct trace_incident *record = &story->record;
	int error = record->error || record->kind != TRACE_WRITE_AFTER_RESET ? record->error : ECONNRESET;
	char bytes[TEXT_NUMBER_BYTES];

	return text_format("%s accepted byte%s lost: the connection %s before the peer's TCP acknowledged %s",
		text_number(bytes, record->bytes_lost), record->bytes_lost == 1 ? " was" : "s were",
		wording_end_by(error), record->bytes_lost == 1 ? "it" : "them");
}

/* Where the bytes went that were meant for a connection which was closed. */
static const char *stray(const struct story *story)
{
	const struct trace_incident *record = &story->record;

	if (record->kind != TRACE_WRITE_TO_REUSED_FD)
		return "";
	if (record->flags & TRACE_INCIDENT_QUARANTINE)
		return "; without the quarantine another socket would have received them";
	if (record->outcome == TRACE_REJECTED)
		return "; the number now belongs to another socket";
	return story->has_other ? ": delivered to another socket"
				: ": delivered to whatever the descriptor now refers to";
}

static char *of_own_close(const struct story *story, const char *what)
{
	const struct trace_incident *record = &story->record;
	char time[TEXT_NUMBER_BYTES];
	const char *passed = wording_gap(time, record->disconnect_ns, record->first_ns);

	return text_format("%s to descriptor %d%s %safter the program had closed it%s", what, record->fd,
		*passed ? "," : "", passed, stray(story));
}

static char *of_double_close(const struct story *story)
{
	const struct trace_incident *record = &story->record;
	char time[TEXT_NUMBER_BYTES];
	const char *passed = wording_gap(time, record->disconnect_ns, record->first_ns);
	const char *victim = "";

	if (!record->error)
		victim = ": it closed whatever the descriptor then referred to";
	else if (record->flags & TRACE_INCIDENT_QUARANTINE && story->has_other)
		victim = "; without the quarantine another socket would have been closed";
	return text_format("descriptor %d %s%s %safter the program had closed it%s", record->fd,
		strncmp(record->call, "shutdown", sizeof(record->call)) ? "closed again" : "shut down",
		*passed ? "," : "", passed, victim);
}

static char *of_missing_connection(const struct story *story, const char *what)
{
	if (story->record.flags & TRACE_INCIDENT_CONNECTING)
		return text_format("%s while the connection was still being established", what);
	if (story->has_socket && story->socket.record.flags & TRACE_SOCKET_LISTENS)
		return text_format("%s to a listening socket", what);
	return text_format("%s to a socket that was not connected", what);
}

static char *of_silence(const struct trace_incident *record, const char *what)
{
	char time[TEXT_NUMBER_BYTES];

	if (!record->silent_since_ns || record->silent_since_ns >= record->first_ns)
		return text_format("%s to a peer whose TCP had fallen silent", what);
	return text_format("%s to a peer whose TCP had acknowledged nothing for %s", what,
		text_duration(time, record->first_ns - record->silent_since_ns));
}

static char *of_shutdown(const struct trace_incident *record, const char *what)
{
	char time[TEXT_NUMBER_BYTES];

	return text_format("%s %safter the program had shut down its writing half", what,
		wording_gap(time, record->disconnect_ns, record->first_ns));
}

static char *of_lossy_close(const struct trace_incident *record)
{
	char bytes[TEXT_NUMBER_BYTES];

	return text_format("%s discarded %s that the peer's TCP had not acknowledged",
		strncmp(record->call, "exit", sizeof(record->call)) ? "closing" : "the end of the process",
		text_plural(bytes, record->bytes_lost, "byte"));
}

/*
 * What a runtime did not send: it had no connection any more, or not yet; a datagram port has none, and can be closed.
 */
static char *of_drop(const struct story *story)
{
	const struct trace_incident *record = &story->record;
	const struct trace_socket *socket = story->has_socket ? &story->socket.record : NULL;
	const char *state = "the connection was already closed";
	char bytes[TEXT_NUMBER_BYTES];
	char writes[TEXT_NUMBER_BYTES];

	if (socket && (socket->protocol == TRACE_UDP || socket->protocol == TRACE_UNIX_DGRAM))
		state = "the port was already closed";
	else if (socket && (socket->origin == TRACE_SOCKET_CALL || socket->origin == TRACE_CONNECT) &&
		 (!socket->connected_ns || socket->connected_ns > record->first_ns))
		state = "the connection was not established yet";
	text_plural(bytes, record->bytes_offered, "byte");
	if (record->count > 1)
		return text_format("the runtime silently dropped %s (%s): %s",
			text_plural(writes, record->count, "write"), bytes, state);
	/* a runtime need not know how much it was */
	return text_format("the runtime silently dropped %s: %s", record->bytes_offered ? bytes : "a write", state);
}

/* Of a kind that has no words of its own. */
static char *of_others(const struct story *story, const char *what)
{
	unsigned columns = kinds_get(story->record.kind)->columns;

	if (columns & KIND_IS_MIX_UP)
		return columns & KIND_IS_CLOSE ? of_double_close(story) : of_own_close(story, what);
	if (columns & KIND_IS_CLOSE)
		return of_lossy_close(&story->record);
	return wording_is_afterwards(&story->record) ? of_later_loss(story) : of_disconnect(story, what);
}

char *wording_title(const struct story *story)
{
	const struct trace_incident *record = &story->record;
	char *what = subject(record);
	char *title;

	switch (record->kind) {
	case TRACE_WRITE_AFTER_SHUTDOWN: title = of_shutdown(record, what); break;
	case TRACE_WRITE_BEFORE_CONNECT: title = of_missing_connection(story, what); break;
	case TRACE_WRITE_TO_SILENT_PEER:
		title = wording_is_afterwards(record) ? of_later_loss(story) : of_silence(record, what);
		break;
	case TRACE_DROPPED_BY_FRAMEWORK: title = of_drop(story); break;
	default: title = of_others(story, what);
	}
	free(what);
	return title;
}
