/*
 * wording.c: see wording.h.
 */
#include "analyzer/wording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/kinds.h"
#include "analyzer/names.h"
#include "analyzer/text.h"

/* "12 bytes written", "3 writes (36 bytes) made", "a farewell of 31 bytes written". The caller frees it. */
static char *subject(const struct trace_incident *record)
{
	char bytes[TEXT_NUMBER_BYTES];
	char writes[TEXT_NUMBER_BYTES];

	text_plural(bytes, record->bytes_offered, "byte");
	if (record->count > 1)
		return text_format("%s (%s) made", text_plural(writes, record->count, "write"), bytes);
	if (record->flags & TRACE_INCIDENT_FAREWELL)
		return text_format("a farewell of %s written", bytes);
	if (record->bytes_offered == 0)
		return text_copy("an empty message written");
	return text_format("%s written", bytes);
}

/* "2.4 ms " or nothing, where the earlier time is not known or not earlier. */
static const char *gap(char *buffer, uint64_t from_ns, uint64_t to_ns)
{
	if (!from_ns || from_ns >= to_ns)
		return "";
	text_duration(buffer, to_ns - from_ns);
	return strcat(buffer, " ");
}

/* What ended the connection: now, and as what lay in the past. */
struct event {
	const char *now;
	const char *past;
};

static struct event event_of(const struct trace_incident *record)
{
	const struct kind *kind = kinds_get(record->kind);

	if (record->flags & TRACE_INCIDENT_ICMP)
		return (struct event){"an ICMP error had come back", "an ICMP error had come back"};
	if (record->flags & TRACE_INCIDENT_PEER_SHUTDOWN)
		return (struct event){"the peer shut down its end", "the peer had shut down its end"};
	return (struct event){kind->event, kind->past_event};
}

/* When the connection had ended: as first observed from this end, or earlier, as the audited peer did it. */
static uint64_t ended_ns(const struct story *story)
{
	uint64_t seen = story->record.disconnect_ns;
	uint64_t done = story->record.kind == TRACE_WRITE_AFTER_PEER_CLOSE ? story->peer_ended_ns : 0;

	return done && (!seen || done < seen) ? done : seen;
}

/* The kinds whose event is the peer's or the network's doing: what counts is who knew. */
static char *title_of_disconnect(const struct story *story, const char *what)
{
	const struct trace_incident *record = &story->record;
	struct event event = event_of(record);
	char time[TEXT_NUMBER_BYTES];

	if (record->knowledge == TRACE_TOLD)
		return text_format("%s %safter the program had been told that %s", what,
			gap(time, record->told_ns, record->first_ns), event.now);
	if (record->flags & TRACE_INCIDENT_RACE)
		return text_format("%s, and this call was the first to show that %s", what, event.past);
	if (record->knowledge == TRACE_NOBODY)
		return text_format("%s after %s, as was found out only later", what, event.past);
	return text_format("%s %safter %s, of which the program had not been told", what,
		gap(time, ended_ns(story), record->first_ns), event.past);
}

static char *title_of_own_close(const struct trace_incident *record, const char *what)
{
	char time[TEXT_NUMBER_BYTES];
	const char *passed = gap(time, record->disconnect_ns, record->first_ns);
	bool taken = record->kind == TRACE_WRITE_TO_REUSED_FD && !(record->flags & TRACE_INCIDENT_QUARANTINE);

	return text_format("%s to descriptor %d %safter the program had closed it%s", what, record->fd, passed,
		taken ? ", and to whoever has that number now" : "");
}

static char *title_before_connect(const struct trace_incident *record, const char *what)
{
	if (record->flags & TRACE_INCIDENT_CONNECTING)
		return text_format("%s while the connection was still being made", what);
	return text_format("%s to a socket that was not connected", what);
}

static char *title_of_silence(const struct trace_incident *record, const char *what)
{
	char time[TEXT_NUMBER_BYTES];

	if (!record->silent_since_ns || record->silent_since_ns > record->first_ns)
		return text_format("%s to a peer whose TCP had fallen silent", what);
	return text_format("%s to a peer whose TCP had acknowledged nothing for %s", what,
		text_duration(time, record->first_ns - record->silent_since_ns));
}

static char *title_of_double_close(const struct trace_incident *record)
{
	char time[TEXT_NUMBER_BYTES];

	return text_format("descriptor %d closed again %safter the program had closed it%s", record->fd,
		gap(time, record->disconnect_ns, record->first_ns),
		record->error ? "" : ", and taken from whoever had that number by then");
}

char *wording_title(const struct story *story)
{
	const struct trace_incident *record = &story->record;
	char *what = subject(record);
	char bytes[TEXT_NUMBER_BYTES];
	char *title;

	switch (record->kind) {
	case TRACE_WRITE_AFTER_SHUTDOWN:
		title = text_format("%s %safter the program had shut down its writing half", what,
			gap(bytes, record->disconnect_ns, record->first_ns));
		break;
	case TRACE_WRITE_AFTER_CLOSE:
	case TRACE_WRITE_TO_REUSED_FD: title = title_of_own_close(record, what); break;
	case TRACE_WRITE_BEFORE_CONNECT: title = title_before_connect(record, what); break;
	case TRACE_WRITE_TO_SILENT_PEER: title = title_of_silence(record, what); break;
	case TRACE_LOST_ON_CLOSE:
		title = text_format("close threw away %s that the peer's TCP had not acknowledged",
			text_plural(bytes, record->bytes_lost, "byte"));
		break;
	case TRACE_DOUBLE_CLOSE: title = title_of_double_close(record); break;
	case TRACE_DROPPED_BY_FRAMEWORK:
		title = text_format(
			"%s after the connection had been lost, and dropped by the program's runtime", what);
		break;
	default: title = title_of_disconnect(story, what);
	}
	free(what);
	return title;
}

static char *rejected(const struct story *story)
{
	const struct trace_incident *record = &story->record;
	char number[24];
	char writes[TEXT_NUMBER_BYTES];
	char lost[TEXT_NUMBER_BYTES];
	const char *pipe = record->sigpipe == TRACE_SIGPIPE_FATAL    ? ", and SIGPIPE killed the process"
			   : record->sigpipe == TRACE_SIGPIPE_RAISED ? ", and SIGPIPE was raised"
								     : "";
	char *first;
	char *all;

	if (record->count > 1)
		first = text_format("of %s, the last failed", text_plural(writes, record->count, "write"));
	else
		first = text_copy("the call failed");
	all = text_format("%s with %s%s%s%s%s", first, record->error ? names_errno(record->error, number) : "an error",
		pipe, record->bytes_lost ? "; " : "",
		record->bytes_lost ? text_plural(lost, record->bytes_lost, "byte") : "",
		record->bytes_lost ? " that were accepted earlier were lost" : "");
	free(first);
	return all;
}

static bool is_tcp(const struct story *story)
{
	return story->has_socket && story->socket.record.protocol == TRACE_TCP;
}

static char *unconfirmed(const struct story *story)
{
	if (story->in_progress)
		return text_copy("the call has not returned yet");
	if (story->record.flags & TRACE_INCIDENT_IN_CALL)
		return text_copy("the process ended while the call was under way");
	return text_format("the call succeeded; the run ended before it could be known whether %s",
		is_tcp(story) ? "the peer's TCP acknowledged the bytes" : "the bytes arrived");
}

char *wording_outcome(const struct story *story)
{
	const struct trace_incident *record = &story->record;
	char bytes[TEXT_NUMBER_BYTES];

	switch (record->outcome) {
	case TRACE_REJECTED: return rejected(story);
	case TRACE_LOST:
		return text_format("the call reported success; the connection was then reset before the peer's TCP "
				   "acknowledged %s",
			text_plural(bytes, record->bytes_lost, "byte"));
	case TRACE_DELIVERED:
		return text_copy(
			"the peer's TCP acknowledged the bytes: it had closed its sending half only, or had not yet "
			"closed the other");
	}
	return unconfirmed(story);
}

static char *disconnect_evidence(const struct story *story)
{
	const struct trace_incident *record = &story->record;
	char time[TEXT_NUMBER_BYTES];
	const char *what;

	switch (record->kind) {
	case TRACE_WRITE_AFTER_PEER_CLOSE:
		what = is_tcp(story)                                  ? "the peer's FIN was first seen"
		       : record->flags & TRACE_INCIDENT_PEER_SHUTDOWN ? "the peer's shutdown was first seen"
								      : "the peer's close was first seen";
		break;
	case TRACE_WRITE_AFTER_RESET:
		what = record->flags & TRACE_INCIDENT_ICMP ? "an ICMP error was first seen"
							   : "the end of the connection was first seen";
		break;
	case TRACE_WRITE_AFTER_SHUTDOWN: what = "the program shut down its writing half"; break;
	case TRACE_WRITE_AFTER_CLOSE:
	case TRACE_WRITE_TO_REUSED_FD:
	case TRACE_DOUBLE_CLOSE: what = "the program closed the descriptor"; break;
	default: return NULL;
	}
	if (!record->disconnect_ns || record->disconnect_ns > record->first_ns)
		return NULL;
	if (record->disconnect_ns == record->first_ns)
		return record->flags & TRACE_INCIDENT_RACE ? NULL : text_format("%s just before the call", what);
	return text_format("%s %s before", what, text_duration(time, record->first_ns - record->disconnect_ns));
}

static char *told_evidence(const struct trace_incident *record)
{
	char time[TEXT_NUMBER_BYTES];
	bool own = record->kind == TRACE_WRITE_AFTER_SHUTDOWN || record->kind == TRACE_WRITE_AFTER_CLOSE ||
		   record->kind == TRACE_WRITE_TO_REUSED_FD || record->kind == TRACE_DOUBLE_CLOSE;

	if (own || record->kind == TRACE_WRITE_BEFORE_CONNECT)
		return NULL;
	if (record->knowledge != TRACE_TOLD)
		return text_copy("the program had not been told: no call had shown it the end");
	if (!record->told_call[0])
		return NULL;
	if (!record->told_ns || record->told_ns > record->first_ns)
		return text_format("%.16s had told the program", record->told_call);
	return text_format("%.16s told the program %s before", record->told_call,
		text_duration(time, record->first_ns - record->told_ns));
}

static const char *tcp_state_name(unsigned state)
{
	static const char *const states[] = {"none", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",
		"TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING"};

	return state < sizeof(states) / sizeof(states[0]) ? states[state] : "unknown";
}

static char *probe_evidence(const struct trace_incident *record)
{
	char bytes[TEXT_NUMBER_BYTES];
	const struct trace_probe *before = &record->before;
	const struct trace_probe *after = &record->after;

	if (!before->tcp_state && !after->tcp_state)
		return NULL;
	if (!after->tcp_state)
		return text_format("TCP state before the call: %s", tcp_state_name(before->tcp_state));
	return text_format("TCP state %s%s%s after the call%s%s",
		before->tcp_state ? tcp_state_name(before->tcp_state) : "", before->tcp_state ? " before, " : "",
		tcp_state_name(after->tcp_state), after->unsent_bytes ? "; not acknowledged then: " : "",
		after->unsent_bytes ? text_plural(bytes, after->unsent_bytes, "byte") : "");
}

static char *silence_evidence(const struct trace_incident *record)
{
	char times[TEXT_NUMBER_BYTES];

	if (record->kind != TRACE_WRITE_TO_SILENT_PEER)
		return NULL;
	return text_format("%s without an answer%s", text_plural(times, record->retransmissions, "retransmission"),
		record->flags & TRACE_INCIDENT_HEALED ? "; later the link came back" : "");
}

static char *inference_evidence(const struct story *story)
{
	if (story->inferred)
		return text_format(
			"inferred: SIGPIPE killed the process inside %.16s on this socket, which the audit had just "
			"found open",
			story->record.call);
	if (story->record.flags & TRACE_INCIDENT_RACE)
		return text_copy("just before the call the connection still looked open");
	return NULL;
}

size_t wording_evidence(const struct story *story, char *lines[WORDING_EVIDENCE])
{
	char *candidates[] = {disconnect_evidence(story), told_evidence(&story->record), inference_evidence(story),
		silence_evidence(&story->record), probe_evidence(&story->record),
		story->note.length ? text_format("%.*s", (int)story->note.length, story->note.bytes) : NULL};
	size_t count = 0;

	_Static_assert(sizeof(candidates) / sizeof(candidates[0]) == WORDING_EVIDENCE, "room for every line");
	for (size_t i = 0; i < WORDING_EVIDENCE; i++)
		if (candidates[i])
			lines[count++] = candidates[i];
	return count;
}

/* An AF_UNIX peer whose socket was not found: the kernel still names the process. */
static char *peer_by_name(const struct story *story)
{
	int32_t pid = story->has_socket ? story->socket.record.peer_pid : 0;

	if (pid <= 0 || pid == story->process->pid)
		return NULL;
	return text_format("pid %d, as the kernel names it", pid);
}

char *wording_peer(const struct story *story)
{
	const struct process *process = story->peer.process;
	uint64_t first_ns = story->record.first_ns;
	char time[TEXT_NUMBER_BYTES];
	char *program;
	char *line;

	if (!story->has_peer)
		return peer_by_name(story);
	if (process == story->process)
		program = text_copy("this same process");
	else
		program = text_format("pid %d", process->pid);
	if (story->peer_ended_ns)
		line = text_format("%s by %s, %s %s", story->peer_shut_down ? "shut down" : "closed", program,
			text_duration(time, story->peer_ended_ns < first_ns ? first_ns - story->peer_ended_ns
									    : story->peer_ended_ns - first_ns),
			story->peer_ended_ns < first_ns ? "before" : "after");
	else if (process->end == PROCESS_KILLED)
		line = text_format("held by %s, which was killed", program);
	else
		line = text_format("held by %s, which has not closed it", program);
	free(program);
	return line;
}
