/* incident.c: announce, count, take back; what a runtime dropped. */
#include "shim/verdict/incident.h"

#include <stddef.h>
#include <string.h>

#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/shared.h"
#include "shim/base/thread.h"
#include "shim/socket/probe.h"
#include "shim/socket/record.h"
#include "shim/stack/backtrace.h"
#include "shim/trace/trace_log.h"
#include "shim/verdict/halt.h"
#include "shim/verdict/tally.h"

#define RECENT 4096u

void incident_set_call(struct trace_incident *incident, const char *call)
{
	shared_set_name(incident->call, call);
}

static void add_operation(
	struct trace_incident *incident, const char *call, uint64_t t_ns, uint32_t length, int32_t result)
{
	uint32_t at = shared_get(incident->history_count) % TRACE_HISTORY;
	struct trace_operation *operation = &incident->history[at];

	shared_set(operation->t_ns, t_ns);
	shared_set(operation->length, length);
	shared_set(operation->result, result);
	shared_set_name(operation->call, call);
	shared_set(incident->history_count, at + 1);
}

/* The flight recorder, oldest first, with room for this call behind it. */
static void copy_history(struct trace_incident *incident, const struct socket *socket)
{
	uint32_t next = __atomic_load_n(&socket->next_operation, __ATOMIC_RELAXED);
	uint32_t count = next < TRACE_HISTORY - 1 ? next : TRACE_HISTORY - 1;

	for (uint32_t i = 0; i < count; i++) {
		struct operation operation;

		if (socket_recall(socket, next - count + i, &operation))
			add_operation(incident, operation.call, operation.t_ns, operation.length & ~OPERATION_WRITES,
				operation.result);
	}
}

static uint32_t saturated(size_t length)
{
	return length > UINT32_MAX ? UINT32_MAX : (uint32_t)length;
}

static void append_call(struct trace_incident *incident, const struct incident_call *call)
{
	add_operation(incident, call->call, call->t_ns, saturated(call->length), 0);
}

struct trace_operation *incident_only_call(struct trace_incident *incident)
{
	uint32_t count = shared_get(incident->history_count);

	return count && count <= TRACE_HISTORY && shared_get(incident->count) == 1 ? &incident->history[count - 1]
										   : NULL;
}

/* When and where the connection ended, as this kind of incident tells it. */
static void copy_end(struct trace_incident *incident, const struct trace_socket *record)
{
	uint64_t end_ns = shared_get(incident->disconnect_ns);

	switch (shared_get(incident->kind)) {
	case TRACE_WRITE_AFTER_PEER_CLOSE: end_ns = shared_get(record->peer_closed_ns); break;
	case TRACE_WRITE_AFTER_RESET: end_ns = shared_get(record->reset_ns); break;
	case TRACE_WRITE_AFTER_SHUTDOWN:
		end_ns = shared_get(record->shutdown_ns);
		shared_set(incident->stack_closed, shared_get(record->stack_shutdown));
		break;
	case TRACE_WRITE_AFTER_CLOSE:
	case TRACE_WRITE_TO_REUSED_FD:
	case TRACE_DOUBLE_CLOSE:
		end_ns = shared_get(record->closed_ns);
		shared_set(incident->stack_closed, shared_get(record->stack_closed));
		break;
	case TRACE_DROPPED_BY_FRAMEWORK:
		end_ns = shared_get(record->reset_ns);
		if (!end_ns)
			end_ns = shared_get(record->closed_ns);
		shared_set(incident->stack_closed, shared_get(record->stack_closed));
		break;
	default: break;
	}
	shared_set(incident->disconnect_ns, end_ns);
	shared_set(incident->stack_opened, record->stack_opened);
	shared_set(incident->stack_told, shared_get(record->stack_told));
	shared_set(incident->told_ns, shared_get(record->told_ns));
	shared_copy(incident->told_call, record->told_call, sizeof(incident->told_call));
}

/*
 * Where the writes of one kind, socket and place are found again, so that a thousand of them are one incident. A place
 * that another incident has taken costs one incident more, not one for each write.
 */
static trace_ref recent[RECENT];

static trace_ref *recent_place(const struct incident_call *call, trace_ref socket, trace_ref stack)
{
	uint32_t hash = socket ^ (uint32_t)call->fd << 20 ^ (uint32_t)(uintptr_t)call->call << 8;

	hash = (hash ^ (uint32_t)call->verdict.kind << 4 ^ call->verdict.knowledge ^ call->verdict.flags << 8) *
	       0x9e3779b1u;
	hash = (hash ^ stack) * 0x85ebca6bu;
	return &recent[(hash ^ hash >> 15) % RECENT];
}

/* The incident of this place, be it one that was taken back. */
static struct trace_incident *find_at(
	trace_ref place, const struct incident_call *call, trace_ref socket, trace_ref stack)
{
	struct trace_incident *incident = trace_log_at(place);

	if (incident && shared_get(incident->record.state) != TRACE_CLAIMED && shared_get(incident->socket) == socket &&
		shared_get(incident->kind) == call->verdict.kind && shared_get(incident->stack_write) == stack &&
		shared_get(incident->fd) == call->fd && shared_get(incident->knowledge) == call->verdict.knowledge &&
		!((shared_get(incident->flags) ^ call->verdict.flags) & TRACE_INCIDENT_FAREWELL) &&
		shared_name_is(incident->call, call->call))
		return incident;
	return NULL;
}

void incident_fill(struct trace_incident *incident, const struct incident_call *call, trace_ref stack)
{
	struct socket *socket = call->socket;
	char thread_name[16];

	shared_set(incident->process, trace_log_ref(trace_log_process()));
	shared_set(incident->id, trace_log_ref(incident));
	shared_set(incident->kind, call->verdict.kind);
	shared_set(incident->knowledge, call->verdict.knowledge);
	shared_set(incident->flags, call->verdict.flags);
	shared_set(incident->fd, call->fd);
	shared_set(incident->tid, process_thread_id());
	shared_set(incident->label, tally_label());
	probe_thread_name(thread_name);
	shared_set_name(incident->thread_name, thread_name);
	incident_set_call(incident, call->call);
	shared_set(incident->first_ns, call->t_ns);
	shared_set(incident->stack_write, stack);
	shared_copy(&incident->before, &call->before, sizeof(incident->before));
	shared_set(incident->silent_since_ns, call->silent_since_ns);
	shared_set(incident->other_socket, call->owner.record);
	shared_set(incident->stack_new_owner, call->owner.stack_opened);
	if (socket) {
		shared_set(incident->socket, trace_log_ref(call->record));
		copy_end(incident, call->record);
		if (call->closed_ns) {
			shared_set(incident->disconnect_ns, call->closed_ns);
			shared_set(incident->stack_closed, call->stack_closed);
		}
		copy_history(incident, socket);
		__atomic_fetch_or(&call->record->flags, TRACE_SOCKET_HAS_INCIDENT, __ATOMIC_RELAXED);
	}
	if (call->call[0])
		append_call(incident, call);
}

static void begin_call(struct trace_incident *incident, const struct incident_call *call)
{
	/* a signal handler may have made the incident in the midst of this call, which began before */
	shared_lower(&incident->first_ns, call->t_ns);
	shared_raise(&incident->last_ns, call->t_ns);
	if (call->retransmissions > shared_get(incident->retransmissions))
		shared_set(incident->retransmissions, call->retransmissions);
	if (call->may_kill)
		shared_set(incident->sigpipe, TRACE_SIGPIPE_FATAL);
	__atomic_fetch_or(&incident->flags, TRACE_INCIDENT_IN_CALL, __ATOMIC_RELEASE);
}

static void count_call(struct trace_incident *incident, const struct incident_call *call)
{
	__atomic_fetch_add(&incident->bytes_offered, call->length, __ATOMIC_RELAXED);
	__atomic_fetch_add(&incident->count, 1, __ATOMIC_SEQ_CST);
	begin_call(incident, call);
}

/* Makes a record that was taken back new. Its counts stay: they are 0, but for what other threads are just adding. */
static void clear(struct trace_incident *incident)
{
	const size_t counts = offsetof(struct trace_incident, count);
	const size_t rest = offsetof(struct trace_incident, bytes_accepted);

	shared_clear((char *)incident + sizeof(incident->record), counts - sizeof(incident->record));
	shared_clear((char *)incident + rest, sizeof(*incident) - rest);
}

/*
 * Counts one more write in the incident of its place. One that was taken back is begun anew: a program that is told
 * again and again to try later does not fill the log. Returns false where another thread is just beginning it anew.
 */
static bool join(struct trace_incident *incident, const struct incident_call *call, trace_ref stack, bool *fresh)
{
	uint16_t *state = &incident->record.state;
	uint16_t taken_back = TRACE_VOID;
	bool counted = __atomic_load_n(state, __ATOMIC_SEQ_CST) == TRACE_COMMITTED;

	if (counted)
		count_call(incident, call);
	if (counted && __atomic_load_n(state, __ATOMIC_SEQ_CST) == TRACE_COMMITTED)
		return true;
	if (!__atomic_compare_exchange_n(state, &taken_back, TRACE_CLAIMED, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return counted; /* whoever took it back, or begins it anew, leaves our count in it */
	clear(incident);
	incident_fill(incident, call, stack);
	if (counted)
		begin_call(incident, call);
	else
		count_call(incident, call);
	trace_log_commit(incident);
	*fresh = true;
	return true;
}

/*
 * Puts a new incident where the next write of its place finds it. Returns it; or the one that another thread has put
 * there meanwhile, which counts this write, too: ours, which nobody else has seen, is void then.
 */
static struct trace_incident *publish(struct trace_incident *ours, trace_ref *place, trace_ref seen,
	const struct incident_call *call, trace_ref stack, bool *fresh)
{
	trace_ref ref = trace_log_commit(ours);
	struct trace_incident *theirs;

	*fresh = true;
	if (__atomic_compare_exchange_n(place, &seen, ref, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return ours;
	theirs = find_at(seen, call, trace_log_ref(call->record), stack);
	*fresh = false;
	if (theirs && join(theirs, call, stack, fresh)) {
		trace_log_void(ours);
		return theirs;
	}
	*fresh = true;
	__atomic_store_n(place, ref, __ATOMIC_RELEASE);
	return ours;
}

struct trace_incident *incident_announce(const struct incident_call *call, bool *fresh)
{
	trace_ref stack = call->stack_write ? call->stack_write : backtrace_capture();
	trace_ref socket = trace_log_ref(call->record);
	trace_ref *place = recent_place(call, socket, stack);
	trace_ref seen = __atomic_load_n(place, __ATOMIC_ACQUIRE);
	struct trace_incident *incident = find_at(seen, call, socket, stack);

	*fresh = false;
	if (incident && join(incident, call, stack, fresh))
		return incident;
	incident = trace_log_claim(TRACE_INCIDENT, sizeof(*incident));
	if (!incident)
		return NULL;
	incident_fill(incident, call, stack);
	count_call(incident, call);
	return publish(incident, place, seen, call, stack, fresh);
}

void incident_resize(struct trace_incident *incident, size_t before, size_t length)
{
	struct trace_operation *only = incident_only_call(incident);

	__atomic_fetch_add(&incident->bytes_offered, length - before, __ATOMIC_RELAXED);
	if (only)
		shared_set(only->length, saturated(length));
}

void incident_withdraw(struct trace_incident *incident, const struct incident_call *call)
{
	uint16_t taken_back = TRACE_VOID;

	if (!incident)
		return;
	__atomic_fetch_and(&incident->flags, ~(uint32_t)TRACE_INCIDENT_IN_CALL, __ATOMIC_RELEASE);
	incident_returned(incident);
	__atomic_fetch_sub(&incident->bytes_offered, call->length, __ATOMIC_RELAXED);
	if (__atomic_sub_fetch(&incident->count, 1, __ATOMIC_SEQ_CST) != 0)
		return;
	__atomic_store_n(&incident->record.state, TRACE_VOID, __ATOMIC_SEQ_CST);
	/* another thread may have counted a write in between */
	if (__atomic_load_n(&incident->count, __ATOMIC_SEQ_CST) != 0)
		__atomic_compare_exchange_n(&incident->record.state, &taken_back, TRACE_COMMITTED, false,
			__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void incident_void(struct trace_incident *incident)
{
	tally_take_back(incident);
	shared_set(incident->count, 0);
	shared_set(incident->bytes_offered, 0);
	trace_log_void(incident);
}

struct trace_incident *incident_dropped(const struct incident_drop *drop)
{
	trace_ref stack = backtrace_capture_text(drop->stack, drop->stack_length);
	trace_ref socket = drop->socket ? trace_log_ref(drop->socket) : 0;
	struct incident_call call = {
		.call = "dropped",
		.fd = drop->fd < 0 && drop->socket ? drop->socket->fd : drop->fd,
		.length = drop->bytes,
		.t_ns = drop->t_ns,
		.verdict = classify_dropped(drop->told),
	};
	trace_ref *place = recent_place(&call, socket, stack);
	struct trace_incident *incident = find_at(__atomic_load_n(place, __ATOMIC_ACQUIRE), &call, socket, stack);

	if (!incident) {
		incident = trace_log_claim(TRACE_INCIDENT, sizeof(*incident));
		if (!incident)
			return NULL;
		incident_fill(incident, &call, stack);
		if (drop->socket) {
			shared_set(incident->socket, socket);
			copy_end(incident, drop->socket);
			__atomic_fetch_or(&drop->socket->flags, TRACE_SOCKET_HAS_INCIDENT, __ATOMIC_RELAXED);
		}
		if (drop->note_length)
			shared_set(incident->text, trace_log_text(TRACE_TEXT_NOTE, drop->note, drop->note_length));
		shared_set(incident->outcome, TRACE_REJECTED);
		__atomic_store_n(place, trace_log_commit(incident), __ATOMIC_RELEASE);
	}
	incident_dropped_again(incident, drop->bytes, drop->t_ns);
	return incident;
}

void incident_dropped_again(struct trace_incident *incident, size_t bytes, uint64_t t_ns)
{
	struct incident_call call = {.length = bytes, .t_ns = t_ns};

	count_call(incident, &call);
	incident_finish_call(incident, incident_returned(incident), 0);
	halt_consider(incident);
}

void incident_forked(void)
{
	memset(recent, 0, sizeof(recent));
	halt_forked();
}
