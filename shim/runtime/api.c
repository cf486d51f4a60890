/* api.c: the functions of socksan.h, as the program finds them where the shim is loaded. */
#include "shim/socksan.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "shim/audit/audit_socket.h"
#include "shim/base/hook.h"
#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/shared.h"
#include "shim/base/thread.h"
#include "shim/socket/record.h"
#include "shim/socket/socket_hold.h"
#include "shim/trace/trace_log.h"
#include "shim/verdict/halt.h"
#include "shim/verdict/incident.h"
#include "shim/verdict/tally.h"

#define LABEL_MAX 256
#define NOTE_MAX 4096
#define STACK_TEXT_MAX 8192

/* The weak declarations are for programs; here are the definitions. */
#pragma weak socksan_label
#pragma weak socksan_socket_id
#pragma weak socksan_dropped_write
#pragma weak socksan_dropped_again
#pragma weak socksan_amend
#pragma weak socksan_incident_count
#pragma weak socksan_annotate
#pragma weak socksan_opaque_runtime
#pragma weak socksan_not_covered

/*
 * What we call a record to the outside: where it is, and a mark of the time it was made. A record may serve another
 * socket by the time that a program comes back to it, and after a fork the same place in another file may hold another
 * one.
 */
static uint64_t outer_id(trace_ref ref, uint64_t made_ns)
{
	return ref ? (made_ns >> 10 & INT32_MAX) << 32 | ref : 0;
}

static struct trace_socket *find_socket(uint64_t id)
{
	struct trace_socket *record = trace_log_find((trace_ref)id, TRACE_SOCKET, sizeof(*record));

	return record && outer_id((trace_ref)id, record->opened_ns) == id ? record : NULL;
}

static struct trace_incident *find_incident(uint64_t id)
{
	struct trace_incident *record = trace_log_find((trace_ref)id, TRACE_INCIDENT, sizeof(*record));

	return record && outer_id((trace_ref)id, shared_get(record->first_ns)) == id ? record : NULL;
}

static uint32_t length_of(const char *text, size_t limit)
{
	return text ? (uint32_t)strnlen(text, limit) : 0;
}

/* Whether we may record something for this process. */
static bool may_record(void)
{
	return process_ready() && !process_is_borrowed() && trace_log_open();
}

SOCKSAN_EXPORT void socksan_label(const char *text)
{
	int saved = errno;
	uint32_t length = length_of(text, LABEL_MAX);

	thread_state.label = 0;
	if (length && may_record()) {
		thread_state.label = trace_log_text(TRACE_TEXT_LABEL, text, length);
		thread_state.label_generation = process_generation();
	}
	errno = saved;
}

SOCKSAN_EXPORT uint64_t socksan_socket_id(int fd)
{
	int saved = errno;
	struct socket_hold hold;
	uint64_t id = 0;

	if (audit_hold(&hold, fd)) {
		if (!process_is_borrowed())
			record_renew(&hold);
		if (record_is_current(hold.socket))
			id = outer_id((trace_ref)hold.record->id, hold.record->opened_ns);
		socket_release(&hold);
	}
	errno = saved;
	return id;
}

SOCKSAN_EXPORT uint64_t socksan_dropped_write(
	int fd, uint64_t socket_id, size_t bytes, int told, const char *note, const char *stack)
{
	int saved = errno;
	struct incident_drop drop = {
		.fd = fd,
		.bytes = bytes,
		.told = told,
		.note = note,
		.note_length = length_of(note, NOTE_MAX),
		.stack = stack,
		.stack_length = length_of(stack, STACK_TEXT_MAX),
		.t_ns = kernel_now_ns(),
	};
	struct trace_incident *incident = NULL;

	if (may_record()) {
		drop.socket = find_socket(socket_id);
		incident = incident_dropped(&drop);
		halt_if_due();
	}
	errno = saved;
	return incident ? outer_id((trace_ref)shared_get(incident->id), shared_get(incident->first_ns)) : 0;
}

SOCKSAN_EXPORT void socksan_dropped_again(uint64_t id, size_t bytes)
{
	int saved = errno;
	struct trace_incident *incident = process_ready() && !process_is_borrowed() ? find_incident(id) : NULL;

	if (incident && shared_get(incident->kind) == TRACE_DROPPED_BY_FRAMEWORK)
		incident_dropped_again(incident, bytes, kernel_now_ns());
	halt_if_due();
	errno = saved;
}

SOCKSAN_EXPORT void socksan_amend(uint64_t id, const char *note)
{
	int saved = errno;
	uint32_t length = length_of(note, NOTE_MAX);
	struct trace_incident *incident = process_ready() && !process_is_borrowed() ? find_incident(id) : NULL;
	trace_ref text = incident && length ? trace_log_text(TRACE_TEXT_NOTE, note, length) : 0;

	if (text)
		__atomic_store_n(&incident->text, text, __ATOMIC_RELEASE);
	errno = saved;
}

SOCKSAN_EXPORT uint64_t socksan_incident_count(void)
{
	return tally_events();
}

SOCKSAN_EXPORT void socksan_annotate(uint64_t since, uint64_t socket_id, const char *note)
{
	int saved = errno;
	uint32_t length = length_of(note, NOTE_MAX);
	bool ready = length && process_ready() && !process_is_borrowed();
	trace_ref socket = ready && socket_id ? trace_log_ref(find_socket(socket_id)) : 0;
	struct trace_incident *incident;
	trace_ref text = 0;

	for (unsigned n = 0; ready && (incident = tally_recent(since, n)); n++) {
		uint64_t count = shared_get(incident->count);
		bool rounds = !(count & (count - 1)); /* 1, 2, 4, 8 ... */

		if (shared_get(incident->kind) == TRACE_DROPPED_BY_FRAMEWORK ||
			(shared_get(incident->text) && !rounds) ||
			(socket_id && shared_get(incident->socket) != socket))
			continue;
		if (!text)
			text = trace_log_text(TRACE_TEXT_NOTE, note, length);
		__atomic_store_n(&incident->text, text, __ATOMIC_RELEASE);
	}
	errno = saved;
}

/* For this process and its children, whether or not they have a trace yet. */
static void note_gap(uint32_t coverage, const char *line)
{
	int saved = errno;

	if (line && process_ready() && !process_is_borrowed())
		trace_log_gap(coverage, line);
	errno = saved;
}

SOCKSAN_EXPORT void socksan_opaque_runtime(void)
{
	note_gap(TRACE_OPAQUE_RUNTIME, "");
}

SOCKSAN_EXPORT void socksan_not_covered(const char *what, int blind)
{
	note_gap(blind ? TRACE_RUNTIME_GAPS : 0, what);
}
