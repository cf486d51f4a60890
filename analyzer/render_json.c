/*
 * render_json.c: the report as JSON, schema socksan-report/1 (DESIGN.md, section 5).
 *
 * Written as it is made, one element of each list to a line, so that memory does not grow with the report. What is not known
 * is an empty string, 0, or null where 0 could be meant. Every string is made valid UTF-8 first.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "analyzer/escape.h"
#include "analyzer/names.h"
#include "analyzer/render.h"
#include "analyzer/text.h"

struct json {
	yajl_gen gen;
	FILE *stream;
};

/* Moves what has been made to the stream, and ends the line: white space may stand between any two tokens. */
static void flush_line(struct json *json)
{
	const unsigned char *bytes;
	size_t length;

	yajl_gen_get_buf(json->gen, &bytes, &length);
	fwrite(bytes, 1, length, json->stream);
	fputc('\n', json->stream);
	yajl_gen_clear(json->gen);
}

static void put_text(struct json *json, const char *bytes, size_t length)
{
	char *valid = escape_utf8(bytes ? bytes : "", length, &length);

	yajl_gen_string(json->gen, (const unsigned char *)valid, length);
	free(valid);
}

static void key(struct json *json, const char *name)
{
	yajl_gen_string(json->gen, (const unsigned char *)name, strlen(name));
}

static void text(struct json *json, const char *name, const char *string)
{
	key(json, name);
	put_text(json, string, string ? strlen(string) : 0);
}

static void owned_text(struct json *json, const char *name, char *string)
{
	text(json, name, string);
	free(string);
}

/* Names in records: terminated, or as long as their field. */
static void name16(struct json *json, const char *name, const char field[16])
{
	key(json, name);
	put_text(json, field, strnlen(field, 16));
}

/* As digits: yajl has no unsigned 64-bit numbers. */
static void number(struct json *json, const char *name, uint64_t value)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, value);

	key(json, name);
	yajl_gen_number(json->gen, digits, (size_t)length);
}

static void integer(struct json *json, const char *name, int64_t value)
{
	key(json, name);
	yajl_gen_integer(json->gen, value);
}

static void boolean(struct json *json, const char *name, bool value)
{
	key(json, name);
	yajl_gen_bool(json->gen, value);
}

static void null(struct json *json, const char *name)
{
	key(json, name);
	yajl_gen_null(json->gen);
}

static void error_name(struct json *json, int error)
{
	char buffer[24];

	text(json, "errno", names_errno(error, buffer));
}

static void begin_list(struct json *json, const char *name)
{
	key(json, name);
	yajl_gen_array_open(json->gen);
	flush_line(json);
}

static void render_summary(struct json *json, const struct summary *summary)
{
	key(json, "summary");
	yajl_gen_map_open(json->gen);
	number(json, "error", summary->incidents[SEVERITY_ERROR]);
	number(json, "warning", summary->incidents[SEVERITY_WARNING]);
	number(json, "note", summary->incidents[SEVERITY_NOTE]);
	number(json, "suppressed", summary->suppressed);
	number(json, "processes", summary->processes);
	number(json, "sockets", summary->sockets);
	number(json, "lost_records", summary->lost_records);
	number(json, "unaudited_processes", summary->unaudited_processes);
	yajl_gen_map_close(json->gen);
	flush_line(json);
}

static void render_arguments(struct json *json, struct text arguments)
{
	size_t length;

	key(json, "argv");
	yajl_gen_array_open(json->gen);
	for (size_t i = 0; i < arguments.length; i += length + 1) {
		length = strnlen(arguments.bytes + i, arguments.length - i);
		put_text(json, arguments.bytes + i, length);
	}
	yajl_gen_array_close(json->gen);
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
	};

	key(json, "coverage");
	yajl_gen_array_open(json->gen);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (coverage & names[i].bit)
			put_text(json, names[i].name, strlen(names[i].name));
	yajl_gen_array_close(json->gen);
}

static void render_process(struct json *json, const struct process *process)
{
	yajl_gen_map_open(json->gen);
	integer(json, "pid", process->pid);
	integer(json, "ppid", process->ppid);
	key(json, "exe");
	put_text(json, process->exe.bytes, process->exe.length);
	render_arguments(json, process->argv);
	number(json, "started_ns", process->started_ns);
	text(json, "ended", names_process_end(process));
	number(json, "lost_records", process->lost_records);
	render_coverage(json, process->coverage);
	yajl_gen_map_close(json->gen);
	flush_line(json);
}

static void render_unaudited(struct json *json, const struct run_facts *facts)
{
	begin_list(json, "unaudited");
	for (size_t i = 0; facts && i < facts->escaped_count; i++) {
		yajl_gen_map_open(json->gen);
		integer(json, "pid", facts->escaped[i].pid);
		text(json, "path", facts->escaped[i].path);
		text(json, "reason", facts->escaped[i].reason);
		yajl_gen_map_close(json->gen);
		flush_line(json);
	}
	yajl_gen_array_close(json->gen);
}

static void render_writes_after(struct json *json, const struct trace_socket *record)
{
	key(json, "writes_after");
	yajl_gen_map_open(json->gen);
	number(json, "peer_close", record->writes_after_peer_close);
	number(json, "reset", record->writes_after_reset);
	number(json, "shutdown", record->writes_after_shutdown);
	yajl_gen_map_close(json->gen);
}

static bool render_socket(const struct connection *connection, void *context)
{
	struct json *json = context;
	const struct trace_socket *record = &connection->record;

	yajl_gen_map_open(json->gen);
	text(json, "id", connection->id);
	integer(json, "pid", connection->process->pid);
	integer(json, "fd", record->fd);
	text(json, "protocol", names_protocol(record->protocol));
	owned_text(json, "local", names_address(&connection->local));
	number(json, "local_port", connection->local.port);
	owned_text(json, "peer", names_address(&connection->peer));
	number(json, "peer_port", connection->peer.port);
	text(json, "origin", names_origin(record->origin));
	number(json, "cookie", record->cookie);
	number(json, "opened_ns", record->opened_ns);
	number(json, "connected_ns", record->connected_ns);
	number(json, "peer_closed_ns", record->peer_closed_ns);
	number(json, "reset_ns", record->reset_ns);
	number(json, "closed_ns", record->closed_ns);
	number(json, "bytes_sent", record->bytes_sent);
	number(json, "bytes_received", record->bytes_received);
	number(json, "bytes_unacked_at_close", record->bytes_unacked_at_close);
	number(json, "writes", record->writes);
	number(json, "writes_before_connect", record->writes_before_connect);
	render_writes_after(json, record);
	boolean(json, "keepalive", record->flags & TRACE_SOCKET_KEEPALIVE);
	number(json, "user_timeout_ms", record->user_timeout_ms);
	if (*connection->peer_id)
		text(json, "peer_socket", connection->peer_id);
	else
		null(json, "peer_socket");
	text(json, "end", names_socket_end(connection));
	yajl_gen_map_close(json->gen);
	flush_line(json);
	return !ferror(json->stream);
}

static const char *language_name(enum language language)
{
	static const char *const names[] = {
		[LANGUAGE_NATIVE] = "native", [LANGUAGE_PYTHON] = "python", [LANGUAGE_JIT] = "jit"};

	return names[language];
}

static void render_stack(struct json *json, const char *name, const struct stack *stack)
{
	key(json, name);
	yajl_gen_array_open(json->gen);
	for (size_t i = 0; i < stack->count; i++) {
		const struct frame *frame = &stack->frames[i];

		yajl_gen_map_open(json->gen);
		text(json, "function", frame->function);
		text(json, "file", frame->file);
		integer(json, "line", frame->line);
		text(json, "module", frame->module);
		text(json, "build_id", frame->build_id);
		number(json, "offset", frame->offset);
		boolean(json, "inlined", frame->inlined);
		text(json, "language", language_name(frame->language));
		yajl_gen_map_close(json->gen);
	}
	yajl_gen_array_close(json->gen);
}

static void render_stacks(struct json *json, const struct view *view)
{
	key(json, "stacks");
	yajl_gen_map_open(json->gen);
	render_stack(json, "write", &view->write);
	render_stack(json, "told", &view->told);
	render_stack(json, "closed", &view->closed);
	render_stack(json, "opened", &view->opened);
	render_stack(json, "new_owner", &view->new_owner);
	render_stack(json, "peer_closed", &view->peer_closed);
	yajl_gen_map_close(json->gen);
}

static void render_history(struct json *json, const struct trace_incident *record)
{
	key(json, "history");
	yajl_gen_array_open(json->gen);
	for (uint32_t i = 0; i < record->history_count; i++) {
		const struct trace_operation *operation = &record->history[i];

		yajl_gen_map_open(json->gen);
		number(json, "t_ns", operation->t_ns);
		name16(json, "call", operation->call);
		number(json, "length", operation->length);
		integer(json, "result", operation->result < 0 ? -1 : operation->result);
		error_name(json, operation->result < 0 ? (int)-(int64_t)operation->result : 0);
		yajl_gen_map_close(json->gen);
	}
	yajl_gen_array_close(json->gen);
}

static void render_telling(struct json *json, const struct trace_incident *record)
{
	if (record->knowledge != TRACE_TOLD || !record->told_call[0]) {
		null(json, "told_by");
		return;
	}
	key(json, "told_by");
	yajl_gen_map_open(json->gen);
	name16(json, "call", record->told_call);
	number(json, "t_ns", record->told_ns);
	yajl_gen_map_close(json->gen);
}

static void render_verdict(struct json *json, const struct view *view)
{
	const struct trace_incident *record = &view->story.record;
	char fingerprint[20];

	snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64, view->incident->fingerprint);
	text(json, "id", view->story.id);
	text(json, "fingerprint", fingerprint);
	text(json, "kind", view->kind->id);
	text(json, "knowledge", kinds_knowledge_name(record->knowledge));
	text(json, "outcome", kinds_outcome_name(record->outcome));
	text(json, "severity", kinds_severity_name(view->incident->severity));
	text(json, "title", view->title);
	number(json, "count", record->count);
	number(json, "bytes_offered", record->bytes_offered);
	number(json, "bytes_accepted", record->bytes_accepted);
	number(json, "bytes_lost", record->bytes_lost);
	error_name(json, record->error);
	text(json, "sigpipe", kinds_sigpipe_name(record->sigpipe));
}

static void render_incident(struct json *json, const struct view *view)
{
	const struct story *story = &view->story;
	const struct trace_incident *record = &story->record;

	yajl_gen_map_open(json->gen);
	render_verdict(json, view);
	integer(json, "pid", story->process->pid);
	integer(json, "tid", record->tid);
	name16(json, "thread_name", record->thread_name);
	key(json, "label");
	put_text(json, story->label.bytes, story->label.length);
	if (story->has_socket)
		text(json, "socket", story->socket.id);
	else
		null(json, "socket");
	name16(json, "call", record->call);
	number(json, "first_ns", record->first_ns);
	number(json, "last_ns", record->last_ns);
	if (record->disconnect_ns)
		integer(json, "since_disconnect_ns", (int64_t)(record->first_ns - record->disconnect_ns));
	else
		null(json, "since_disconnect_ns");
	render_telling(json, record);
	null(json, "suppressed_by");
	render_stacks(json, view);
	render_history(json, record);
	yajl_gen_map_close(json->gen);
	flush_line(json);
}

static void render_incidents(struct json *json, const struct report *report)
{
	size_t count;
	const struct incident *incidents = lifecycle_incidents(report->lifecycle, &count);

	begin_list(json, "incidents");
	for (size_t i = 0; i < count && !ferror(json->stream); i++) {
		struct view view;

		if (view_load(report, &incidents[i], &view))
			render_incident(json, &view);
		view_free(&view);
	}
	yajl_gen_array_close(json->gen);
}

void render_json(const struct report *report, FILE *stream, bool color)
{
	struct json json = {.gen = yajl_gen_alloc(NULL), .stream = stream};
	size_t count;
	const struct process *processes = lifecycle_processes(report->lifecycle, &count);

	(void)color;
	if (!json.gen)
		text_out_of_memory();
	yajl_gen_map_open(json.gen);
	text(&json, "schema", "socksan-report/1");
	render_summary(&json, &report->summary);
	begin_list(&json, "processes");
	for (size_t i = 0; i < count; i++)
		render_process(&json, &processes[i]);
	yajl_gen_array_close(json.gen);
	render_unaudited(&json, report->facts);
	begin_list(&json, "sockets");
	lifecycle_each_socket(report->lifecycle, true, render_socket, &json);
	yajl_gen_array_close(json.gen);
	render_incidents(&json, report);
	yajl_gen_map_close(json.gen);
	flush_line(&json);
	yajl_gen_free(json.gen);
}
