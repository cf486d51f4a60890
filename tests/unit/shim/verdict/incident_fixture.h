/*
 * incident_fixture.h: what the tests of incidents share: a connection, calls on it, and a kernel's account that is
 * made up.
 */
#ifndef SOCKSAN_SHIM_INCIDENT_FIXTURE_H
#define SOCKSAN_SHIM_INCIDENT_FIXTURE_H

#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <search.h>

#include "shim/base/thread.h"
#include "shim/stack/backtrace.h"
#include "shim/verdict/incident_lost.h"
#include "shim/verdict/incident_settle.h"
#include "tests/unit/shim/fixture.h"

static struct socket *connection;

static inline void set_up(void)
{
	fixture_begin(16 << 20);
	connection = socket_new();
	connection->protocol = TRACE_TCP;
	connection->state = SOCKET_CONNECTED;
	connection->fd = 7;
	record_make(connection, 7, TRACE_CONNECT);
	connection->record->bytes_sent = 1 << 20; /* so much can be lost */
	cr_assert(record_is_current(connection) && socket_table_open(7, connection));
}

static inline const char *own_trace(void)
{
	return fixture_trace_path(getpid(), 0);
}

static inline size_t incidents(enum trace_state state)
{
	return fixture_count(own_trace(), TRACE_INCIDENT, state);
}

static inline struct incident_call a_call(size_t length)
{
	static uint64_t now_ns = 1000;

	return (struct incident_call){
		.socket = connection,
		.record = connection->record,
		.call = "send",
		.fd = 7,
		.length = length,
		.t_ns = now_ns++,
		.verdict = {.kind = TRACE_WRITE_AFTER_PEER_CLOSE, .knowledge = TRACE_KERNEL},
	};
}

/* What the kernel says: bytes acknowledged so far, bytes that are not, and whether the connection is over. */
static inline struct probe_tcp account(uint64_t acked, uint32_t unacked, uint8_t state)
{
	return (struct probe_tcp){.state = state, .acked_bytes = acked, .unacked_bytes = unacked};
}

/* A write of `length` bytes after which the kernel says this. */
static inline struct trace_incident *write_accepted(size_t length, struct probe_tcp tcp)
{
	struct incident_call call = a_call(length);
	bool fresh;
	struct trace_incident *incident = incident_announce(&call, &fresh);

	incident_accept(incident, &call, length, &tcp);
	return incident;
}

static inline struct trace_incident *write_rejected(int error, enum trace_sigpipe sigpipe)
{
	struct incident_call call = a_call(10);
	bool fresh;
	struct trace_incident *incident = incident_announce(&call, &fresh);

	incident_reject(incident, error, sigpipe);
	return incident;
}

static inline void settle(struct probe_tcp tcp)
{
	incident_settle(connection, &tcp);
}

static inline void expect_bytes(
	const struct trace_incident *incident, uint64_t accepted, uint64_t pending, uint64_t lost)
{
	cr_expect(incident->bytes_accepted == accepted, "%llu accepted", (unsigned long long)incident->bytes_accepted);
	cr_expect(incident->pending_bytes == pending, "%llu pending", (unsigned long long)incident->pending_bytes);
	cr_expect(incident->bytes_lost == lost, "%llu lost", (unsigned long long)incident->bytes_lost);
}

static inline void expect_outcome(const struct trace_incident *incident, enum trace_outcome outcome)
{
	cr_expect(incident->outcome == outcome, "outcome %d, not %d", incident->outcome, outcome);
	cr_expect_not(incident->flags & TRACE_INCIDENT_IN_CALL);
}

#endif
