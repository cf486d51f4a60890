/*
 * peers.h: which audited socket is at the other end of which.
 *
 * Each socket that could have its peer among the audited ones has one entry of 16 bytes: a hash of what its peer would look
 * for, and where its record stands. TCP and UDP sockets are found by their addresses the other way round, AF_UNIX ones by the
 * cookie of the other end: a socketpair has it, and for those with names, where unix_pairs.h found it, the caller fills it in.
 * A hash only suggests: the caller compares the records with peers_match.
 */
#ifndef SOCKSAN_PEERS_H
#define SOCKSAN_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/trace_format.h"

struct peer_entry {
	uint64_t key;
	uint32_t trace;
	trace_ref ref;
};

struct peers {
	struct peer_entry *entries;
	size_t count;
};

/* Adds a socket; does nothing where it can have no peer that this finds. */
void peers_add(struct peers *peers, const struct trace_socket *socket, uint32_t trace, trace_ref ref);

/* Once all are added, before the first search. */
void peers_sort(struct peers *peers);

/* The entries that may be the other end of `socket`; *count says how many. */
const struct peer_entry *peers_find(const struct peers *peers, const struct trace_socket *socket, size_t *count);

/* Whether two sockets are the ends of one connection: mirrored addresses or a common pair, and alive at the same time. */
bool peers_match(const struct trace_socket *socket, const struct trace_socket *other);

void peers_free(struct peers *peers);

#endif
