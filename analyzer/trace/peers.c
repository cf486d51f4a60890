/*
 * peers.c: see peers.h.
 */
#include "analyzer/trace/peers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <xxhash.h>

#include "analyzer/base/text.h"

/* What is hashed: one end's view, as its owner sees it. No padding, so that equal views have equal bytes. */
struct view {
	uint8_t local[16];
	uint8_t peer[16];
	uint64_t cookie;
	uint16_t local_port;
	uint16_t peer_port;
	uint32_t protocol;
};

/* An IPv4 connection through an IPv6 socket is the same connection: both forms become the mapped one. */
static bool normalize(const struct trace_address *address, uint8_t ip[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (address->family == AF_INET6) {
		memcpy(ip, address->ip, 16);
		return true;
	}
	memcpy(ip, mapped, sizeof(mapped));
	memcpy(ip + sizeof(mapped), address->ip, 4);
	return address->family == AF_INET;
}

/* How the socket sees itself or, `mirrored`, how its other end would. False where it can have no audited peer. */
static bool make_view(const struct trace_socket *socket, bool mirrored, struct view *view)
{
	const struct trace_address *local = mirrored ? &socket->peer : &socket->local;
	const struct trace_address *peer = mirrored ? &socket->local : &socket->peer;

	*view = (struct view){.protocol = socket->protocol};
	switch (socket->protocol) {
	case TRACE_TCP:
	case TRACE_UDP:
		view->local_port = local->port;
		view->peer_port = peer->port;
		return local->port && peer->port && normalize(local, view->local) && normalize(peer, view->peer);
	case TRACE_UNIX_STREAM:
	case TRACE_UNIX_SEQPACKET:
	case TRACE_UNIX_DGRAM: view->cookie = mirrored ? socket->peer_cookie : socket->cookie; return view->cookie != 0;
	}
	return false;
}

static uint32_t key_of(const struct view *view, uint32_t boot)
{
	return (uint32_t)(XXH3_64bits_withSeed(view, sizeof(*view), boot) >> 32);
}

void peers_add(struct peers *peers, const struct trace_socket *socket, uint32_t boot, uint32_t trace, trace_ref ref)
{
	struct view view;

	if (socket->flags & TRACE_SOCKET_LISTENS || !make_view(socket, false, &view))
		return;
	peers->entries = text_grow(peers->entries, peers->count, sizeof(*peers->entries));
	peers->entries[peers->count++] = (struct peer_entry){.opened_ns = socket->opened_ns,
		.key = key_of(&view, boot),
		.cookie = (uint32_t)socket->cookie,
		.trace = trace,
		.ref = ref};
}

static int compare(const void *a, const void *b)
{
	const struct peer_entry *left = a;
	const struct peer_entry *right = b;

	if (left->key != right->key)
		return left->key < right->key ? -1 : 1;
	if (left->opened_ns != right->opened_ns)
		return left->opened_ns < right->opened_ns ? -1 : 1;
	if (left->trace != right->trace)
		return left->trace < right->trace ? -1 : 1;
	return (left->ref > right->ref) - (left->ref < right->ref);
}

/* --- Sorting ------------------------------------------------------------------------------------------------------ */

#define BUCKET_BITS_MAX 20
#define BUCKET_ENTRIES 16 /* about so many in each */

static size_t bucket_of(uint32_t key, unsigned bits)
{
	return (size_t)((uint64_t)key << bits >> 32);
}

/* Counts the entries of each bucket, and from that where each one begins. */
static void set_starts(struct peers *peers)
{
	size_t begin = 0;

	while (peers->bits < BUCKET_BITS_MAX && peers->count >> peers->bits > BUCKET_ENTRIES)
		peers->bits++;
	peers->starts = text_allocate((((size_t)1 << peers->bits) + 1) * sizeof(*peers->starts));
	for (size_t i = 0; i < peers->count; i++)
		peers->starts[bucket_of(peers->entries[i].key, peers->bits)]++;
	for (size_t bucket = 0; bucket <= (size_t)1 << peers->bits; bucket++) {
		size_t entries = peers->starts[bucket];

		peers->starts[bucket] = begin;
		begin += entries;
	}
}

/* Swaps each entry to where its bucket grows, until all stand right. */
static void distribute(struct peers *peers)
{
	size_t buckets = (size_t)1 << peers->bits;
	size_t *next = text_allocate(buckets * sizeof(*next));

	memcpy(next, peers->starts, buckets * sizeof(*next));
	for (size_t bucket = 0; bucket < buckets; bucket++) {
		while (next[bucket] < peers->starts[bucket + 1]) {
			struct peer_entry *here = &peers->entries[next[bucket]];
			size_t home = bucket_of(here->key, peers->bits);

			if (home != bucket) {
				struct peer_entry moved = *here;

				*here = peers->entries[next[home]];
				peers->entries[next[home]] = moved;
			}
			next[home]++;
		}
	}
	free(next);
}

/*
 * By the leading bits of the hash into buckets, in place, and each bucket by qsort: on a whole list of millions that
 * would take as much memory again. Hashes are spread evenly, so the buckets are small, and a search has to look at one
 * of them only.
 */
void peers_sort(struct peers *peers)
{
	set_starts(peers);
	distribute(peers);
	for (size_t bucket = 0; bucket < (size_t)1 << peers->bits; bucket++) {
		size_t count = peers->starts[bucket + 1] - peers->starts[bucket];

		if (count > 1)
			qsort(peers->entries + peers->starts[bucket], count, sizeof(*peers->entries), compare);
	}
}

/* --- Searching ---------------------------------------------------------------------------------------------------- */

/*
 * How many entries of the key's bucket, and those before it, have a lower key, or that key and were opened before
 * `opened_ns`.
 */
static size_t count_below(const struct peers *peers, uint32_t key, uint64_t opened_ns)
{
	size_t bucket = bucket_of(key, peers->bits);
	size_t low = peers->starts[bucket];
	size_t high = peers->starts[bucket + 1];

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct peer_entry *entry = &peers->entries[middle];

		if (entry->key < key || (entry->key == key && entry->opened_ns < opened_ns))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void peers_search(
	const struct peers *peers, const struct trace_socket *socket, uint32_t boot, struct peer_search *search)
{
	struct view view;
	uint32_t key;
	size_t low;
	size_t end;

	*search = (struct peer_search){.opened_ns = socket->opened_ns};
	if (!peers->count || socket->flags & TRACE_SOCKET_LISTENS || !make_view(socket, true, &view))
		return;
	key = key_of(&view, boot);
	low = count_below(peers, key, 0);
	end = key == UINT32_MAX ? peers->count : count_below(peers, key + 1, 0);
	search->first = peers->entries + low;
	search->count = end - low;
	search->before = count_below(peers, key, search->opened_ns) - low;
	search->after = search->before;
}

const struct peer_entry *peers_next(struct peer_search *search)
{
	const struct peer_entry *first = search->first;
	uint64_t opened_ns = search->opened_ns;

	if (search->after == search->count)
		return search->before ? &first[--search->before] : NULL;
	if (search->before &&
		opened_ns - first[search->before - 1].opened_ns < first[search->after].opened_ns - opened_ns)
		return &first[--search->before];
	return &first[search->after++];
}

/*
 * When the connection began, at the latest. An accepted socket stood in the listener's queue before, and one that was
 * inherited or passed was only seen late, so of those nothing is known: the peer may even have closed before they
 * appear.
 */
static uint64_t earliest_ns(const struct trace_socket *socket)
{
	switch (socket->origin) {
	case TRACE_SOCKET_CALL:
	case TRACE_CONNECT:
	case TRACE_SOCKETPAIR: return socket->opened_ns;
	}
	return 0;
}

static bool overlap(const struct trace_socket *socket, const struct trace_socket *other)
{
	return (!socket->closed_ns || earliest_ns(other) <= socket->closed_ns) &&
	       (!other->closed_ns || earliest_ns(socket) <= other->closed_ns);
}

bool peers_match(const struct trace_socket *socket, const struct trace_socket *other)
{
	struct view wanted;
	struct view found;

	if (!make_view(socket, true, &wanted) || !make_view(other, false, &found))
		return false;
	return !memcmp(&wanted, &found, sizeof(wanted)) && overlap(socket, other);
}

void peers_free(struct peers *peers)
{
	free(peers->entries);
	free(peers->starts);
	*peers = (struct peers){0};
}
