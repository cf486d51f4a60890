/*
 * audit_write.c: the way of a write. It is judged before the call (audit_judge.c), so that an incident stands in the
 * trace when the call is made; and once more by the result, where that tells of what was not to be seen before.
 */
#include "shim/audit/audit_write.h"

#include <errno.h>
#include <string.h>

#include "shim/audit/audit_accuse.h"
#include "shim/audit/audit_closed.h"
#include "shim/audit/audit_fate.h"
#include "shim/audit/audit_judge.h"
#include "shim/audit/audit_late.h"
#include "shim/audit/audit_sandbox.h"
#include "shim/audit/audit_socket.h"
#include "shim/base/deep_stack.h"
#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/shared.h"
#include "shim/socket/payload.h"
#include "shim/socket/probe.h"
#include "shim/socket/record.h"
#include "shim/socket/socket.h"
#include "shim/socket/socket_hold.h"
#include "shim/socket/socket_table.h"
#include "shim/verdict/classify.h"
#include "shim/verdict/halt.h"
#include "shim/verdict/incident_settle.h"

#define TRIES 4 /* to hold what a number means while other threads change that */

/*
 * The name stands in the record until another call is made, so that most calls store none. `noted_call` says which one
 * it is: never one that does not stand there, whoever else stores a name, or a record, at the same time.
 */
static void name_call(struct socket *socket, struct trace_socket *record, const char *call)
{
	__atomic_store_n(&socket->noted_call, NULL, __ATOMIC_SEQ_CST);
	shared_set_name(record->in_call, call);
	__atomic_store_n(&socket->noted_call, call, __ATOMIC_SEQ_CST);
	if (!shared_name_is(record->in_call, call) || socket_record(socket) != record)
		shared_set(socket->noted_call, NULL);
}

static void note_call(struct audit_write *write)
{
	struct trace_socket *record = write->hold.record;

	if (shared_get(write->socket->noted_call) != write->call)
		name_call(write->socket, record, write->call);
	if (write->hold.slot)
		write->hold.slot->in_call = record;
	__atomic_store_n(&record->in_call_ns, write->start_ns, __ATOMIC_RELEASE);
}

/*
 * Holds the socket of a number: the open one or, where the kernel has none either, the one that it was until it was
 * closed. `entry` is what the number meant. Returns false where there is none, or another thread has changed that.
 */
static bool hold_as(struct audit_write *write, int fd, uint64_t entry)
{
	write->closed = false;
	if (audit_hold(&write->hold, fd))
		return true;
	write->closed = true;
	if (!socket_entry_is_closed(entry) || socket_table_entry(fd) != entry || !socket_hold_any(&write->hold, fd))
		return false;
	if (write->hold.entry == entry)
		return true;
	socket_release(&write->hold);
	return false;
}

/* A write that nobody holds anything for would be made on some connection all the same. */
static bool hold_for_write(struct audit_write *write, int fd)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t entry = socket_table_entry(fd);

		if (hold_as(write, fd, entry))
			return true;
		if (socket_table_entry(fd) == entry)
			return false;
	}
	audit_result_is_stale();
	return false;
}

bool audit_write_begin_slow(struct audit_write *write, const char *call, int fd, struct payload payload, int flags)
{
	if (!hold_for_write(write, fd))
		return false;
	write->socket = write->hold.socket;
	write->call = call;
	write->fd = fd;
	write->flags = flags;
	write->payload = payload;
	write->probed = false;
	write->verdict.kind = 0;
	write->incident = NULL;
	write->backlog = 0;
	write->stack = 0;
	write->untold = false;
	write->start_ns = kernel_now_ns();
	if (write->closed)
		return true;
	if (!record_is_current(write->socket)) {
		if (process_is_borrowed()) {
			socket_release(&write->hold);
			return false;
		}
		record_renew(&write->hold);
	}
	memset(&write->before, 0, sizeof(write->before));
	note_call(write);
	if (socket_is_stream(write->socket))
		audit_judge_before(write);
	else
		audit_collect_facts(write);
	return write->socket != NULL;
}

/* ---- after the call ---- */

/* A write to a number that this program has closed: the entry remembers the socket, and the record its end. */
static void accuse_of_closed(void *argument)
{
	struct audit_write *write = argument;
	struct incident_call call;

	if (!record_is_current(write->socket))
		write->socket = NULL;
	memset(&write->before, 0, sizeof(write->before));
	call = audit_call_of(write);
	audit_judge_closed_write(&call);
	write->verdict = call.verdict;
	audit_announce(write, &call);
	incident_reject(write->incident, EBADF, TRACE_SIGPIPE_NONE);
}

static void report_closed(struct audit_write *write)
{
	if (!process_is_borrowed() && !deep_stack_call(accuse_of_closed, write))
		accuse_of_closed(write);
}

/* The write failed though it had looked harmless, or could not be probed. */
static void failed(struct audit_write *write, int error)
{
	struct probe_tcp tcp;

	if (error == EBADF) { /* it had been closed where no hook could see */
		if (!process_is_borrowed())
			socket_table_forget_entry(write->fd, write->hold.entry);
		return;
	}
	if ((!classify_is_end(error) && error != ENOTCONN) || process_is_borrowed() || !audit_verify(&write->hold))
		return;
	write->facts.error = error;
	if (write->socket->protocol == TRACE_TCP && audit_may_probe() && probe_tcp(write->fd, &tcp) &&
		socket_hold_is_current(&write->hold)) {
		write->facts.tcp_after = tcp.state;
		if (!write->facts.connected && classify_has_connected(tcp.state, tcp.acked_bytes))
			audit_found_connected(write);
	}
	write->verdict = classify_failure(&write->facts);
	if (!write->verdict.kind)
		return;
	audit_accuse(write, false);
	audit_refused(write, error);
}

static size_t length_shown(const struct audit_write *write, ssize_t result)
{
	if (write->payload.form == PAYLOAD_BUFFER || write->payload.form == PAYLOAD_NONE)
		return write->payload.length;
	return result > 0 ? (size_t)result : 0;
}

void audit_write_count(const struct audit_write *write, ssize_t result)
{
	struct trace_socket *record = write->hold.record;

	__atomic_store_n(&record->in_call_ns, 0, __ATOMIC_RELEASE);
	__atomic_fetch_add(&record->writes, 1, __ATOMIC_RELAXED);
	if (result > 0)
		__atomic_fetch_add(&record->bytes_sent, (uint64_t)result, __ATOMIC_RELAXED);
}

/* The same, and it is still the number's. */
static void book(struct audit_write *write, ssize_t result, int error)
{
	audit_write_count(write, result);
	/* it waited until the connection stood; bytes that go with a SYN (fast open) wait for nothing */
	if (result > 0 && write->facts.connecting && !write->facts.fast_open)
		audit_found_connected(write);
	if (write->verdict.kind)
		audit_complete(write, result, error);
	else if (result < 0)
		failed(write, error);
	else if (__atomic_load_n(&write->socket->state, __ATOMIC_RELAXED) & SOCKET_PENDING)
		audit_settle(&write->hold, false);
	if (result > 0 && shared_get(write->socket->state) & SOCKET_LOSS_OPEN && socket_hold_is_current(&write->hold))
		audit_loss_goes_on(&write->hold, kernel_now_ns());
	socket_remember(write->hold.socket, write->call, write->start_ns, length_shown(write, result),
		result < 0 ? -(long)error : result, true);
}

ssize_t audit_write_end(struct audit_write *write, ssize_t result)
{
	int saved = errno;

	if (write->closed) {
		if (result < 0 && saved == EBADF)
			report_closed(write);
		else if (result >= 0 || socket_table_entry(write->fd) != write->hold.entry)
			audit_result_is_stale(); /* another thread's close or dup2 was under way: the bytes went to either socket */
	} else if (socket_hold_is_current(&write->hold)) {
		book(write, result, saved);
	} else if (result < 0 && saved == EBADF && !write->verdict.kind && audit_is_closed_meanwhile(&write->hold)) {
		/*
		 * Whoever wrote when the kernel knew nothing of the number wrote after that close. Any other error
		 * belongs to nobody for certain.
		 */
		__atomic_store_n(&write->hold.record->in_call_ns, 0, __ATOMIC_RELEASE);
		report_closed(write);
	} else if (result >= 0 && !write->verdict.kind && audit_was_closed_after(&write->hold)) {
		audit_write_count(write, result);
	} else {
		audit_write_end_stale(write, result);
	}
	halt_consider(write->incident);
	halt_if_due();
	socket_release(&write->hold);
	errno = saved;
	return result;
}

/* ---- calls that write only now and then (audit_stdio.c) ---- */

void audit_write_resize(struct audit_write *write, size_t length)
{
	size_t before = payload_length(&write->payload);
	struct trace_incident *incident = write->incident;

	write->payload = payload_none(length);
	if (incident && before != length)
		incident_resize(incident, before, length);
}

void audit_write_cancel(struct audit_write *write)
{
	int saved = errno;

	if (!write->closed && socket_hold_is_ours(&write->hold)) {
		__atomic_store_n(&write->hold.record->in_call_ns, 0, __ATOMIC_RELEASE);
		if (write->verdict.kind)
			audit_retract(write);
	}
	socket_release(&write->hold);
	errno = saved;
}
