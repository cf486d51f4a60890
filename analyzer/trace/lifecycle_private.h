/*
 * lifecycle_private.h: what the files of the lifecycle share. Nobody else includes it.
 */
#ifndef SOCKSAN_LIFECYCLE_PRIVATE_H
#define SOCKSAN_LIFECYCLE_PRIVATE_H

#include "analyzer/trace/lifecycle.h"
#include "analyzer/trace/peers.h"
#include "analyzer/trace/process_index.h"
#include "analyzer/trace/trace_set.h"
#include "analyzer/trace/unix_pairs.h"

struct lifecycle {
	struct trace_set set;
	struct process *processes;
	size_t process_count;
	struct process_index *by_pid; /* of the processes, once all are read */
	struct incident *incidents;
	size_t incident_count;
	struct peers peers;
	struct unix_pairs unix_pairs;
	uint64_t socket_count;
};

/* The process whose record stands at `ref`, or the nearest one before it. The trace must have one. */
uint32_t lifecycle_process_index(const struct lifecycle *lifecycle, uint32_t trace, trace_ref ref);

/*
 * Settles what an incident's record leaves open because its call had not returned: whether the process died in it, and
 * of what, or still lives. Once, when the incident is first read: struct incident keeps what it came to.
 */
void lifecycle_settle(struct trace_incident *incident, const struct process *process);

/* Makes the incident of the write that `socket` had under way when its process died of SIGPIPE. */
void lifecycle_infer(struct trace_incident *incident, const struct trace_socket *socket, trace_ref ref);

/* ---- connection.c ---- */

/*
 * The id of the N-th socket ('s') or incident ('i') of a trace: "s1234.7", or "s1234-2.7" in the second trace of a pid.
 */
void lifecycle_make_id(
	const struct lifecycle *lifecycle, uint32_t trace, char type, uint64_t number, char id[SOCKET_ID_BYTES]);

/* Fills `endpoint` from an address of a trace, and the name behind it. */
void lifecycle_set_endpoint(struct reader *reader, const struct trace_address *address, struct endpoint *endpoint);

/* Reads the socket whose record stands at `ref`; false where there is none that can be read. */
bool lifecycle_load_connection(
	struct lifecycle *lifecycle, uint32_t trace, trace_ref ref, struct connection *connection);

/* Whether two traces were written since the same boot, so that their monotonic times can be compared. */
bool lifecycle_same_boot(const struct lifecycle *lifecycle, uint32_t trace, uint32_t other);

/* When a holder of the other end gave it up: 0 where it has not; UINT64_MAX where its process died without a word. */
uint64_t lifecycle_holder_end_ns(const struct lifecycle *lifecycle, uint32_t trace, const struct trace_socket *record);

/*
 * Where the other end of `connection` stands, and its record; false where it was not audited. Of two lives of its
 * addresses, the nearer one; of several processes that hold it, the last to let go.
 */
bool lifecycle_find_peer(struct lifecycle *lifecycle, const struct connection *connection, struct trace_socket *peer,
	struct peer_entry *place);

/* ---- raw_stack.c ---- */

/* At most `max_bytes` of the text at `ref`; empty where there is none. The caller frees its bytes. */
struct text lifecycle_load_text(struct reader *reader, trace_ref ref, size_t max_bytes);

#endif
