/*
 * record.c: socket records.
 *
 * When the trace is more than half full, records of clean, closed connections go to a free list (a tagged stack through
 * their `bytes_sent` field, unused by then) and serve new connections: so a day's worth of short ones stays within
 * max_trace, and what is lost is only the story of connections that had none. They stay counted in the process record.
 */
#include "shim/socket/record.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/socket/probe.h"
#include "shim/socket/quarantine.h"
#include "shim/stack/backtrace.h"
#include "shim/trace/trace_log.h"

#define RECYCLE_FROM 128 /* of 256 parts of the log */
#define RETRY 256u /* calls on sockets without a record, for each attempt to make one */

static struct trace_socket nowhere; /* takes the counts of sockets that have no record */
static uint64_t free_head; /* tag << 32 | trace_ref */
static uint32_t retries;

bool record_is_current(const struct socket *socket)
{
	return socket->generation == process_generation() && socket->record != &nowhere;
}

static void free_push(struct trace_socket *record)
{
	uint64_t head = __atomic_load_n(&free_head, __ATOMIC_ACQUIRE);
	uint64_t mine;

	do {
		__atomic_store_n(&record->bytes_sent, (uint32_t)head, __ATOMIC_RELAXED);
		mine = ((head >> 32) + 1) << 32 | trace_log_ref(record);
	} while (!__atomic_compare_exchange_n(&free_head, &head, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
}

static struct trace_socket *free_pop(void)
{
	uint64_t head = __atomic_load_n(&free_head, __ATOMIC_ACQUIRE);
	struct trace_socket *record;
	uint64_t next;

	do {
		if (!(uint32_t)head)
			return NULL;
		record = trace_log_at((trace_ref)head);
		next = ((head >> 32) + 1) << 32 | (uint32_t)__atomic_load_n(&record->bytes_sent, __ATOMIC_RELAXED);
	} while (!__atomic_compare_exchange_n(&free_head, &head, next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	return record;
}

static struct trace_socket *claim(void)
{
	struct trace_socket *record = free_pop();

	if (!record)
		return trace_log_claim(TRACE_SOCKET, sizeof(*record));
	memset((char *)record + sizeof(record->record), 0, sizeof(*record) - sizeof(record->record));
	__atomic_fetch_add(&trace_log_process()->sockets_recycled, 1, __ATOMIC_RELAXED);
	return record;
}

static void fill_addresses(struct trace_socket *record, int fd)
{
	bool is_unix = record->protocol == TRACE_UNIX_STREAM || record->protocol == TRACE_UNIX_SEQPACKET;

	if (is_unix && !record->peer_pid)
		record->peer_pid = probe_peer_pid(fd);
	if (!record->local.family || (!record->local.port && !record->local.path))
		probe_local(fd, &record->local);
	if (!record->peer.family)
		probe_peer(fd, &record->peer);
}

/* A record with what every socket has. NULL where there is none to be had. */
static struct trace_socket *new_record(struct socket *socket, int fd, enum trace_origin origin)
{
	struct trace_socket *record;

	if (!trace_log_open()) {
		trace_log_lost(TRACE_LOST_NO_TRACE);
		return NULL;
	}
	backtrace_load();
	record = claim();
	if (!record)
		return NULL;
	record->process = trace_log_ref(trace_log_process());
	record->fd = fd;
	record->id = trace_log_ref(record);
	record->cookie = socket->cookie;
	record->protocol = socket->protocol;
	record->origin = (uint8_t)origin;
	record->opened_ns = kernel_now_ns();
	record->tid = process_thread_id();
	return record;
}

static void adopt(struct socket *socket, struct trace_socket *record)
{
	if (record)
		trace_log_commit(record);
	socket->record = record ? record : &nowhere;
	socket->noted_call = NULL;
	__atomic_store_n(&socket->generation, process_generation(), __ATOMIC_RELEASE);
}

void record_make(struct socket *socket, int fd, enum trace_origin origin)
{
	int saved = errno;
	struct trace_socket *record = new_record(socket, fd, origin);

	__atomic_fetch_add(&trace_log_process()->sockets_seen, 1, __ATOMIC_RELAXED);
	if (record)
		record->stack_opened = backtrace_capture();
	adopt(socket, record);
	errno = saved;
}

/* What a record knows of the connection itself, whoever uses it. */
static void copy_connection(struct trace_socket *to, const struct trace_socket *from)
{
	to->connected_ns = from->connected_ns;
	to->peer_closed_ns = from->peer_closed_ns;
	to->reset_ns = from->reset_ns;
	to->shutdown_ns = from->shutdown_ns;
	to->told_ns = from->told_ns;
	memcpy(to->told_call, from->told_call, sizeof(to->told_call));
	to->peer_cookie = from->peer_cookie;
	to->flags = from->flags & ~(uint32_t)TRACE_SOCKET_HAS_INCIDENT;
	to->keepalive_idle_s = from->keepalive_idle_s;
	to->keepalive_interval_s = from->keepalive_interval_s;
	to->keepalive_count = from->keepalive_count;
	to->user_timeout_ms = from->user_timeout_ms;
	to->local = from->local;
	to->peer = from->peer;
	to->peer_pid = from->peer_pid;
	if (to->local.family == AF_UNIX || to->peer.family == AF_UNIX) { /* the names are texts in the other file */
		memset(&to->local, 0, sizeof(to->local));
		memset(&to->peer, 0, sizeof(to->peer));
	}
}

static void renew(struct socket *socket, int fd)
{
	const struct trace_socket *old = socket->record;
	struct trace_socket *record;
	int saved;

	if (socket->generation == process_generation() && __atomic_fetch_add(&retries, 1, __ATOMIC_RELAXED) % RETRY)
		return; /* there was no trace, or no room in it, a moment ago: ask now and then */
	saved = errno;
	record = new_record(socket, fd, TRACE_INHERITED);
	if (record) {
		if (old && old != &nowhere)
			copy_connection(record, old);
		fill_addresses(record, fd);
	}
	if (socket->generation != process_generation()) {
		__atomic_fetch_add(&trace_log_process()->sockets_seen, 1, __ATOMIC_RELAXED);
		memset(socket->incidents, 0, sizeof(socket->incidents)); /* they are in the other file */
		__atomic_fetch_and(&socket->state, ~(uint32_t)SOCKET_PENDING, __ATOMIC_RELAXED);
	}
	adopt(socket, record);
	errno = saved;
}

void record_renew(struct socket_hold *hold)
{
	if (!record_is_current(hold->socket))
		renew(hold->socket, hold->fd);
	if (__atomic_load_n(&hold->socket->life, __ATOMIC_ACQUIRE) != hold->life)
		return;
	hold->record = hold->socket->record;
	hold->generation = process_generation();
}

void record_continue(struct socket_hold *hold, enum trace_origin origin)
{
	struct socket *socket = hold->socket;
	struct trace_socket *old = socket->record;
	struct trace_socket *record = new_record(socket, hold->fd, origin);

	if (!record)
		return;
	socket_begin_life(socket); /* what other threads' calls on the one before come to is not this one's */
	record->flags = (old->flags & TRACE_SOCKET_KEEPALIVE) | TRACE_SOCKET_CONTINUES;
	record->keepalive_idle_s = old->keepalive_idle_s;
	record->keepalive_interval_s = old->keepalive_interval_s;
	record->keepalive_count = old->keepalive_count;
	record->user_timeout_ms = old->user_timeout_ms;
	record->stack_opened = backtrace_capture();
	old->closed_ns = record->opened_ns;
	old->end = old->reset_ns ? TRACE_END_RESET : TRACE_END_CLOSED;
	memset(socket->incidents, 0, sizeof(socket->incidents));
	socket->shutdown_read = socket->shutdown_write = 0;
	socket->state &=
		SOCKET_LINGER_ZERO | SOCKET_FAST_OPEN | SOCKET_SHARED; /* of the socket, not of its connection */
	socket->lost_reported = 0;
	socket->clean_ns = socket->settled_ns = socket->sampled_ns = socket->unacked_since_ns = 0;
	socket->readable = READABLE_NOT;
	__atomic_fetch_add(&trace_log_process()->sockets_seen, 1, __ATOMIC_RELAXED);
	adopt(socket, record);
	socket_hold_see(hold);
}

void record_release(struct socket *socket)
{
	struct trace_socket *record = socket->record;

	socket->record = &nowhere;
	if (!record || record == &nowhere || socket->generation != process_generation())
		return;
	if (trace_log_fill() < RECYCLE_FROM || !quarantine_drop_owner(record) ||
		__atomic_load_n(&record->flags, __ATOMIC_ACQUIRE) & TRACE_SOCKET_HAS_INCIDENT)
		return;
	trace_log_void(record);
	free_push(record);
}

void record_addresses(struct trace_socket *record, int fd)
{
	fill_addresses(record, fd);
}

void record_forked(void)
{
	free_head = 0;
}
