/*
 * connection.c: one socket of the second pass: its id, its endpoints, and the audited socket at its other end. See
 * lifecycle.h.
 */
#include <arpa/inet.h>
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

void lifecycle_make_id(
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

void lifecycle_set_endpoint(struct reader *reader, const struct trace_address *address, struct endpoint *endpoint)
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
	lifecycle_make_id(lifecycle, trace, 's', record->id, connection->id);
	lifecycle_set_endpoint(reader, &record->local, &connection->local);
	lifecycle_set_endpoint(reader, &record->peer, &connection->peer);
}

bool lifecycle_load_connection(
	struct lifecycle *lifecycle, uint32_t trace, trace_ref ref, struct connection *connection)
{
	struct reader *reader = trace_set_open(&lifecycle->set, trace);
	struct trace_socket record;

	if (!reader || !lifecycle->set.sources[trace].process_count ||
		!reader_get(reader, ref, TRACE_SOCKET, &record, sizeof(record)))
		return false;
	set_connection(lifecycle, reader, &record, trace, ref, connection);
	return true;
}

bool lifecycle_same_boot(const struct lifecycle *lifecycle, uint32_t trace, uint32_t other)
{
	return trace_set_same_boot(
		trace_set_clock_offset(&lifecycle->set, trace), trace_set_clock_offset(&lifecycle->set, other));
}

uint64_t lifecycle_wall_ns(const struct lifecycle *lifecycle, uint32_t trace, uint64_t t_ns)
{
	/* One offset for all traces of the first one's boot, so that what they saw of each other keeps its order. */
	return t_ns +
	       (uint64_t)trace_set_clock_offset(&lifecycle->set, lifecycle_same_boot(lifecycle, trace, 0) ? 0 : trace);
}

uint64_t lifecycle_holder_end_ns(const struct lifecycle *lifecycle, uint32_t trace, const struct trace_socket *record)
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
		!lifecycle_same_boot(lifecycle, connection->trace, entry->trace))
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
	uint64_t end_ns = lifecycle_holder_end_ns(lifecycle, place->trace, peer);
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
		candidate_end_ns = lifecycle_holder_end_ns(lifecycle, entry->trace, &candidate);
		if (candidate_end_ns <= end_ns)
			continue;
		end_ns = candidate_end_ns;
		*peer = candidate;
		*place = *entry;
	}
}

bool lifecycle_find_peer(struct lifecycle *lifecycle, const struct connection *connection, struct trace_socket *peer,
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

	if (!lifecycle_find_peer(lifecycle, connection, &peer, &place))
		return;
	lifecycle_make_id(lifecycle, place.trace, 's', peer.id, connection->peer_id);
	connection->peer_opened_ns = peer.opened_ns;
}

uint64_t lifecycle_last_ns(const struct connection *connection)
{
	const struct trace_socket *record = &connection->record;
	const uint64_t known[] = {record->opened_ns, record->connected_ns, record->told_ns, record->shutdown_ns,
		record->peer_closed_ns, record->reset_ns, connection->process->ended_ns};
	uint64_t last = 0;

	if (record->closed_ns)
		return record->closed_ns;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		last = known[i] > last ? known[i] : last;
	return last;
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
