/*
 * wording.c: what became of the bytes, whose the other end is, and how a connection came to be. See wording.h.
 */
#include "analyzer/wording/wording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/error_names.h"
#include "analyzer/base/text.h"
#include "analyzer/wording/names.h"
#include "analyzer/wording/wording_parts.h"

/* --- The outcome -------------------------------------------------------------------------------------------------- */

/* What else is to be said of a call on a number that the quarantine had parked. */
static const char *parked(const struct trace_incident *record)
{
	return record->flags & TRACE_INCIDENT_QUARANTINE ? ", since the quarantine had parked the number" : "";
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

	if (record->kind == TRACE_DROPPED_BY_FRAMEWORK && !record->error)
		return text_copy("the runtime made no system call: nothing was sent");
	if (record->count > 1)
		first = text_format("of %s, the last failed",
			text_plural(
				writes, record->count, trace_kind_is(record->kind, KIND_IS_CLOSE) ? "close" : "write"));
	else
		first = text_copy("the call failed");
	all = text_format("%s with %s%s%s%s%s%s", first, record->error ? error_text(record->error, number) : "an error",
		parked(record), pipe, record->bytes_lost ? "; " : "",
		record->bytes_lost ? text_plural(lost, record->bytes_lost, "byte") : "",
		record->bytes_lost ? " accepted earlier were lost" : "");
	free(first);
	return all;
}

static char *lost(const struct story *story)
{
	const struct trace_incident *record = &story->record;
	char bytes[TEXT_NUMBER_BYTES];
	char number[TEXT_NUMBER_BYTES];
	const char *who = record->count > 1 ? "the calls" : "the call";
	const char *end = record->kind == TRACE_WRITE_TO_SILENT_PEER ? "then ended" : "was then reset";

	text_plural(bytes, record->bytes_lost, "byte");
	if (record->kind == TRACE_LOST_ON_CLOSE)
		return text_copy("the writes of these bytes had reported success");
	if (record->bytes_accepted && record->bytes_lost > record->bytes_accepted)
		return text_format(
			"%s reported success; the connection %s before the peer's TCP acknowledged %s, of which "
			"%s had been written before",
			who, end, bytes, text_number(number, record->bytes_lost - record->bytes_accepted));
	if (record->bytes_lost < record->bytes_accepted)
		return text_format("%s reported success; the connection %s before the peer's TCP acknowledged %s of %s",
			who, end, text_number(number, record->bytes_lost),
			text_plural(bytes, record->bytes_accepted, "byte"));
	return text_format(
		"%s reported success; the connection %s before the peer's TCP acknowledged %s", who, end, bytes);
}

/* The link came back: the last write was made while it was silent, so the silence lasted at least until then. */
static char *delivered_late(const struct trace_incident *record)
{
	char time[TEXT_NUMBER_BYTES];

	if (!record->silent_since_ns || record->silent_since_ns >= record->last_ns)
		return text_copy("late: the link came back, and the peer's TCP acknowledged the bytes");
	return text_format(
		"late: the link came back, and the peer's TCP acknowledged the bytes after %s of silence or more",
		text_duration(time, record->last_ns - record->silent_since_ns));
}

static char *delivered(const struct story *story)
{
	if (story->record.kind == TRACE_WRITE_TO_REUSED_FD)
		return text_copy("the call went to the wrong socket");
	if (story->record.kind == TRACE_WRITE_TO_SILENT_PEER)
		return delivered_late(&story->record);
	if (wording_is_tcp(story))
		return text_copy("the peer's TCP acknowledged the bytes: it had closed its sending half only, or had "
				 "not yet closed the other");
	return text_copy("the peer's socket took the bytes: it had shut down its sending half only");
}

static char *unconfirmed(const struct story *story)
{
	if (story->in_progress)
		return text_copy("the call has not returned yet");
	if (story->record.flags & TRACE_INCIDENT_IN_CALL)
		return text_copy("the process ended while the call was under way");
	if (!story->record.bytes_accepted && !strncmp(story->record.call, "uring_", 6))
		return text_copy("the result of the call was not seen");
	return text_format("the call succeeded; the run ended before it could be known whether %s",
		wording_is_tcp(story) ? "the peer's TCP acknowledged the bytes" : "the bytes arrived");
}

char *wording_outcome(const struct story *story)
{
	switch (story->record.outcome) {
	case TRACE_REJECTED: return rejected(story);
	case TRACE_LOST: return lost(story);
	case TRACE_DELIVERED: return delivered(story);
	}
	return unconfirmed(story);
}

/* --- The connection and its other end ----------------------------------------------------------------------------- */

/* "accepted 1.2 s before": how the connection came to be, and when. */
static char *origin(const struct trace_socket *socket, uint64_t now)
{
	static const char *const words[] = {[TRACE_SOCKET_CALL] = "created",
		[TRACE_CONNECT] = "connected",
		[TRACE_ACCEPT] = "accepted",
		[TRACE_SOCKETPAIR] = "created as a pair",
		[TRACE_INHERITED] = "inherited and first seen",
		[TRACE_PASSED] = "passed and first seen"};
	/* What `connect` tells is when there was a connection, not when there was a socket. */
	uint64_t since =
		socket->origin == TRACE_CONNECT && socket->connected_ns ? socket->connected_ns : socket->opened_ns;
	char time[TEXT_NUMBER_BYTES];

	if (socket->origin >= sizeof(words) / sizeof(words[0]) || !since || since > now)
		return text_copy("of unknown age");
	return text_format("%s %s earlier", words[socket->origin], text_duration(time, now - since));
}

char *wording_connection(const struct story *story, const struct connection *connection, int fd)
{
	const char *protocol = names_protocol(connection->record.protocol);
	char *local = names_endpoint(&connection->local);
	char *peer = names_endpoint(&connection->peer);
	char *began = origin(&connection->record, story->record.first_ns);
	char *line;

	if (connection->record.flags & TRACE_SOCKET_LISTENS)
		line = text_format("%s %s, listening, descriptor %d, %s", protocol, local, fd, began);
	else if (connection->local.family || connection->peer.family)
		line = text_format("%s %s -> %s, descriptor %d, %s", protocol, local, peer, fd, began);
	else
		line = text_format("%s socket without addresses, descriptor %d, %s", protocol, fd, began);
	free(local);
	free(peer);
	free(began);
	return line;
}

char *wording_owner(const struct story *story)
{
	if (!story->has_other)
		return NULL;
	return wording_connection(story, &story->other, story->other.record.fd);
}

/* "this same process", "server (pid 12)". The caller frees it. */
static char *program_of(const struct story *story, const struct process *process)
{
	char *name;
	char *program;

	if (process == story->process)
		return text_copy("this same process");
	name = names_program(process);
	program = text_format("%s (pid %d)", name, process->pid);
	free(name);
	return program;
}

/* An AF_UNIX peer whose socket was not found: the kernel still names the process. */
static char *peer_by_name(const struct story *story)
{
	int32_t pid = story->has_socket ? story->socket.record.peer_pid : 0;
	char *program;
	char *line;

	if (pid <= 0)
		return NULL;
	if (!story->peer_process)
		return text_format("pid %d, as the kernel names it", pid);
	program = program_of(story, story->peer_process);
	line = text_format("%s, as the kernel names it", program);
	free(program);
	return line;
}

char *wording_peer(const struct story *story)
{
	const struct process *process = story->peer.process;
	uint64_t first_ns = story->record.first_ns;
	uint64_t ended_ns = story->peer_ended_ns;
	char time[TEXT_NUMBER_BYTES];
	char *program;
	char *line;

	if (!story->has_peer)
		return peer_by_name(story);
	program = program_of(story, process);
	if (ended_ns)
		line = text_format("%s by %s, %s %s", story->peer_shut_down ? "shut down" : "closed", program,
			text_duration(time, ended_ns < first_ns ? first_ns - ended_ns : ended_ns - first_ns),
			ended_ns < first_ns ? "earlier" : "later");
	else if (process->end == PROCESS_KILLED)
		line = text_format("held by %s, which was killed", program);
	else if (process->end == PROCESS_RUNNING)
		line = text_format("held by %s, which has not closed it yet", program);
	else
		line = text_format("held by %s, which never closed it", program);
	free(program);
	return line;
}

const char *wording_missing_stack(const struct story *story)
{
	if (wording_is_afterwards(&story->record))
		return "no stack: the connection was still healthy";
	if (story->inferred)
		return "no stack: SIGPIPE killed the process before one was taken";
	return NULL;
}
