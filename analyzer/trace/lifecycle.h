/*
 * lifecycle.h: from records to stories: which processes there were, what became of them, of their sockets and of the
 * writes that were still open questions in the trace, and both ends of a connection joined.
 *
 * Two passes. lifecycle_read goes through every trace once and keeps what is needed of all of them: each process, the
 * few facts of each incident that sorting and grouping take, and 24 bytes for each socket that may have an audited
 * peer. The rest is read again when it is shown, so memory does not grow with the sizes of the traces.
 */
#ifndef SOCKSAN_LIFECYCLE_H
#define SOCKSAN_LIFECYCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/trace/model.h"

struct lifecycle;

/*
 * Reads the traces that `paths` name (trace_set.h). `command` is how a watched command ended, NULL where nobody
 * watched. What cannot be read is told on standard error and left out. Never NULL.
 */
struct lifecycle *lifecycle_read(char *const *paths, size_t path_count, const struct command_end *command);
void lifecycle_free(struct lifecycle *lifecycle);

/* Traces that could be read. */
size_t lifecycle_trace_count(const struct lifecycle *lifecycle);

/* And those that could not, though they are there. */
const struct unreadable_trace *lifecycle_unreadable(const struct lifecycle *lifecycle, size_t *count);

/* A time of a trace as nanoseconds since 1970 (CLOCK_REALTIME), comparable between boots and machines. */
uint64_t lifecycle_wall_ns(const struct lifecycle *lifecycle, uint32_t trace, uint64_t t_ns);

/* Records of sockets in all of them. */
uint64_t lifecycle_socket_count(const struct lifecycle *lifecycle);

/* All processes, in the order of their traces. Valid as long as `lifecycle`. */
const struct process *lifecycle_processes(const struct lifecycle *lifecycle, size_t *count);

/* All incidents; the caller may sort them and fill in what it adds to them. Valid as long as `lifecycle`. */
struct incident *lifecycle_incidents(struct lifecycle *lifecycle, size_t *count);

/*
 * Calls `visit` with each socket of every trace, in the order of the logs. With `join`, the peers' ids are looked up.
 * Ends early where `visit` returns false. The connection is valid during the call.
 */
void lifecycle_each_socket(struct lifecycle *lifecycle, bool join,
	bool (*visit)(const struct connection *connection, void *context), void *context);

/* Looks up the peer's id of a socket that was visited without. */
void lifecycle_join(struct lifecycle *lifecycle, struct connection *connection);

/* When a socket was closed; of one that never was, when its process ended, or what is last known of it. */
uint64_t lifecycle_last_ns(const struct connection *connection);

/* Everything about one incident. */
struct story {
	struct trace_incident record; /* settled: what could be found out since is in it */
	const struct process *process;
	char id[SOCKET_ID_BYTES];
	bool inferred; /* by the analyzer, from how the process died: the trace holds no such record */
	bool in_progress; /* its process lives, and the call has not returned */
	bool has_socket;
	bool has_peer;
	bool has_other; /* the new owner of the descriptor's number */
	struct connection socket;
	struct connection peer;
	struct connection other;
	const struct process
		*peer_process; /* of an AF_UNIX peer whose socket was not found: whom the kernel names, or NULL */
	uint64_t peer_ended_ns; /* when the peer closed or shut down its end, 0 = it did not, or nobody knows */
	bool peer_shut_down; /* it shut its writing half rather than closed */
	struct raw_stack write;
	struct raw_stack told;
	struct raw_stack closed;
	struct raw_stack opened;
	struct raw_stack new_owner;
	struct raw_stack peer_closed; /* in the address space of the peer's trace */
	struct text label;
	struct text note;
	struct text preview; /* the first bytes that were written, where they were kept: any bytes at all */
};

/* Reads an incident's story, which the caller frees. False where the trace has changed and it is not there any more. */
bool lifecycle_load(struct lifecycle *lifecycle, const struct incident *incident, struct story *story);
void lifecycle_story_free(struct story *story);

/* The little of an incident that names its test, and that rules are held against besides its stack. */
struct outline {
	struct endpoint peer;
	struct text label; /* the caller frees its bytes */
	trace_ref stack_opened;
};

/* Reads it; false, with nothing to free, where the trace has changed. */
bool lifecycle_load_outline(struct lifecycle *lifecycle, const struct incident *incident, struct outline *outline);

/*
 * Reads one stack of a trace; *raw is empty where there is none. The caller frees its text with lifecycle_stack_free.
 */
void lifecycle_load_stack(struct lifecycle *lifecycle, uint32_t trace, trace_ref ref, struct raw_stack *raw);
void lifecycle_stack_free(struct raw_stack *raw);

/*
 * What the addresses in a trace's stacks mean. Valid until the next call; NULL where the trace cannot be read any more.
 */
const struct address_space *lifecycle_space(struct lifecycle *lifecycle, uint32_t trace);

#endif
