/*
 * story.c: the second pass: one socket or one incident at a time, with all that belongs to it. See lifecycle.h.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/lifecycle_private.h"
#include "analyzer/text.h"

/* Candidates that are looked at for one peer. More share a hash only where ports were used anew very often. */
#define MAX_CANDIDATES 256

/* Text of a trace that is shown; a Python stack is the longest. */
#define MAX_TEXT_BYTES (16 * 1024)

/* Clocks of one boot differ between traces only by how the wall clock was set meanwhile. */
#define SAME_BOOT_NS 10000000000LL

/* The id of the N-th socket ('s') or incident ('i') of a trace: "s1234.7", or "s1234-2.7" in the second trace of a pid. */
static void make_id(
	const struct lifecycle *lifecycle, uint32_t trace, char type, uint64_t number, char id[SOCKET_ID_BYTES])
{
	const struct trace_source *source = &lifecycle->set.sources[trace];

	if (source->ordinal > 1)
		snprintf(id, SOCKET_ID_BYTES, "%c%d-%u.%llu", type, source->pid, source->ordinal,
			(unsigned long long)number);
	else
		snprintf(id, SOCKET_ID_BYTES, "%c%d.%llu", type, source->pid, (unsigned long long)number);
}

static void set_endpoint(struct reader *reader, const struct trace_address *address, struct endpoint *endpoint)
{
	_Alignas(struct trace_text) char buffer[sizeof(struct trace_text) + sizeof(endpoint->path)];
	const struct trace_text *text = (const struct trace_text *)buffer;
	size_t bytes;

	*endpoint = (struct endpoint){.family = address->family, .port = address->port};
	switch (address->family) {
	case AF_INET:
	case AF_INET6: inet_ntop(address->family, address->ip, endpoint->ip, sizeof(endpoint->ip)); break;
	case AF_UNIX:
		endpoint->port = 0;
		bytes = reader_get(reader, address->path, TRACE_TEXT, buffer, sizeof(buffer));
		if (!bytes)
			break;
		endpoint->path_length = reader_text_length(text, bytes);
		memcpy(endpoint->path, text->text, endpoint->path_length);
		break;
	}
}

static void set_connection(struct lifecycle *lifecycle, struct reader *reader, const struct trace_socket *record,
	uint32_t trace, trace_ref ref, struct connection *connection)
{
	connection->record = *record;
	connection->trace = trace;
	connection->ref = ref;
	connection->process = &lifecycle->processes[lifecycle_process_index(lifecycle, trace, record->process)];
	connection->peer_id[0] = '\0';
	make_id(lifecycle, trace, 's', record->id, connection->id);
	set_endpoint(reader, &record->local, &connection->local);
	set_endpoint(reader, &record->peer, &connection->peer);
}

static bool load_connection(struct lifecycle *lifecycle, uint32_t trace, trace_ref ref, struct connection *connection)
{
	struct reader *reader = trace_set_open(&lifecycle->set, trace);
	struct trace_socket record;

	if (!reader || !lifecycle->set.sources[trace].process_count ||
		!reader_get(reader, ref, TRACE_SOCKET, &record, sizeof(record)))
		return false;
	set_connection(lifecycle, reader, &record, trace, ref, connection);
	return true;
}

static bool same_boot(const struct lifecycle *lifecycle, uint32_t trace, uint32_t other)
{
	int64_t difference = (int64_t)((uint64_t)trace_set_clock_offset(&lifecycle->set, trace) -
				       (uint64_t)trace_set_clock_offset(&lifecycle->set, other));

	return difference < SAME_BOOT_NS && difference > -SAME_BOOT_NS;
}

/* When a holder of the other end gave it up; UINT64_MAX where its process died without a word. */
static uint64_t holder_end_ns(const struct lifecycle *lifecycle, uint32_t trace, const struct trace_socket *record)
{
	const struct process *process =
		&lifecycle->processes[lifecycle_process_index(lifecycle, trace, record->process)];

	if (record->shutdown_ns)
		return record->shutdown_ns;
	if (record->closed_ns)
		return record->closed_ns;
	if (process->end == PROCESS_RUNNING || process->end == PROCESS_EXEC)
		return 0;
	return process->ended_ns ? process->ended_ns : UINT64_MAX;
}

/* How well a candidate fits, compared field by field: smaller is better. */
struct fit {
	uint64_t distance_ns; /* between the openings: of two lives of the same addresses, the nearer one */
	uint64_t cookie;
	uint64_t end_ns;
};

static bool is_better(const struct fit *fit, const struct fit *best)
{
	/* Several processes that hold one socket: what ended it for the peer is the last of them to let go. */
	if (fit->cookie && fit->cookie == best->cookie)
		return fit->end_ns > best->end_ns;
	return fit->distance_ns < best->distance_ns;
}

/* Where the other end of `connection` stands; false where it was not audited. */
static bool find_peer(struct lifecycle *lifecycle, const struct connection *connection, struct trace_socket *peer,
	struct peer_entry *place)
{
	struct fit best = {.distance_ns = UINT64_MAX};
	size_t count;
	const struct peer_entry *entry = peers_find(&lifecycle->peers, &connection->record, &count);
	bool found = false;

	for (size_t i = 0; i < count && i < MAX_CANDIDATES; i++) {
		struct reader *reader = trace_set_open(&lifecycle->set, entry[i].trace);
		struct trace_socket candidate;
		struct fit fit;
		uint64_t opened = connection->record.opened_ns;

		if (entry[i].trace == connection->trace && entry[i].ref == connection->ref)
			continue;
		if (!reader || !reader_get(reader, entry[i].ref, TRACE_SOCKET, &candidate, sizeof(candidate)))
			continue;
		if (!peers_match(&connection->record, &candidate) ||
			!same_boot(lifecycle, connection->trace, entry[i].trace))
			continue;
		fit = (struct fit){
			.distance_ns = candidate.opened_ns > opened ? candidate.opened_ns - opened
								    : opened - candidate.opened_ns,
			.cookie = candidate.cookie,
			.end_ns = holder_end_ns(lifecycle, entry[i].trace, &candidate),
		};
		if (found && !is_better(&fit, &best))
			continue;
		/* Of holders of one socket the nearest opening counts for all, when another socket is compared. */
		if (found && fit.cookie && fit.cookie == best.cookie && best.distance_ns < fit.distance_ns)
			fit.distance_ns = best.distance_ns;
		found = true;
		best = fit;
		*peer = candidate;
		*place = entry[i];
	}
	return found;
}

void lifecycle_each_socket(struct lifecycle *lifecycle, bool join,
	bool (*visit)(const struct connection *connection, void *context), void *context)
{
	bool go_on = true;

	for (uint32_t trace = 0; trace < lifecycle->set.count && go_on; trace++) {
		struct reader_walk walk;
		const struct trace_record *record;
		struct reader reader;
		trace_ref ref;

		/* A reader of its own: joining opens other traces, and this one must stay. */
		if (!lifecycle->set.sources[trace].process_count ||
			!reader_open(&reader, lifecycle->set.sources[trace].path, true))
			continue;
		reader_walk_begin(&walk, &reader, true);
		while (go_on && (record = reader_walk_next(&walk, &ref))) {
			struct connection connection;
			struct trace_socket peer;
			struct peer_entry place;

			if (record->type != TRACE_SOCKET)
				continue;
			set_connection(
				lifecycle, &reader, (const struct trace_socket *)record, trace, ref, &connection);
			if (join && find_peer(lifecycle, &connection, &peer, &place))
				make_id(lifecycle, place.trace, 's', peer.id, connection.peer_id);
			go_on = visit(&connection, context);
		}
		reader_walk_end(&walk);
		reader_close(&reader);
	}
}

static struct text load_text(struct reader *reader, trace_ref ref)
{
	struct trace_text *record = text_allocate(sizeof(*record) + MAX_TEXT_BYTES);
	size_t bytes = reader_get(reader, ref, TRACE_TEXT, record, sizeof(*record) + MAX_TEXT_BYTES);
	struct text text = {0};

	if (bytes) {
		text.length = reader_text_length(record, bytes);
		text.bytes = memcpy(text_allocate(text.length + 1), record->text, text.length);
	}
	free(record);
	return text;
}

void lifecycle_load_stack(struct lifecycle *lifecycle, uint32_t trace, trace_ref ref, struct raw_stack *raw)
{
	struct reader *reader = ref ? trace_set_open(&lifecycle->set, trace) : NULL;
	_Alignas(struct trace_stack) char buffer[sizeof(struct trace_stack) + sizeof(raw->frames)];
	const struct trace_stack *record = (const struct trace_stack *)buffer;
	size_t bytes = reader ? reader_get(reader, ref, TRACE_STACK, buffer, sizeof(buffer)) : 0;

	raw->ref = 0;
	raw->count = 0;
	raw->python = (struct text){0};
	if (!bytes)
		return;
	raw->ref = ref;
	raw->count = (uint32_t)reader_stack_frames(record, bytes);
	memcpy(raw->frames, record->frames, raw->count * sizeof(raw->frames[0]));
	if (record->text)
		raw->python = load_text(reader, record->text);
}

void lifecycle_stack_free(struct raw_stack *raw)
{
	free((char *)raw->python.bytes);
	raw->python = (struct text){0};
}

const struct address_space *lifecycle_space(struct lifecycle *lifecycle, uint32_t trace)
{
	const struct trace_source *source = &lifecycle->set.sources[trace];
	const struct process *process = &lifecycle->processes[source->first_process];
	uint64_t before_trace = source->created_ns - process->started_ns;

	if (!source->process_count)
		return NULL;
	return trace_set_space(
		&lifecycle->set, trace, process, (int64_t)((uint64_t)source->created_wall_ns - before_trace));
}

/* The record of an incident, settled, or made anew where it was inferred. */
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
		make_id(lifecycle, incident->trace, 'i', 0, story->id);
		return true;
	}
	if (!reader_get(reader, incident->ref, TRACE_INCIDENT, &story->record, sizeof(story->record)))
		return false;
	lifecycle_settle(&story->record, story->process);
	story->in_progress = story->record.flags & TRACE_INCIDENT_IN_CALL && story->process->end == PROCESS_RUNNING;
	if (story->record.history_count > TRACE_HISTORY)
		story->record.history_count = TRACE_HISTORY;
	make_id(lifecycle, incident->trace, 'i', story->record.id, story->id);
	return true;
}

static void load_peer(struct lifecycle *lifecycle, struct story *story)
{
	struct trace_socket peer;
	struct peer_entry place;
	uint64_t end;

	if (!find_peer(lifecycle, &story->socket, &peer, &place))
		return;
	story->has_peer = load_connection(lifecycle, place.trace, place.ref, &story->peer);
	if (!story->has_peer)
		return;
	memcpy(story->socket.peer_id, story->peer.id, sizeof(story->peer.id));
	memcpy(story->peer.peer_id, story->socket.id, sizeof(story->socket.id));
	end = holder_end_ns(lifecycle, place.trace, &peer);
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
	story->has_socket = record->socket && load_connection(lifecycle, trace, record->socket, &story->socket);
	story->has_other =
		record->other_socket && load_connection(lifecycle, trace, record->other_socket, &story->other);
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
		story->label = load_text(reader, record->label);
	if (reader && record->text)
		story->note = load_text(reader, record->text);
	if (story->has_socket)
		load_peer(lifecycle, story);
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
}
