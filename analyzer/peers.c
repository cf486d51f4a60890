/*
 * peers.c: see peers.h.
 */
#include "analyzer/peers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <xxhash.h>

#include "analyzer/text.h"

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

void peers_add(struct peers *peers, const struct trace_socket *socket, uint32_t trace, trace_ref ref)
{
	struct view view;

	if (socket->flags & TRACE_SOCKET_LISTENS || !make_view(socket, false, &view))
		return;
	peers->entries = text_grow(peers->entries, peers->count, sizeof(*peers->entries));
	peers->entries[peers->count++] =
		(struct peer_entry){.key = XXH3_64bits(&view, sizeof(view)), .trace = trace, .ref = ref};
}

static int compare(const void *a, const void *b)
{
	const struct peer_entry *left = a;
	const struct peer_entry *right = b;

	return (left->key > right->key) - (left->key < right->key);
}

void peers_sort(struct peers *peers)
{
	if (peers->count)
		qsort(peers->entries, peers->count, sizeof(*peers->entries), compare);
}

/*
 * The index of the first entry whose key is not below `key`. Hashes are spread evenly, so a key's place is close to its share
 * of the range: from there the search spans out, which looks at few entries where halving a large list looks at twenty.
 */
static size_t first_not_below(const struct peers *peers, uint64_t key)
{
	size_t guess = (size_t)((unsigned __int128)key * peers->count >> 64);
	size_t low = guess;
	size_t high = guess;

	for (size_t step = 1; low > 0 && peers->entries[low - 1].key >= key; step *= 2)
		low = low > step ? low - step : 0;
	for (size_t step = 1; high < peers->count && peers->entries[high].key < key; step *= 2)
		high = high + step < peers->count ? high + step : peers->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (peers->entries[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct peer_entry *peers_find(const struct peers *peers, const struct trace_socket *socket, size_t *count)
{
	struct view view;
	uint64_t key;
	size_t low;

	*count = 0;
	if (socket->flags & TRACE_SOCKET_LISTENS || !make_view(socket, true, &view))
		return NULL;
	key = XXH3_64bits(&view, sizeof(view));
	low = first_not_below(peers, key);
	while (low + *count < peers->count && peers->entries[low + *count].key == key)
		++*count;
	return *count ? peers->entries + low : NULL;
}

/*
 * When the connection began, at the latest. An accepted socket stood in the listener's queue before, and one that was
 * inherited or passed was only seen late, so of those nothing is known: the peer may even have closed before they appear.
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
	*peers = (struct peers){0};
}
