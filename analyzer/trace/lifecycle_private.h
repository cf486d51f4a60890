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

#endif
