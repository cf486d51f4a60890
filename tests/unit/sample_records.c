/*
 * sample_records.c: see sample_records.h.
 */
#include "tests/unit/sample_records.h"

#include <errno.h>
#include <execinfo.h>
#include <stdbool.h>
#include <string.h>

#define STACK_DEPTH 8 /* two ways at each step */
#define FRAMES 32
#define OPERATIONS 3 /* in each incident's history */

_Static_assert(1 << STACK_DEPTH == SAMPLE_STACKS, "one stack for each way through");

/* --- Stacks: a walk through a tree of calls, one way for each bit ------------------------------------------------- */

static int take_stack(unsigned bits, unsigned depth, void *frames[FRAMES]);

/* The stores keep the compiler from making tail calls of these, which would leave no frame. */
static volatile unsigned steps;

static __attribute__((noinline)) int handle_request(unsigned bits, unsigned depth, void *frames[FRAMES])
{
	int count = take_stack(bits >> 1, depth + 1, frames);

	steps = depth;
	return count;
}

static __attribute__((noinline)) int run_callbacks(unsigned bits, unsigned depth, void *frames[FRAMES])
{
	int count = take_stack(bits >> 1, depth + 1, frames);

	steps = depth + 1;
	return count;
}

static __attribute__((noinline)) int take_stack(unsigned bits, unsigned depth, void *frames[FRAMES])
{
	int count;

	if (depth == STACK_DEPTH)
		return backtrace(frames, FRAMES);
	count = bits & 1 ? handle_request(bits, depth, frames) : run_callbacks(bits, depth, frames);
	steps = bits;
	return count;
}

trace_ref sample_stack(struct builder *builder, unsigned number)
{
	void *frames[FRAMES];
	uint64_t addresses[FRAMES];
	int count = take_stack(number, 0, frames);

	for (int i = 0; i < count; i++)
		addresses[i] = (uint64_t)(uintptr_t)frames[i];
	return builder_stack(builder, addresses, (uint32_t)count, 0);
}

/* --- Incidents ---------------------------------------------------------------------------------------------------- */

void sample_incident(struct trace_incident *incident, uint64_t number, const struct trace_socket *connection,
	const struct sample_refs *refs)
{
	static const char *const calls[OPERATIONS] = {"read", "read", "write"};
	bool rejected = number % 3 == 0;

	*incident = (struct trace_incident){
		.record = {.size = sizeof(*incident), .type = TRACE_INCIDENT, .state = TRACE_COMMITTED},
		.process = refs->process,
		.socket = refs->socket,
		.id = number + 1,
		.kind = number % 5 ? TRACE_WRITE_AFTER_PEER_CLOSE : TRACE_WRITE_AFTER_RESET,
		.knowledge = number % 2 ? TRACE_TOLD : TRACE_KERNEL,
		.outcome = rejected          ? TRACE_REJECTED
			   : number % 3 == 1 ? TRACE_LOST
					     : TRACE_DELIVERED,
		.sigpipe = rejected ? TRACE_SIGPIPE_RAISED : TRACE_SIGPIPE_NONE,
		.error = rejected ? EPIPE : 0,
		.fd = connection->fd,
		.tid = BUILDER_PID + (int32_t)(number % 4),
		.thread_name = "io",
		.call = "write",
		.count = 1 + number % 4,
		.bytes_offered = 12 + number % 100,
		.bytes_lost = number % 3 == 1 ? 12 + number % 100 : 0,
		.first_ns = connection->opened_ns + 850000,
		.last_ns = connection->opened_ns + 860000,
		.disconnect_ns = connection->peer_closed_ns,
		.told_ns = number % 2 ? connection->peer_closed_ns + 10000 : 0,
		.told_call = "read",
		.stack_write = refs->write,
		.stack_told = number % 2 ? refs->told : 0,
		.stack_opened = refs->opened,
		.history_count = OPERATIONS,
		.before = {.tcp_state = 8},
		.after = {.tcp_state = rejected ? 7 : 8},
	};
	for (uint32_t i = 0; i < OPERATIONS; i++) {
		struct trace_operation *operation = &incident->history[i];

		operation->t_ns = incident->first_ns - (OPERATIONS - 1 - i) * 20000;
		operation->length = i == 2 ? 12 : 4096;
		operation->result = i == 0 ? 40 : i == 1 ? 0 : rejected ? -EPIPE : 12;
		strcpy(operation->call, calls[i]);
	}
}
