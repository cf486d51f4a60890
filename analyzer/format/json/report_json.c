/*
 * report_json.c: see report_json.h.
 */
#include "analyzer/format/json/report_json.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "analyzer/base/escape.h"
#include "analyzer/base/limits.h"
#include "analyzer/wording/names.h"

const struct report_json_count *report_json_count(size_t at)
{
	static const struct report_json_count counts[] = {
		{"error", "socksan.errors", offsetof(struct summary, incidents[SEVERITY_ERROR])},
		{"warning", "socksan.warnings", offsetof(struct summary, incidents[SEVERITY_WARNING])},
		{"note", "socksan.notes", offsetof(struct summary, incidents[SEVERITY_NOTE])},
		{"suppressed", "socksan.suppressed", offsetof(struct summary, suppressed)},
		{"processes", "socksan.processes", offsetof(struct summary, processes)},
		{"sockets", "socksan.sockets", offsetof(struct summary, sockets)},
		{"lost_records", "socksan.lost_records", offsetof(struct summary, lost_records)},
		{"unaudited_processes", "socksan.unaudited_processes", offsetof(struct summary, unaudited_processes)},
	};

	return at < sizeof(counts) / sizeof(counts[0]) ? &counts[at] : NULL;
}

uint64_t report_json_count_of(const struct report_json_count *count, const struct summary *summary)
{
	return *(const uint64_t *)((const char *)summary + count->offset);
}

void report_json_summary(struct json *json, const struct summary *summary)
{
	const struct report_json_count *count;

	for (size_t at = 0; (count = report_json_count(at)); at++)
		json_number(json, count->member, report_json_count_of(count, summary));
}

void report_json_limits(struct json *json)
{
	bool any = false;
	size_t at = 0;

	for (char *words; (words = limits_next(&at));) {
		if (!any)
			json_open_list(json, "limits");
		any = true;
		json_owned_text(json, NULL, words);
	}
	if (any)
		json_close_list(json);
}

static void render_arguments(struct json *json, struct text arguments)
{
	size_t length;

	json_open_list(json, "argv");
	for (size_t i = 0; i < arguments.length; i += length + 1) {
		length = strnlen(arguments.bytes + i, arguments.length - i);
		json_bytes(json, NULL, arguments.bytes + i, length);
	}
	json_close_list(json);
}

static void render_coverage(struct json *json, uint32_t coverage)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{TRACE_USED_IO_URING, "io_uring"},
		{TRACE_SECCOMP, "seccomp"},
		{TRACE_NO_UNWINDER, "no_unwinder"},
		{TRACE_UNWINDER_BUSY, "unwinder_busy"},
		{TRACE_SHARED_FILE, "shared_file"},
		{TRACE_LOW_DESCRIPTORS, "low_descriptors"},
		{TRACE_MISSING_STACKS, "missing_stacks"},
		{TRACE_OPAQUE_RUNTIME, "opaque_runtime"},
		{TRACE_NO_PYTHON_STACKS, "no_python_stacks"},
		{TRACE_RUNTIME_GAPS, "runtime_gaps"},
		{TRACE_CUT_SHORT, "trace_truncated"},
	};

	json_open_list(json, "coverage");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (coverage & names[i].bit)
			json_text(json, NULL, names[i].name);
	json_close_list(json);
}

static void render_gaps(struct json *json, struct text gaps)
{
	json_open_list(json, "gaps");
	while (gaps.length) {
		struct text line = text_take_line(&gaps);

		json_bytes(json, NULL, line.bytes, line.length);
	}
	json_close_list(json);
}

void report_json_process(struct json *json, const struct process *process)
{
	json_integer(json, "pid", process->pid);
	json_integer(json, "ppid", process->ppid);
	json_bytes(json, "exe", process->exe.bytes, process->exe.length);
	render_arguments(json, process->argv);
	json_number(json, "started_ns", process->started_ns);
	json_text(json, "ended", names_process_end(process));
	json_number(json, "lost_records", process->lost_records);
	render_coverage(json, process->coverage);
	render_gaps(json, process->gaps);
}

void report_json_unaudited(struct json *json, const struct escaped_process *process)
{
	json_integer(json, "pid", process->pid);
	json_text(json, "path", process->path);
	json_text(json, "reason", process->reason);
}

static void render_writes_after(struct json *json, const struct trace_socket *record)
{
	json_open_object(json, "writes_after");
	json_number(json, "peer_close", record->writes_after_peer_close);
	json_number(json, "reset", record->writes_after_reset);
	json_number(json, "shutdown", record->writes_after_shutdown);
	json_close_object(json);
}

static void address(struct json *json, const char *name, const struct endpoint *endpoint)
{
	if (endpoint->family == AF_UNIX)
		json_owned_text(json, name, names_address(endpoint));
	else
		json_text(json, name, endpoint->ip);
}

void report_json_socket(struct json *json, const struct connection *connection)
{
	const struct trace_socket *record = &connection->record;

	json_text(json, "id", connection->id);
	json_integer(json, "pid", connection->process->pid);
	json_integer(json, "fd", record->fd);
	json_text(json, "protocol", names_protocol(record->protocol));
	address(json, "local", &connection->local);
	json_number(json, "local_port", connection->local.port);
	address(json, "peer", &connection->peer);
	json_number(json, "peer_port", connection->peer.port);
	json_text(json, "origin", names_origin(record->origin));
	json_number(json, "cookie", record->cookie);
	json_number(json, "opened_ns", record->opened_ns);
	json_number(json, "connected_ns", record->connected_ns);
	json_number(json, "peer_closed_ns", record->peer_closed_ns);
	json_number(json, "reset_ns", record->reset_ns);
	json_number(json, "closed_ns", record->closed_ns);
	json_number(json, "bytes_sent", record->bytes_sent);
	json_number(json, "bytes_received", record->bytes_received);
	json_number(json, "bytes_unacked_at_close", record->bytes_unacked_at_close);
	json_number(json, "writes", record->writes);
	json_number(json, "writes_before_connect", record->writes_before_connect);
	render_writes_after(json, record);
	json_boolean(json, "keepalive", record->flags & TRACE_SOCKET_KEEPALIVE);
	json_number(json, "user_timeout_ms", record->user_timeout_ms);
	if (*connection->peer_id)
		json_text(json, "peer_socket", connection->peer_id);
	else
		json_null(json, "peer_socket");
	json_text(json, "end", names_socket_end(connection));
}

static const char *language_name(enum language language)
{
	static const char *const names[] = {
		[LANGUAGE_NATIVE] = "native", [LANGUAGE_PYTHON] = "python", [LANGUAGE_JIT] = "jit"};

	return names[language];
}

static void render_stack(struct json *json, const char *name, const struct stack *stack)
{
	json_open_list(json, name);
	for (size_t i = 0; i < stack->count; i++) {
		const struct frame *frame = &stack->frames[i];

		json_open_object(json, NULL);
		json_text(json, "function", frame->function);
		json_text(json, "file", frame->file);
		json_integer(json, "line", frame->line);
		json_text(json, "module", frame->module);
		json_text(json, "build_id", frame->build_id);
		json_number(json, "offset", frame->offset);
		json_boolean(json, "inlined", frame->inlined);
		json_text(json, "language", language_name(frame->language));
		json_close_object(json);
	}
	json_close_list(json);
}

static void render_stacks(struct json *json, const struct view *view)
{
	json_open_object(json, "stacks");
	render_stack(json, "write", &view->write);
	render_stack(json, "told", &view->told);
	render_stack(json, "closed", &view->closed);
	render_stack(json, "opened", &view->opened);
	render_stack(json, "new_owner", &view->new_owner);
	render_stack(json, "peer_closed", &view->peer_closed);
	json_close_object(json);
}

void report_json_result(struct json *json, const struct trace_operation *operation)
{
	json_number(json, "length", operation->length);
	json_integer(json, "result", operation->result < 0 ? -1 : operation->result);
	json_errno(json, "errno", operation->result < 0 ? (int)-(int64_t)operation->result : 0);
}

static void render_history(struct json *json, const struct trace_incident *record)
{
	json_open_list(json, "history");
	for (uint32_t i = 0; i < record->history_count; i++) {
		const struct trace_operation *operation = &record->history[i];

		json_open_object(json, NULL);
		json_number(json, "t_ns", operation->t_ns);
		json_name16(json, "call", operation->call);
		report_json_result(json, operation);
		json_close_object(json);
	}
	json_close_list(json);
}

static void render_telling(struct json *json, const struct trace_incident *record)
{
	if (record->knowledge != TRACE_TOLD || !record->told_call[0]) {
		json_null(json, "told_by");
		return;
	}
	json_open_object(json, "told_by");
	json_name16(json, "call", record->told_call);
	json_number(json, "t_ns", record->told_ns);
	json_close_object(json);
}

static void render_verdict(struct json *json, const struct view *view)
{
	const struct trace_incident *record = &view->story.record;
	char fingerprint[20];

	snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64, view->incident->fingerprint);
	json_text(json, "id", view->story.id);
	json_text(json, "fingerprint", fingerprint);
	json_text(json, "kind", view->kind->id);
	json_text(json, "knowledge", kinds_knowledge_name(record->knowledge));
	json_text(json, "outcome", kinds_outcome_name(record->outcome));
	json_text(json, "severity", kinds_severity_name(view->incident->severity));
	json_text(json, "title", view->title);
	json_number(json, "count", record->count);
	json_number(json, "bytes_offered", record->bytes_offered);
	json_number(json, "bytes_accepted", record->bytes_accepted);
	json_number(json, "bytes_lost", record->bytes_lost);
	json_errno(json, "errno", record->error);
	json_text(json, "sigpipe", kinds_sigpipe_name(record->sigpipe));
}

void report_json_incident(struct json *json, const struct view *view, const struct suppression *suppression)
{
	const struct story *story = &view->story;
	const struct trace_incident *record = &story->record;

	render_verdict(json, view);
	json_integer(json, "pid", story->process->pid);
	json_integer(json, "tid", record->tid);
	json_name16(json, "thread_name", record->thread_name);
	json_bytes(json, "label", story->label.bytes, story->label.length);
	if (story->has_socket)
		json_text(json, "socket", story->socket.id);
	else
		json_null(json, "socket");
	json_name16(json, "call", record->call);
	json_number(json, "first_ns", record->first_ns);
	json_number(json, "last_ns", record->last_ns);
	if (record->disconnect_ns)
		json_integer(json, "since_disconnect_ns", (int64_t)(record->first_ns - record->disconnect_ns));
	else
		json_null(json, "since_disconnect_ns");
	json_number(json, "silent_since_ns", record->silent_since_ns);
	json_number(json, "retransmissions", record->retransmissions);
	render_telling(json, record);
	json_bytes(json, "note", story->note.bytes, story->note.length);
	if (story->preview.length)
		json_owned_text(json, "preview", escape_copy(story->preview.bytes, story->preview.length));
	if (suppression)
		json_text(json, "suppressed_by", suppression->text);
	else
		json_null(json, "suppressed_by");
	render_stacks(json, view);
	render_history(json, record);
}
