/* api.c: the functions of socksan.h, as the program finds them where the shim is loaded. */
#include "shim/socksan.h"

#include <errno.h>
#include <string.h>

#include "shim/audit.h"
#include "shim/hook.h"
#include "shim/incident.h"
#include "shim/kernel.h"
#include "shim/process.h"
#include "shim/record.h"
#include "shim/thread.h"
#include "shim/trace_log.h"

#define LABEL_MAX 256
#define NOTE_MAX 512
#define STACK_TEXT_MAX 8192

/* The weak declarations are for programs; here are the definitions. */
#pragma weak socksan_label
#pragma weak socksan_socket_id
#pragma weak socksan_dropped_write

SOCKSAN_EXPORT void socksan_label(const char *text)
{
	int saved = errno;
	size_t length = text ? strnlen(text, LABEL_MAX) : 0;

	thread_state.label = 0;
	if (length && process_ready() && !process_is_borrowed() && trace_log_open()) {
		thread_state.label = trace_log_text(TRACE_TEXT_LABEL, text, (uint32_t)length);
		thread_state.label_generation = process_generation();
	}
	errno = saved;
}

SOCKSAN_EXPORT uint64_t socksan_socket_id(int fd)
{
	int saved = errno;
	struct socket *socket = audit_socket(fd);
	uint64_t id = 0;

	if (socket) {
		if (!process_is_borrowed())
			record_renew(socket, fd);
		id = record_is_current(socket) ? socket->record->id : 0;
	}
	errno = saved;
	return id;
}

SOCKSAN_EXPORT void socksan_dropped_write(int fd, uint64_t socket_id, size_t bytes, const char *note, const char *stack)
{
	int saved = errno;
	struct incident_drop drop = {
		.fd = fd,
		.socket = (trace_ref)socket_id,
		.bytes = bytes,
		.note = note,
		.note_length = note ? (uint32_t)strnlen(note, NOTE_MAX) : 0,
		.stack = stack,
		.stack_length = stack ? (uint32_t)strnlen(stack, STACK_TEXT_MAX) : 0,
		.t_ns = kernel_now_ns(),
	};

	if (process_ready() && !process_is_borrowed() && trace_log_open())
		incident_dropped(&drop);
	errno = saved;
}
