/*
 * audit_closed.c: the use of a number that this program has closed.
 *
 * A close of such a number is an incident, but for one custom: a sweep over all numbers, whatever there is. A sweep
 * goes number by number and meets some that were never open; once it does, what was said of it is taken back.
 */
#include "shim/audit/audit_closed.h"

#include <errno.h>

#include "shim/audit/audit_close.h"
#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/thread.h"
#include "shim/socket/quarantine.h"
#include "shim/socket/record.h"
#include "shim/socket/socket_hold.h"
#include "shim/verdict/classify_closed.h"
#include "shim/verdict/halt.h"
#include "shim/verdict/incident_settle.h"

#define ACCUSED_MAX (sizeof(thread_state.accused) / sizeof(*thread_state.accused))

/* ---- where a number was closed ---- */

/*
 * A record tells where its last descriptor was closed. Of a socket with several, the one that is used by mistake may be
 * another: so each close is noted by its number, until one with the same remainder takes its place.
 */
#define NOTES 1024u

static struct note {
	uint32_t changes; /* odd while it is being written */
	int fd;
	uint64_t life; /* of the socket */
	uint64_t t_ns;
	trace_ref stack;
} notes[NOTES];

/* Of two threads that note at the same place at the same time, one does. */
void audit_note_close(const struct socket_hold *hold, trace_ref stack, uint64_t now_ns)
{
	struct note *note = &notes[(uint32_t)hold->fd % NOTES];
	uint32_t changes = __atomic_load_n(&note->changes, __ATOMIC_RELAXED) & ~1u;

	if (!__atomic_compare_exchange_n(
		    &note->changes, &changes, changes + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&note->fd, hold->fd, __ATOMIC_RELAXED);
	__atomic_store_n(&note->life, hold->life, __ATOMIC_RELAXED);
	__atomic_store_n(&note->t_ns, now_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&note->stack, stack, __ATOMIC_RELAXED);
	__atomic_store_n(&note->changes, changes + 2, __ATOMIC_RELEASE);
}

static void name_close(struct incident_call *call)
{
	const struct note *note = &notes[(uint32_t)call->fd % NOTES];
	uint32_t changes = __atomic_load_n(&note->changes, __ATOMIC_ACQUIRE);
	uint64_t t_ns = __atomic_load_n(&note->t_ns, __ATOMIC_RELAXED);
	trace_ref stack = __atomic_load_n(&note->stack, __ATOMIC_RELAXED);

	if (!call->socket || changes % 2 || __atomic_load_n(&note->fd, __ATOMIC_RELAXED) != call->fd ||
		__atomic_load_n(&note->life, __ATOMIC_RELAXED) != shared_get(call->socket->life))
		return;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&note->changes, __ATOMIC_RELAXED) != changes)
		return;
	call->stack_closed = stack;
	call->closed_ns = t_ns;
}

void audit_judge_closed_write(struct incident_call *call)
{
	struct classify_closed_facts facts = {.kept = quarantine_holds(call->fd)};

	name_close(call);
	if (facts.kept)
		call->owner = quarantine_owner(call->fd);
	facts.owner = call->owner.record != 0;
	call->verdict = classify_closed_write(&facts);
}

/* ---- sweeps ---- */

void audit_run_is_over(void)
{
	for (; thread_state.accused_count; thread_state.accused_count--)
		halt_consider(thread_state.accused[thread_state.accused_count - 1]);
	thread_state.sweeping = false;
}

void audit_follow_run(int fd)
{
	int step = fd - thread_state.last_closed_fd;

	if (step != 1 && step != -1)
		audit_run_is_over();
	thread_state.last_closed_fd = fd;
}

/* `last`: an incident that is not among the accused, or NULL. */
static void is_a_sweep(void *last)
{
	thread_state.sweeping = true;
	if (last)
		incident_void(last);
	for (; thread_state.accused_count; thread_state.accused_count--)
		incident_void(thread_state.accused[thread_state.accused_count - 1]);
}

void audit_is_a_sweep(void)
{
	is_a_sweep(NULL);
}

/* ---- a second close ---- */

void audit_double_close(struct audit_close *close)
{
	struct incident_call call = {
		.socket = close->before,
		.record = close->hold.record,
		.call = close->call,
		.fd = close->fd,
		.t_ns = kernel_now_ns(),
		.owner = close->owner,
	};
	struct classify_closed_facts facts = {.kept = close->kept, .owner = close->owner.record != 0};
	struct trace_incident *incident;
	bool fresh;

	/* what the parent had closed before the fork is no business of the child's */
	if (!record_is_current(close->before) || thread_state.sweeping || process_is_borrowed())
		return;
	name_close(&call);
	call.verdict = classify_closed_again(&facts);
	incident = incident_announce(&call, &fresh);
	incident_reject(incident, EBADF, TRACE_SIGPIPE_NONE);
	/* halts only when the run is over: that it was part of a sweep, the closes that follow tell */
	if (!incident || !fresh)
		return;
	if (thread_state.accused_count < ACCUSED_MAX)
		thread_state.accused[thread_state.accused_count++] = incident;
	else /* so many in a row, number by number */
		is_a_sweep(incident);
}
