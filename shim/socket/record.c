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
#include "shim/base/shared.h"
#include "shim/socket/probe.h"
#include "shim/socket/quarantine.h"
#include "shim/stack/backtrace.h"
#include "shim/trace/trace_log.h"

#define RECYCLE_FROM 128 /* of 256 parts of the log */
/* Of a socket's state, what is not its connection's. */
#define OF_THE_SOCKET (SOCKET_LINGER_ZERO | SOCKET_FAST_OPEN | SOCKET_SHARED)
#define RETRY 256u /* calls on sockets without a record, for each attempt to make one */

static struct trace_socket nowhere; /* takes the counts of sockets that have no record */
static uint64_t free_head; /* tag << 32 | trace_ref */
static uint32_t retries;

bool record_is_current(const struct socket *socket)
{
	return shared_get(socket->generation) == process_generation() && socket_record(socket) != &nowhere;
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
	shared_clear((char *)record + sizeof(record->record), sizeof(*record) - sizeof(record->record));
	__atomic_fetch_add(&trace_log_process()->sockets_recycled, 1, __ATOMIC_RELAXED);
	return record;
}

/* Asks for one of the addresses, and puts it where it belongs. */
static void fill_address(struct trace_address *place, int fd, bool (*ask)(int fd, struct trace_address *address))
{
	struct trace_address address;

	shared_copy(&address, place, sizeof(address));
	ask(fd, &address);
	shared_copy(place, &address, sizeof(address));
}

static void fill_addresses(struct trace_socket *record, int fd)
{
	bool is_unix = record->protocol == TRACE_UNIX_STREAM || record->protocol == TRACE_UNIX_SEQPACKET;

	if (is_unix && !shared_get(record->peer_pid))
		shared_set(record->peer_pid, probe_peer_pid(fd));
	if (!shared_get(record->local.family) || (!shared_get(record->local.port) && !shared_get(record->local.path)))
		fill_address(&record->local, fd, probe_local);
	if (!shared_get(record->peer.family))
		fill_address(&record->peer, fd, probe_peer);
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
	record->cookie = shared_get(socket->cookie);
	record->protocol = socket->protocol;
	shared_set(record->origin, (uint8_t)origin);
	record->opened_ns = kernel_now_ns();
	record->tid = process_thread_id();
	return record;
}

static void adopt(struct socket *socket, struct trace_socket *record)
{
	if (record)
		trace_log_commit(record);
	__atomic_store_n(&socket->record, record ? record : &nowhere, __ATOMIC_RELEASE);
	shared_set(socket->noted_call, NULL);
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

static void copy_options(struct trace_socket *to, const struct trace_socket *from)
{
	shared_set(to->keepalive_idle_s, shared_get(from->keepalive_idle_s));
	shared_set(to->keepalive_interval_s, shared_get(from->keepalive_interval_s));
	shared_set(to->keepalive_count, shared_get(from->keepalive_count));
	shared_set(to->user_timeout_ms, shared_get(from->user_timeout_ms));
}

/* What a record knows of the connection itself, whoever uses it. */
static void copy_connection(struct trace_socket *to, const struct trace_socket *from)
{
	to->connected_ns = shared_get(from->connected_ns);
	to->peer_closed_ns = shared_get(from->peer_closed_ns);
	to->reset_ns = shared_get(from->reset_ns);
	to->shutdown_ns = shared_get(from->shutdown_ns);
	to->told_ns = shared_get(from->told_ns);
	shared_copy(to->told_call, from->told_call, sizeof(to->told_call));
	to->peer_cookie = from->peer_cookie;
	to->flags = shared_get(from->flags) & ~(uint32_t)TRACE_SOCKET_HAS_INCIDENT;
	copy_options(to, from);
	shared_copy(&to->local, &from->local, sizeof(to->local));
	shared_copy(&to->peer, &from->peer, sizeof(to->peer));
	to->peer_pid = shared_get(from->peer_pid);
	if (to->local.family == AF_UNIX || to->peer.family == AF_UNIX) { /* the names are texts in the other file */
		memset(&to->local, 0, sizeof(to->local));
		memset(&to->peer, 0, sizeof(to->peer));
	}
}

static void renew(struct socket *socket, int fd)
{
	const struct trace_socket *old = socket_record(socket);
	struct trace_socket *record;
	int saved;

	if (shared_get(socket->generation) == process_generation() &&
		__atomic_fetch_add(&retries, 1, __ATOMIC_RELAXED) % RETRY)
		return; /* there was no trace, or no room in it, a moment ago: ask now and then */
	saved = errno;
	record = new_record(socket, fd, TRACE_INHERITED);
	if (record) {
		if (old && old != &nowhere)
			copy_connection(record, old);
		fill_addresses(record, fd);
	}
	if (shared_get(socket->generation) != process_generation()) {
		__atomic_fetch_add(&trace_log_process()->sockets_seen, 1, __ATOMIC_RELAXED);
		shared_clear(socket->incidents, sizeof(socket->incidents)); /* they are in the other file */
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
	hold->record = socket_record(hold->socket);
	hold->generation = process_generation();
}

void record_continue(struct socket_hold *hold, enum trace_origin origin)
{
	struct socket *socket = hold->socket;
	struct trace_socket *old = socket_record(socket);
	struct trace_socket *record = new_record(socket, hold->fd, origin);

	if (!record)
		return;
	socket_begin_life(socket); /* what other threads' calls on the one before come to is not this one's */
	shared_set(record->flags, (shared_get(old->flags) & TRACE_SOCKET_KEEPALIVE) | TRACE_SOCKET_CONTINUES);
	copy_options(record, old);
	record->stack_opened = backtrace_capture();
	shared_set(old->closed_ns, record->opened_ns);
	shared_set(old->end, shared_get(old->reset_ns) ? TRACE_END_RESET : TRACE_END_CLOSED);
	shared_clear(socket->incidents, sizeof(socket->incidents));
	shared_set(socket->shutdown_read, 0);
	shared_set(socket->shutdown_write, 0);
	__atomic_fetch_and(&socket->state, (uint32_t)OF_THE_SOCKET, __ATOMIC_RELAXED);
	shared_set(socket->lost_reported, 0);
	shared_set(socket->clean_ns, 0);
	shared_set(socket->settled_ns, 0);
	shared_set(socket->sampled_ns, 0);
	shared_set(socket->unacked_since_ns, 0);
	shared_set(socket->readable, READABLE_NOT);
	__atomic_fetch_add(&trace_log_process()->sockets_seen, 1, __ATOMIC_RELAXED);
	adopt(socket, record);
	socket_hold_see(hold);
}

void record_release(struct socket *socket)
{
	struct trace_socket *record = socket_record(socket);

	__atomic_store_n(&socket->record, &nowhere, __ATOMIC_RELEASE);
	if (!record || record == &nowhere || shared_get(socket->generation) != process_generation())
		return;
	if (trace_log_fill() < RECYCLE_FROM || !quarantine_drop_owner(record) ||
		__atomic_load_n(&record->flags, __ATOMIC_ACQUIRE) & TRACE_SOCKET_HAS_INCIDENT)
		return;
	trace_log_void(record);
	free_push(record);
}

void record_inherit_options(struct trace_socket *to, const struct trace_socket *from)
{
	__atomic_fetch_or(&to->flags, shared_get(from->flags) & TRACE_SOCKET_KEEPALIVE, __ATOMIC_RELAXED);
	copy_options(to, from);
}

void record_addresses(struct trace_socket *record, int fd)
{
	fill_addresses(record, fd);
}

void record_addresses_anew(struct trace_socket *record, int fd)
{
	shared_clear(&record->local, sizeof(record->local));
	if (fd >= 0)
		fill_addresses(record, fd);
}

bool record_peer(struct trace_socket *record, const void *address, uint32_t length)
{
	struct trace_address peer;
	bool is_named;

	shared_copy(&peer, &record->peer, sizeof(peer));
	is_named = probe_address(address, length, &peer);
	shared_copy(&record->peer, &peer, sizeof(peer));
	return is_named;
}

void record_forked(void)
{
	free_head = 0;
}
