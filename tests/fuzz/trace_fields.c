/*
 * trace_fields.c: see trace_fields.h.
 */
#include "tests/fuzz/trace_fields.h"

#include <string.h>

#include "shim/trace_format.h"

/* Versions of clang-format differ here. */
/* clang-format off */
#define FIELD(type, field, kind) {offsetof(struct type, field), sizeof(((struct type *)0)->field), kind}
/* clang-format on */
#define ADDRESS(type, field)                                                                                           \
	FIELD(type, field.family, FIELD_SMALL), FIELD(type, field.port, FIELD_SMALL),                                  \
		FIELD(type, field.path, FIELD_REF), FIELD(type, field.ip, FIELD_TEXT)

static const struct trace_field process_fields[] = {
	FIELD(trace_process, pid, FIELD_NUMBER),
	FIELD(trace_process, ppid, FIELD_NUMBER),
	FIELD(trace_process, started_ns, FIELD_TIME),
	FIELD(trace_process, ended_ns, FIELD_TIME),
	FIELD(trace_process, ended, FIELD_SMALL),
	FIELD(trace_process, coverage, FIELD_SMALL),
	FIELD(trace_process, sockets_seen, FIELD_NUMBER),
	FIELD(trace_process, sockets_recycled, FIELD_NUMBER),
	FIELD(trace_process, lost[TRACE_LOST_LOG_FULL], FIELD_NUMBER),
	FIELD(trace_process, lost[TRACE_LOST_FD_RANGE], FIELD_NUMBER),
	FIELD(trace_process, comm, FIELD_TEXT),
	FIELD(trace_process, exe, FIELD_TEXT),
	FIELD(trace_process, argv_length, FIELD_SMALL),
	FIELD(trace_process, argv, FIELD_TEXT),
};

static const struct trace_field module_fields[] = {
	FIELD(trace_module, t_ns, FIELD_TIME),
	FIELD(trace_module, start, FIELD_NUMBER),
	FIELD(trace_module, end, FIELD_NUMBER),
	FIELD(trace_module, bias, FIELD_NUMBER),
	FIELD(trace_module, build_id, FIELD_TEXT),
	FIELD(trace_module, build_id_length, FIELD_SMALL),
	FIELD(trace_module, path_length, FIELD_SMALL),
};

static const struct trace_field stack_fields[] = {
	FIELD(trace_stack, frame_count, FIELD_SMALL),
	FIELD(trace_stack, text, FIELD_REF),
};

static const struct trace_field text_fields[] = {
	FIELD(trace_text, kind, FIELD_SMALL),
	FIELD(trace_text, length, FIELD_SMALL),
};

static const struct trace_field socket_fields[] = {
	FIELD(trace_socket, process, FIELD_REF),
	FIELD(trace_socket, fd, FIELD_SMALL),
	FIELD(trace_socket, id, FIELD_NUMBER),
	FIELD(trace_socket, cookie, FIELD_SMALL),
	FIELD(trace_socket, peer_cookie, FIELD_SMALL),
	FIELD(trace_socket, protocol, FIELD_SMALL),
	FIELD(trace_socket, origin, FIELD_SMALL),
	FIELD(trace_socket, end, FIELD_SMALL),
	FIELD(trace_socket, flags, FIELD_SMALL),
	FIELD(trace_socket, opened_ns, FIELD_TIME),
	FIELD(trace_socket, connected_ns, FIELD_TIME),
	FIELD(trace_socket, peer_closed_ns, FIELD_TIME),
	FIELD(trace_socket, reset_ns, FIELD_TIME),
	FIELD(trace_socket, shutdown_ns, FIELD_TIME),
	FIELD(trace_socket, told_ns, FIELD_TIME),
	FIELD(trace_socket, closed_ns, FIELD_TIME),
	FIELD(trace_socket, told_call, FIELD_TEXT),
	FIELD(trace_socket, bytes_sent, FIELD_NUMBER),
	FIELD(trace_socket, bytes_received, FIELD_NUMBER),
	FIELD(trace_socket, bytes_unacked_at_close, FIELD_NUMBER),
	FIELD(trace_socket, writes, FIELD_NUMBER),
	FIELD(trace_socket, writes_before_connect, FIELD_NUMBER),
	FIELD(trace_socket, writes_after_peer_close, FIELD_NUMBER),
	FIELD(trace_socket, writes_after_reset, FIELD_NUMBER),
	FIELD(trace_socket, writes_after_shutdown, FIELD_NUMBER),
	FIELD(trace_socket, keepalive_idle_s, FIELD_NUMBER),
	FIELD(trace_socket, keepalive_interval_s, FIELD_NUMBER),
	FIELD(trace_socket, keepalive_count, FIELD_NUMBER),
	FIELD(trace_socket, user_timeout_ms, FIELD_NUMBER),
	FIELD(trace_socket, stack_opened, FIELD_REF),
	FIELD(trace_socket, stack_told, FIELD_REF),
	FIELD(trace_socket, stack_shutdown, FIELD_REF),
	FIELD(trace_socket, stack_closed, FIELD_REF),
	ADDRESS(trace_socket, local),
	ADDRESS(trace_socket, peer),
	FIELD(trace_socket, in_call_ns, FIELD_TIME),
	FIELD(trace_socket, in_call, FIELD_TEXT),
	FIELD(trace_socket, peer_pid, FIELD_NUMBER),
	FIELD(trace_socket, tid, FIELD_SMALL),
};

static const struct trace_field incident_fields[] = {
	FIELD(trace_incident, process, FIELD_REF),
	FIELD(trace_incident, socket, FIELD_REF),
	FIELD(trace_incident, id, FIELD_NUMBER),
	FIELD(trace_incident, kind, FIELD_SMALL),
	FIELD(trace_incident, knowledge, FIELD_SMALL),
	FIELD(trace_incident, outcome, FIELD_SMALL),
	FIELD(trace_incident, sigpipe, FIELD_SMALL),
	FIELD(trace_incident, flags, FIELD_SMALL),
	FIELD(trace_incident, error, FIELD_SMALL),
	FIELD(trace_incident, fd, FIELD_SMALL),
	FIELD(trace_incident, tid, FIELD_NUMBER),
	FIELD(trace_incident, label, FIELD_REF),
	FIELD(trace_incident, thread_name, FIELD_TEXT),
	FIELD(trace_incident, call, FIELD_TEXT),
	FIELD(trace_incident, count, FIELD_NUMBER),
	FIELD(trace_incident, bytes_offered, FIELD_NUMBER),
	FIELD(trace_incident, bytes_accepted, FIELD_NUMBER),
	FIELD(trace_incident, bytes_lost, FIELD_NUMBER),
	FIELD(trace_incident, first_ns, FIELD_TIME),
	FIELD(trace_incident, last_ns, FIELD_TIME),
	FIELD(trace_incident, disconnect_ns, FIELD_TIME),
	FIELD(trace_incident, told_ns, FIELD_TIME),
	FIELD(trace_incident, told_call, FIELD_TEXT),
	FIELD(trace_incident, stack_write, FIELD_REF),
	FIELD(trace_incident, stack_told, FIELD_REF),
	FIELD(trace_incident, stack_closed, FIELD_REF),
	FIELD(trace_incident, stack_opened, FIELD_REF),
	FIELD(trace_incident, stack_new_owner, FIELD_REF),
	FIELD(trace_incident, other_socket, FIELD_REF),
	FIELD(trace_incident, pending_bytes, FIELD_NUMBER),
	FIELD(trace_incident, silent_since_ns, FIELD_TIME),
	FIELD(trace_incident, retransmissions, FIELD_NUMBER),
	FIELD(trace_incident, history_count, FIELD_SMALL),
	FIELD(trace_incident, before.revents, FIELD_SMALL),
	FIELD(trace_incident, before.tcp_state, FIELD_SMALL),
	FIELD(trace_incident, before.unsent_bytes, FIELD_NUMBER),
	FIELD(trace_incident, after.tcp_state, FIELD_SMALL),
	FIELD(trace_incident, after.unsent_bytes, FIELD_NUMBER),
	FIELD(trace_incident, text, FIELD_REF),
	FIELD(trace_incident, preview, FIELD_REF),
	FIELD(trace_incident, history[0].t_ns, FIELD_TIME),
	FIELD(trace_incident, history[0].call, FIELD_TEXT),
	FIELD(trace_incident, history[1].t_ns, FIELD_TIME),
	FIELD(trace_incident, history[1].result, FIELD_SMALL),
	FIELD(trace_incident, history[2].length, FIELD_NUMBER),
	FIELD(trace_incident, history[TRACE_HISTORY - 1].call, FIELD_TEXT),
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
/* Versions of clang-format differ here. */
/* clang-format off */
#define TYPE(type, fields) {sizeof(struct type), fields, COUNT_OF(fields)}
/* clang-format on */

static const struct {
	size_t bytes; /* of the struct */
	const struct trace_field *fields;
	size_t count;
} types[] = {
	[TRACE_PROCESS] = TYPE(trace_process, process_fields),
	[TRACE_MODULE] = TYPE(trace_module, module_fields),
	[TRACE_STACK] = TYPE(trace_stack, stack_fields),
	[TRACE_TEXT] = TYPE(trace_text, text_fields),
	[TRACE_SOCKET] = TYPE(trace_socket, socket_fields),
	[TRACE_INCIDENT] = TYPE(trace_incident, incident_fields),
};

const struct trace_field *trace_fields(unsigned type, size_t *count)
{
	*count = type < COUNT_OF(types) ? types[type].count : 0;
	return *count ? types[type].fields : NULL;
}

size_t trace_struct_bytes(unsigned type)
{
	return type < COUNT_OF(types) ? types[type].bytes : 0;
}

size_t trace_records(const uint8_t *data, size_t size, uint32_t *offsets, size_t max)
{
	struct trace_header header;
	struct trace_record record;
	size_t count = 0;
	size_t offset;

	if (size < sizeof(header))
		return 0;
	memcpy(&header, data, sizeof(header));
	for (offset = header.header_bytes; offset <= size && size - offset >= sizeof(record) && count < max;) {
		memcpy(&record, data + offset, sizeof(record));
		if (record.size < sizeof(record) || record.size % 8 || record.size > size - offset)
			break;
		offsets[count++] = (uint32_t)offset;
		offset += record.size;
	}
	return count;
}
