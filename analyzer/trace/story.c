/*
 * story.c: one incident of the second pass, with all that belongs to it. See lifecycle.h.
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/trace/lifecycle_private.h"

/* Texts of a trace as far as they are looked at: what libsocksan writes is no longer. */
#define MAX_NOTE_BYTES 4096
#define MAX_LABEL_BYTES 256
#define MAX_PREVIEW_BYTES 64

/* The record of an incident, as it was settled, or made anew where it was inferred. */
static bool load_record(struct lifecycle *lifecycle, const struct incident *incident, struct story *story)
{
	struct reader *reader = trace_set_open(&lifecycle->set, incident->trace);
	struct trace_socket socket;

	if (!reader)
		return false;
	story->process = &lifecycle->processes[incident->process];
	story->inferred = incident->ref == 0;
	if (story->inferred) {
		if (!reader_get(reader, incident->socket, TRACE_SOCKET, &socket, sizeof(socket)))
			return false;
		lifecycle_infer(&story->record, &socket, incident->socket);
		lifecycle_make_id(lifecycle, incident->trace, 'i', 0, story->id);
		return true;
	}
	if (!reader_get(reader, incident->ref, TRACE_INCIDENT, &story->record, sizeof(story->record)))
		return false;
	story->record.outcome = incident->outcome;
	story->record.sigpipe = incident->sigpipe;
	story->record.error = incident->error;
	story->in_progress = story->record.flags & TRACE_INCIDENT_IN_CALL && story->process->end == PROCESS_RUNNING;
	if (story->record.history_count > TRACE_HISTORY)
		story->record.history_count = TRACE_HISTORY;
	/* Where a loss was found between calls there is none that found it. */
	if (story->record.history_count && !story->record.history[story->record.history_count - 1].call[0])
		story->record.history_count--;
	lifecycle_make_id(lifecycle, incident->trace, 'i', story->record.id, story->id);
	return true;
}

/* The audited process that the kernel named as the peer; of several with that number the one that it was then. */
static const struct process *named_process(const struct lifecycle *lifecycle, const struct connection *connection)
{
	const struct trace_socket *socket = &connection->record;
	struct process_search search;
	const struct process *process = NULL;

	if (socket->peer_pid <= 0)
		return NULL;
	search = process_index_search(lifecycle->by_pid, socket->peer_pid, socket->opened_ns);
	while ((process = process_index_next(&search)) &&
		!lifecycle_same_boot(lifecycle, connection->trace, process->trace))
		;
	return process;
}

static void load_peer(struct lifecycle *lifecycle, struct story *story)
{
	struct trace_socket peer;
	struct peer_entry place;
	uint64_t end;

	if (!lifecycle_find_peer(lifecycle, &story->socket, &peer, &place)) {
		story->peer_process = named_process(lifecycle, &story->socket);
		return;
	}
	story->has_peer = lifecycle_load_connection(lifecycle, place.trace, place.ref, &story->peer);
	if (!story->has_peer)
		return;
	memcpy(story->socket.peer_id, story->peer.id, sizeof(story->peer.id));
	story->socket.peer_opened_ns = peer.opened_ns;
	memcpy(story->peer.peer_id, story->socket.id, sizeof(story->socket.id));
	story->peer.peer_opened_ns = story->socket.record.opened_ns;
	end = lifecycle_holder_end_ns(lifecycle, place.trace, &peer);
	story->peer_ended_ns = end == UINT64_MAX ? 0 : end;
	story->peer_shut_down = peer.shutdown_ns != 0;
	lifecycle_load_stack(lifecycle, place.trace, peer.shutdown_ns ? peer.stack_shutdown : peer.stack_closed,
		&story->peer_closed);
}

bool lifecycle_load(struct lifecycle *lifecycle, const struct incident *incident, struct story *story)
{
	const struct trace_socket *socket = &story->socket.record;
	struct trace_incident *record = &story->record;
	uint32_t trace = incident->trace;
	struct reader *reader;

	*story = (struct story){0};
	if (!load_record(lifecycle, incident, story))
		return false;
	story->has_socket =
		record->socket && lifecycle_load_connection(lifecycle, trace, record->socket, &story->socket);
	story->has_other = record->other_socket &&
			   lifecycle_load_connection(lifecycle, trace, record->other_socket, &story->other);
	lifecycle_load_stack(lifecycle, trace, record->stack_write, &story->write);
	/* The socket's own record may tell of a later telling, which this write knew nothing of. */
	lifecycle_load_stack(lifecycle, trace,
		record->stack_told || record->told_ns != socket->told_ns ? record->stack_told : socket->stack_told,
		&story->told);
	lifecycle_load_stack(lifecycle, trace, record->stack_closed, &story->closed);
	lifecycle_load_stack(
		lifecycle, trace, record->stack_opened ? record->stack_opened : socket->stack_opened, &story->opened);
	lifecycle_load_stack(lifecycle, trace, record->stack_new_owner, &story->new_owner);
	reader = trace_set_open(&lifecycle->set, trace);
	if (reader && record->label)
		story->label = lifecycle_load_text(reader, record->label, MAX_LABEL_BYTES);
	if (reader && record->text)
		story->note = lifecycle_load_text(reader, record->text, MAX_NOTE_BYTES);
	if (reader && record->preview)
		story->preview = lifecycle_load_text(reader, record->preview, MAX_PREVIEW_BYTES);
	if (story->has_socket)
		load_peer(lifecycle, story);
	return true;
}

bool lifecycle_load_outline(struct lifecycle *lifecycle, const struct incident *incident, struct outline *outline)
{
	struct reader *reader = trace_set_open(&lifecycle->set, incident->trace);
	struct trace_incident record;
	struct trace_socket socket;

	*outline = (struct outline){0};
	if (!reader)
		return false;
	if (incident->ref) {
		if (!reader_get(reader, incident->ref, TRACE_INCIDENT, &record, sizeof(record)))
			return false;
		outline->stack_opened = record.stack_opened;
		outline->label =
			record.label ? lifecycle_load_text(reader, record.label, MAX_LABEL_BYTES) : (struct text){0};
	}
	if (incident->socket && reader_get(reader, incident->socket, TRACE_SOCKET, &socket, sizeof(socket))) {
		lifecycle_set_endpoint(reader, &socket.peer, &outline->peer);
		if (!outline->stack_opened)
			outline->stack_opened = socket.stack_opened;
	}
	return true;
}

void lifecycle_story_free(struct story *story)
{
	lifecycle_stack_free(&story->write);
	lifecycle_stack_free(&story->told);
	lifecycle_stack_free(&story->closed);
	lifecycle_stack_free(&story->opened);
	lifecycle_stack_free(&story->new_owner);
	lifecycle_stack_free(&story->peer_closed);
	free((char *)story->label.bytes);
	free((char *)story->note.bytes);
	free((char *)story->preview.bytes);
}
