/*
 * peers.h: which audited socket is at the other end of which.
 *
 * Each socket that could have its peer among the audited ones has one entry of 24 bytes: a hash of what its peer would
 * look for, when it was opened, and where its record stands. TCP and UDP sockets are found by their addresses the other
 * way round, AF_UNIX ones by the cookie of the other end: a socketpair has it, and for those with names, where
 * unix_pairs.h found it, the caller fills it in. A hash only suggests: the caller compares the records with
 * peers_match.
 *
 * On a busy host the same pair of ports is used again and again, so a search gives the entries in the order of how near
 * they were opened to the socket that looks for its peer: the first that matches is the peer, however many lives the
 * pair has had.
 */
#ifndef SOCKSAN_PEERS_H
#define SOCKSAN_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/trace_format.h"

struct peer_entry {
	uint64_t opened_ns;
	uint32_t key;
	uint32_t cookie; /* the lower half of it */
	uint32_t trace;
	trace_ref ref;
};

struct peers {
	struct peer_entry *entries;
	size_t count;
	unsigned bits; /* the leading ones of a key that name its bucket */
	size_t *starts; /* of each bucket, and behind the last one the end */
};

/*
 * Adds a socket; does nothing where it can have no peer that this finds. `boot` is a number of the machine and its boot
 * (trace_set.h): only sockets of one boot are found for each other.
 */
void peers_add(struct peers *peers, const struct trace_socket *socket, uint32_t boot, uint32_t trace, trace_ref ref);

/* Once all are added, before the first search. Takes little memory, however many there are. */
void peers_sort(struct peers *peers);

/* The entries that may be the other end of a socket, which is the same for all of them. */
struct peer_search {
	const struct peer_entry *first; /* in the order of `opened_ns` */
	size_t count;
	uint64_t opened_ns; /* of the socket whose peer is wanted */
	size_t before; /* entries below this index have not been given out */
	size_t after; /* nor those from this one on */
};

void peers_search(
	const struct peers *peers, const struct trace_socket *socket, uint32_t boot, struct peer_search *search);

/* The next one, the nearest opening first; NULL at the end. */
const struct peer_entry *peers_next(struct peer_search *search);

/*
 * Whether two sockets are the ends of one connection: mirrored addresses or a common pair, and alive at the same time.
 */
bool peers_match(const struct trace_socket *socket, const struct trace_socket *other);

void peers_free(struct peers *peers);

#endif
