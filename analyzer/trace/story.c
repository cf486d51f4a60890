/*
 * story.c: the second pass: one socket or one incident at a time, with all that belongs to it. See lifecycle.h.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/progress.h"
#include "analyzer/base/text.h"
#include "analyzer/trace/lifecycle_private.h"

/*
 * Records that are read for one peer. The nearest opening is the peer's most often, unless that was not audited; then
 * all lives that its addresses have had may be candidates, and each may stand in another file.
 */
#define MAX_CANDIDATES 16
#define MAX_HOLDERS 64

/*
 * Of the lives that the addresses have had, those to each side of the peer's that are looked through for its other
 * holders.
 */
#define NEAR_LIVES 512

/* Texts of a trace as far as they are looked at: what libsocksan writes is no longer. */
#define MAX_PYTHON_BYTES (16 * 1024)
#define MAX_NOTE_BYTES 4096
#define MAX_LABEL_BYTES 256
#define MAX_PREVIEW_BYTES 64

/*
 * The id of the N-th socket ('s') or incident ('i') of a trace: "s1234.7", or "s1234-2.7" in the second trace of a pid.
 */
static void make_id(
	const struct lifecycle *lifecycle, uint32_t trace, char type, uint64_t number, char id[SOCKET_ID_BYTES])
{
	const struct trace_source *source = &lifecycle->set.sources[trace];

	_Static_assert(SOCKET_ID_BYTES >= 4 + 10 + 10 + TEXT_DIGITS, "two numbers of 32 bits, one of 64");
	*id++ = type;
	id += text_digits(id, (uint32_t)source->pid);
	if (source->ordinal > 1) {
		*id++ = '-';
		id += text_digits(id, source->ordinal);
	}
	*id++ = '.';
	id[text_digits(id, number)] = '\0';
}

/* inet_ntop goes by way of printf, which is felt where there are a million addresses. */
static void set_ipv4(char *text, const uint8_t ip[4])
{
	for (int i = 0; i < 4; i++) {
		if (i)
			*text++ = '.';
		text += text_digits(text, ip[i]);
	}
	*text = '\0';
}

static void set_endpoint(struct reader *reader, const struct trace_address *address, struct endpoint *endpoint)
{
	_Alignas(struct trace_text) char buffer[sizeof(struct trace_text) + sizeof(endpoint->path)];
	const struct trace_text *text = (const struct trace_text *)buffer;
	size_t bytes;

	/* Field by field: clearing the room for names is felt where there are a million sockets. */
	endpoint->family = address->family;
	endpoint->port = address->port;
	endpoint->ip[0] = '\0';
	endpoint->path_length = 0;
	switch (address->family) {
	case AF_INET: set_ipv4(endpoint->ip, address->ip); break;
	case AF_INET6: inet_ntop(AF_INET6, address->ip, endpoint->ip, sizeof(endpoint->ip)); break;
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
	if (!record->peer_cookie)
		connection->record.peer_cookie = unix_pairs_peer(&lifecycle->unix_pairs, record->cookie);
	connection->trace = trace;
	connection->ref = ref;
	connection->process = &lifecycle->processes[lifecycle_process_index(lifecycle, trace, record->process)];
	connection->peer_id[0] = '\0';
	connection->peer_opened_ns = 0;
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
	return trace_set_same_boot(
		trace_set_clock_offset(&lifecycle->set, trace), trace_set_clock_offset(&lifecycle->set, other));
}

uint64_t lifecycle_wall_ns(const struct lifecycle *lifecycle, uint32_t trace, uint64_t t_ns)
{
	/* One offset for all traces of the first one's boot, so that what they saw of each other keeps its order. */
	return t_ns + (uint64_t)trace_set_clock_offset(&lifecycle->set, same_boot(lifecycle, trace, 0) ? 0 : trace);
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

/* Reads the record of a candidate; false where that is not the other end of `connection`. */
static bool load_candidate(struct lifecycle *lifecycle, const struct connection *connection,
	const struct peer_entry *entry, struct trace_socket *candidate)
{
	struct reader *reader;

	/* What can be told without opening the other trace comes first. */
	if ((entry->trace == connection->trace && entry->ref == connection->ref) ||
		!same_boot(lifecycle, connection->trace, entry->trace))
		return false;
	reader = trace_set_open(&lifecycle->set, entry->trace);
	return reader && reader_get(reader, entry->ref, TRACE_SOCKET, candidate, sizeof(*candidate)) &&
	       peers_match(&connection->record, candidate);
}

/* Several processes may hold the socket that was found: what ended it for the peer is the last of them to let go. */
static void find_last_holder(struct lifecycle *lifecycle, const struct connection *connection,
	const struct peer_search *search, const struct peer_entry *at, struct trace_socket *peer,
	struct peer_entry *place)
{
	uint64_t end_ns = holder_end_ns(lifecycle, place->trace, peer);
	const struct peer_entry found = *place;
	size_t middle = (size_t)(at - search->first);
	size_t first = middle > NEAR_LIVES ? middle - NEAR_LIVES : 0;
	size_t last = search->count - middle > NEAR_LIVES ? middle + NEAR_LIVES : search->count;
	size_t held = 0;

	for (size_t i = first; i < last && held < MAX_HOLDERS; i++) {
		const struct peer_entry *entry = &search->first[i];
		struct trace_socket candidate;
		uint64_t candidate_end_ns;

		if (entry->cookie != found.cookie || (entry->trace == found.trace && entry->ref == found.ref))
			continue;
		held++;
		if (!load_candidate(lifecycle, connection, entry, &candidate) || candidate.cookie != peer->cookie)
			continue;
		candidate_end_ns = holder_end_ns(lifecycle, entry->trace, &candidate);
		if (candidate_end_ns <= end_ns)
			continue;
		end_ns = candidate_end_ns;
		*peer = candidate;
		*place = *entry;
	}
}

/*
 * Where the other end of `connection` stands; false where it was not audited. Of two lives of its addresses, the nearer
 * one.
 */
static bool find_peer(struct lifecycle *lifecycle, const struct connection *connection, struct trace_socket *peer,
	struct peer_entry *place)
{
	const struct peer_entry *entry;
	struct peer_search search;

	peers_search(&lifecycle->peers, &connection->record, lifecycle->set.sources[connection->trace].boot, &search);
	for (size_t i = 0; i < MAX_CANDIDATES && (entry = peers_next(&search)); i++) {
		if (!load_candidate(lifecycle, connection, entry, peer))
			continue;
		*place = *entry;
		if (peer->cookie)
			find_last_holder(lifecycle, connection, &search, entry, peer, place);
		return true;
	}
	return false;
}

void lifecycle_join(struct lifecycle *lifecycle, struct connection *connection)
{
	struct trace_socket peer;
	struct peer_entry place;

	if (!find_peer(lifecycle, connection, &peer, &place))
		return;
	make_id(lifecycle, place.trace, 's', peer.id, connection->peer_id);
	connection->peer_opened_ns = peer.opened_ns;
}

void lifecycle_each_socket(struct lifecycle *lifecycle, bool join,
	bool (*visit)(const struct connection *connection, void *context), void *context)
{
	bool go_on = true;
	uint64_t visited = 0;

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

			if (record->type != TRACE_SOCKET)
				continue;
			set_connection(
				lifecycle, &reader, (const struct trace_socket *)record, trace, ref, &connection);
			if (join)
				lifecycle_join(lifecycle, &connection);
			go_on = visit(&connection, context);
			progress_at(++visited, lifecycle->socket_count, "sockets");
		}
		reader_walk_end(&walk);
		reader_close(&reader);
	}
}

static struct text load_text(struct reader *reader, trace_ref ref, size_t max_bytes)
{
	struct trace_text *record = text_allocate(sizeof(*record) + max_bytes);
	size_t bytes = reader_get(reader, ref, TRACE_TEXT, record, sizeof(*record) + max_bytes);
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
		raw->python = load_text(reader, record->text, MAX_PYTHON_BYTES);
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
		make_id(lifecycle, incident->trace, 'i', 0, story->id);
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
	make_id(lifecycle, incident->trace, 'i', story->record.id, story->id);
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
	while ((process = process_index_next(&search)) && !same_boot(lifecycle, connection->trace, process->trace))
		;
	return process;
}

static void load_peer(struct lifecycle *lifecycle, struct story *story)
{
	struct trace_socket peer;
	struct peer_entry place;
	uint64_t end;

	if (!find_peer(lifecycle, &story->socket, &peer, &place)) {
		story->peer_process = named_process(lifecycle, &story->socket);
		return;
	}
	story->has_peer = load_connection(lifecycle, place.trace, place.ref, &story->peer);
	if (!story->has_peer)
		return;
	memcpy(story->socket.peer_id, story->peer.id, sizeof(story->peer.id));
	story->socket.peer_opened_ns = peer.opened_ns;
	memcpy(story->peer.peer_id, story->socket.id, sizeof(story->socket.id));
	story->peer.peer_opened_ns = story->socket.record.opened_ns;
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
		story->label = load_text(reader, record->label, MAX_LABEL_BYTES);
	if (reader && record->text)
		story->note = load_text(reader, record->text, MAX_NOTE_BYTES);
	if (reader && record->preview)
		story->preview = load_text(reader, record->preview, MAX_PREVIEW_BYTES);
	if (story->has_socket)
		load_peer(lifecycle, story);
	return true;
}

bool lifecycle_load_scene(struct lifecycle *lifecycle, const struct incident *incident, struct scene *scene)
{
	struct reader *reader = trace_set_open(&lifecycle->set, incident->trace);
	struct trace_incident record;
	struct trace_socket socket;

	*scene = (struct scene){0};
	if (!reader)
		return false;
	if (incident->ref) {
		if (!reader_get(reader, incident->ref, TRACE_INCIDENT, &record, sizeof(record)))
			return false;
		scene->stack_opened = record.stack_opened;
		scene->label = record.label ? load_text(reader, record.label, MAX_LABEL_BYTES) : (struct text){0};
	}
	if (incident->socket && reader_get(reader, incident->socket, TRACE_SOCKET, &socket, sizeof(socket))) {
		set_endpoint(reader, &socket.peer, &scene->peer);
		if (!scene->stack_opened)
			scene->stack_opened = socket.stack_opened;
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
