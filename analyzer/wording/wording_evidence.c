/*
 * wording_evidence.c: what the kernel knew and what the program had been told, line by line. See wording.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/error_names.h"
#include "analyzer/base/text.h"
#include "analyzer/wording/names.h"
#include "analyzer/wording/wording.h"
#include "analyzer/wording/wording_parts.h"

/* What the end of the connection was, as it is seen; NULL where the kind has none that comes from outside. */
static const char *end_of(const struct story *story)
{
	const struct trace_incident *record = &story->record;

	if (record->kind == TRACE_WRITE_AFTER_PEER_CLOSE)
		return wording_is_tcp(story)                          ? "the peer's FIN"
		       : record->flags & TRACE_INCIDENT_PEER_SHUTDOWN ? "the peer's shutdown"
								      : "the peer's close";
	if (record->kind == TRACE_WRITE_AFTER_RESET)
		return record->flags & TRACE_INCIDENT_ICMP ? "the ICMP error" : "the end of the connection";
	return NULL;
}

static char *own_deed(const struct trace_incident *record)
{
	const char *what = record->kind == TRACE_WRITE_AFTER_SHUTDOWN    ? "the program shut down its writing half"
			   : trace_kind_is(record->kind, KIND_IS_MIX_UP) ? "the program closed the descriptor"
									 : NULL;
	char time[TEXT_NUMBER_BYTES];

	if (!what || !record->disconnect_ns || record->disconnect_ns > record->first_ns)
		return NULL;
	return text_format("%s %s earlier", what, text_duration(time, record->first_ns - record->disconnect_ns));
}

/* Since when the end was there, as far as was seen from this side. */
static char *end_line(const struct story *story)
{
	const struct trace_incident *record = &story->record;
	const char *end = end_of(story);
	char time[TEXT_NUMBER_BYTES];

	if (!end || wording_is_afterwards(record))
		return own_deed(record);
	if (!record->disconnect_ns || record->disconnect_ns > record->first_ns)
		return NULL;
	if (record->disconnect_ns < record->first_ns)
		return text_format("%s was first seen %s earlier", end,
			text_duration(time, record->first_ns - record->disconnect_ns));
	if (record->flags & TRACE_INCIDENT_ICMP)
		return text_format("%s was reported by this very call, which sent nothing", end);
	if (record->flags & TRACE_INCIDENT_RACE)
		return NULL;
	return text_format(
		"%s was already there%s", end, record->knowledge == TRACE_TOLD ? "" : "; no earlier call revealed it");
}

/* "read returned 0", "send failed with EPIPE", "epoll_wait reported it". The caller frees it. */
static char *telling_call(const struct trace_incident *record, const struct trace_operation *operation)
{
	char number[24];

	if (!operation)
		return text_format("%.16s reported this", record->told_call);
	if (operation->result == 0)
		return text_format("%.16s returned 0", record->told_call);
	if (!strncmp(record->told_call, "getsockopt", sizeof(record->told_call)))
		return text_format(
			"getsockopt(SO_ERROR) gave %s", error_text((int)-(int64_t)operation->result, number));
	return text_format(
		"%.16s failed with %s", record->told_call, error_text((int)-(int64_t)operation->result, number));
}

static char *told_line(const struct story *story)
{
	const struct trace_incident *record = &story->record;
	struct wording_telling telling;
	char time[TEXT_NUMBER_BYTES];
	char *call;
	char *line;

	if (!record->told_call[0])
		return NULL;
	telling = wording_telling(story);
	call = telling_call(record, telling.operation);
	if (!record->told_ns || record->told_ns > record->first_ns)
		line = text_format("%s, so the program knew", call);
	else
		line = text_format("%s, %s earlier, so the program knew", call,
			text_duration(time, record->first_ns - record->told_ns));
	free(call);
	return line;
}

/* Whether the program knew, for the kinds where it had to be told. */
static char *knowledge_line(const struct story *story)
{
	const struct trace_incident *record = &story->record;

	if (record->kind == TRACE_WRITE_AFTER_SHUTDOWN || trace_kind_is(record->kind, KIND_IS_MIX_UP) ||
		record->kind == TRACE_WRITE_BEFORE_CONNECT)
		return NULL;
	if (record->knowledge == TRACE_TOLD)
		return told_line(story);
	/* Where the end was not seen before this very write either, the line before has said so. */
	if (wording_is_afterwards(record) || record->flags & TRACE_INCIDENT_ICMP ||
		(end_of(story) && record->disconnect_ns == record->first_ns && !(record->flags & TRACE_INCIDENT_RACE)))
		return NULL;
	if (record->kind == TRACE_WRITE_TO_SILENT_PEER)
		return text_copy("the program had not been told: every write succeeded");
	return text_copy("the program had not been told: no call revealed the end");
}

static const char *tcp_state_name(unsigned state)
{
	static const char *const states[] = {"none", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",
		"TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING"};

	return state < sizeof(states) / sizeof(states[0]) ? states[state] : "unknown";
}

static char *probe_line(const struct trace_incident *record)
{
	char bytes[TEXT_NUMBER_BYTES];
	const struct trace_probe *before = &record->before;
	const struct trace_probe *after = &record->after;

	if (wording_is_afterwards(record) || record->kind == TRACE_LOST_ON_CLOSE)
		return NULL;
	if (!before->tcp_state && !after->tcp_state)
		return NULL;
	if (!after->tcp_state)
		return text_format("TCP state before the call: %s", tcp_state_name(before->tcp_state));
	return text_format("TCP state %s%s%s after the call%s%s%s",
		before->tcp_state ? tcp_state_name(before->tcp_state) : "", before->tcp_state ? " before, " : "",
		tcp_state_name(after->tcp_state), after->unsent_bytes ? "; " : "",
		after->unsent_bytes ? text_plural(bytes, after->unsent_bytes, "byte") : "",
		after->unsent_bytes ? " still unacknowledged" : "");
}

/* What was known of the retransmissions, and of the oldest byte that waited. */
static char *silence_line(const struct trace_incident *record)
{
	char times[TEXT_NUMBER_BYTES];
	char time[TEXT_NUMBER_BYTES];

	if (record->kind != TRACE_WRITE_TO_SILENT_PEER)
		return NULL;
	text_plural(times, record->retransmissions, "retransmission");
	if (wording_is_afterwards(record) && record->silent_since_ns && record->silent_since_ns < record->disconnect_ns)
		return text_format("%s in vain, in %s without an acknowledgement", times,
			text_duration(time, record->disconnect_ns - record->silent_since_ns));
	return text_format("%s unanswered at the time%s", times,
		record->flags & TRACE_INCIDENT_HEALED ? "; later the link came back" : "");
}

/* Which writes it was whose bytes were found lost only later: by their calls and times. */
static char *later_writes_line(const struct trace_incident *record)
{
	char writes[TEXT_NUMBER_BYTES];
	char first[TEXT_NUMBER_BYTES];
	char last[TEXT_NUMBER_BYTES];
	char *line;

	if (!wording_is_afterwards(record) || record->disconnect_ns < record->last_ns)
		return NULL;
	if (!record->call[0])
		return text_copy("which write this was is not known");
	text_duration(first, record->disconnect_ns - record->first_ns);
	text_duration(last, record->disconnect_ns - record->last_ns);
	text_plural(writes, record->count, "write");
	if (record->count > 1)
		line = text_format(
			"the last of %s by %.16s, %s to %s before the end was seen", writes, record->call, first, last);
	else
		line = text_format("one write by %.16s, %s before the end was seen", record->call, first);
	return line;
}

static char *error_line(const struct trace_incident *record)
{
	char number[24];

	if (!wording_is_afterwards(record) || !record->error)
		return NULL;
	return text_format("the connection ended with %s", error_text(record->error, number));
}

/* How long the writes went on that are counted as one incident. */
static char *repetition_line(const struct trace_incident *record)
{
	char time[TEXT_NUMBER_BYTES];

	if (record->count < 2 || wording_is_afterwards(record) || record->last_ns <= record->first_ns)
		return NULL;
	return text_format("from the first of these writes to the last: %s",
		text_duration(time, record->last_ns - record->first_ns));
}

static char *particular_line(const struct story *story)
{
	const struct trace_incident *record = &story->record;

	if (story->inferred)
		return text_format(
			"inferred: SIGPIPE killed the process inside %.16s on this socket, which the audit had just "
			"found open",
			record->call);
	if (record->kind == TRACE_LOST_ON_CLOSE)
		return text_copy(record->flags & TRACE_INCIDENT_DISSOLVED
					 ? "connect with AF_UNSPEC reset the connection"
				 : record->flags & TRACE_INCIDENT_LINGER
					 ? "SO_LINGER with a time of 0 turned the close into a reset"
					 : "unread input turned the close into a reset");
	if (record->flags & TRACE_INCIDENT_FAREWELL)
		return text_copy("its first bytes are those of a protocol's goodbye");
	if (record->flags & TRACE_INCIDENT_RACE)
		return text_copy("just before the call the connection still looked open");
	if (record->flags & TRACE_INCIDENT_QUARANTINE && !story->has_other)
		return text_copy("no other socket is known to have had that number by then");
	return NULL;
}

/*
 * What a runtime added has a line for each fact. Returns how many are in `lines` now; the last one takes all that is
 * left.
 */
static size_t add_note(const struct text *note, char *lines[WORDING_EVIDENCE], size_t count)
{
	const char *at = note->length ? note->bytes : "";
	const char *end = at + note->length;

	while (at < end && count < WORDING_EVIDENCE) {
		const char *newline = count + 1 < WORDING_EVIDENCE ? memchr(at, '\n', (size_t)(end - at)) : NULL;
		size_t length = (size_t)((newline ? newline : end) - at);

		if (length)
			lines[count++] = text_format("%.*s", (int)length, at);
		at += length + 1;
	}
	return count;
}

size_t wording_evidence(const struct story *story, char *lines[WORDING_EVIDENCE])
{
	const struct trace_incident *record = &story->record;
	char *candidates[] = {end_line(story), error_line(record), knowledge_line(story), particular_line(story),
		later_writes_line(record), repetition_line(record), silence_line(record), probe_line(record)};
	size_t count = 0;

	_Static_assert(sizeof(candidates) / sizeof(candidates[0]) < WORDING_EVIDENCE, "room for every line");
	for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++)
		if (candidates[i])
			lines[count++] = candidates[i];
	return add_note(&story->note, lines, count);
}
