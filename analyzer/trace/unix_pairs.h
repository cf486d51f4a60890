/*
 * unix_pairs.h: which accepted AF_UNIX socket is the other end of which connected one.
 *
 * The kernel tells each end the pid of the process at the other (SO_PEERCRED), and the name is the same on both.
 * Connections of one process to one name are accepted in the order in which they were made (net/unix/af_unix.c keeps
 * them in a queue), so the first connected is the first accepted, and so on. That holds only where every one of them is
 * on record; where one is missing, or two threads did the same at the same time, nothing is said rather than something
 * wrong.
 */
#ifndef SOCKSAN_UNIX_PAIRS_H
#define SOCKSAN_UNIX_PAIRS_H

#include <stddef.h>
#include <stdint.h>

#include "analyzer/trace/model.h"

struct process_index; /* process_index.h */
struct unix_end;

struct unix_pair {
	uint64_t cookie;
	uint64_t peer_cookie;
};

struct unix_pairs {
	struct unix_end *ends; /* until they are matched */
	size_t end_count;
	struct unix_pair *pairs; /* by cookie; each pair stands here in both directions */
	size_t pair_count;
};

/* Whether the socket can have a partner that is found by its name; *name is then where that name stands. */
bool unix_pairs_takes(const struct trace_socket *socket, trace_ref *name);

/*
 * Adds a socket that unix_pairs_takes, of the process with index `process`. `clock_offset_ns` tells traces of one boot
 * from others (trace_set_clock_offset).
 */
void unix_pairs_add(struct unix_pairs *pairs, const struct trace_socket *socket, struct text name, uint32_t process,
	const struct process *processes, int64_t clock_offset_ns);

/* Once all are added, and all that is to be known of the processes is known; `by_pid` is their index. */
void unix_pairs_match(struct unix_pairs *pairs, const struct process *processes, const struct process_index *by_pid);

/* The cookie of the other end, or 0. */
uint64_t unix_pairs_peer(const struct unix_pairs *pairs, uint64_t cookie);

void unix_pairs_free(struct unix_pairs *pairs);

#endif
