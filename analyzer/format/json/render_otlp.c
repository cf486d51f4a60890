/*
 * render_otlp.c: incidents as OpenTelemetry log records, in the file format of the collector: each line is one request
 * of the OTLP protocol (ExportLogsServiceRequest as JSON), so that its otlpjsonfile receiver, or any OTLP/HTTP
 * endpoint, takes them.
 *
 * A process is a resource, an incident a log record; one more record says what the run as a whole covered, so that no
 * incidents can be told from no audit. Names of attributes are those of the semantic conventions where these have one.
 * 64-bit integers are strings, as protocol buffers have them in JSON.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "analyzer/base/error_names.h"
#include "analyzer/base/escape.h"
#include "analyzer/base/json.h"
#include "analyzer/base/limits.h"
#include "analyzer/base/text.h"
#include "analyzer/format/json/report_json.h"
#include "analyzer/format/text/text_coverage.h"
#include "analyzer/report/incident_order.h"
#include "analyzer/report/message.h"
#include "analyzer/report/render.h"
#include "analyzer/symbols/frames.h"
#include "analyzer/symbols/source.h"
#include "analyzer/wording/names.h"

#define RECORDS_IN_A_LINE 100 /* receivers bound the size of a request */

struct otlp {
	struct json json;
	const struct report *report;
	struct sources *sources;
	const struct process *processes;
	const struct incident *incidents;
	uint32_t process; /* index, of the line that is open */
	size_t records; /* in the line that is open; 0: none is */
	bool has_lines;
};

/* How grave a record is: numbers and names of the log data model. */
static const struct {
	int number;
	const char *text;
} severities[SEVERITIES] = {
	[SEVERITY_NOTE] = {9, "INFO"},
	[SEVERITY_WARNING] = {13, "WARN"},
	[SEVERITY_ERROR] = {17, "ERROR"},
};

static void put_string(struct json *json, const char *key, const char *bytes, size_t length)
{
	if (!length)
		return;
	json_open_object(json, NULL);
	json_text(json, "key", key);
	json_open_object(json, "value");
	json_bytes(json, "stringValue", bytes, length);
	json_close_object(json);
	json_close_object(json);
}

static void put_text(struct json *json, const char *key, const char *text)
{
	put_string(json, key, text, strlen(text));
}

static void put_owned(struct json *json, const char *key, char *text)
{
	put_text(json, key, text);
	free(text);
}

static void put_digits(struct json *json, const char *name, uint64_t value)
{
	char digits[TEXT_DIGITS];

	json_bytes(json, name, digits, text_digits(digits, value));
}

static void put_number(struct json *json, const char *key, uint64_t value)
{
	json_open_object(json, NULL);
	json_text(json, "key", key);
	json_open_object(json, "value");
	put_digits(json, "intValue", value);
	json_close_object(json);
	json_close_object(json);
}

static void put_arguments(struct json *json, struct text arguments)
{
	size_t length;

	if (!arguments.length)
		return;
	json_open_object(json, NULL);
	json_text(json, "key", "process.command_args");
	json_open_object(json, "value");
	json_open_object(json, "arrayValue");
	json_open_list(json, "values");
	for (size_t i = 0; i < arguments.length; i += length + 1) {
		length = strnlen(arguments.bytes + i, arguments.length - i);
		json_open_object(json, NULL);
		json_bytes(json, "stringValue", arguments.bytes + i, length);
		json_close_object(json);
	}
	json_close_list(json);
	json_close_object(json);
	json_close_object(json);
	json_close_object(json);
}

/* --- Lines -------------------------------------------------------------------------------------------------------- */

static void open_resource(struct json *json)
{
	json_open_object(json, NULL);
	json_open_list(json, "resourceLogs");
	json_open_object(json, NULL);
	json_open_object(json, "resource");
	json_open_list(json, "attributes");
}

static void open_records(struct json *json)
{
	json_close_list(json);
	json_close_object(json);
	json_open_list(json, "scopeLogs");
	json_open_object(json, NULL);
	json_open_object(json, "scope");
	json_text(json, "name", "socksan");
	json_text(json, "version", SOCKSAN_VERSION);
	json_close_object(json);
	json_open_list(json, "logRecords");
}

static void begin_line(struct otlp *otlp, uint32_t number)
{
	struct json *json = &otlp->json;
	const struct process *process = &otlp->processes[number];

	if (otlp->has_lines)
		json_next(json);
	otlp->has_lines = true;
	otlp->process = number;
	open_resource(json);
	put_owned(json, "service.name", names_program(process));
	put_number(json, "process.pid", (uint32_t)process->pid);
	put_number(json, "process.parent_pid", (uint32_t)process->ppid);
	put_string(json, "process.executable.path", process->exe.bytes, process->exe.length);
	put_arguments(json, process->argv);
	open_records(json);
}

static void end_line(struct otlp *otlp)
{
	struct json *json = &otlp->json;

	json_close_list(json); /* logRecords */
	json_close_object(json);
	json_close_list(json); /* scopeLogs */
	json_close_object(json);
	json_close_list(json); /* resourceLogs */
	json_close_object(json);
	otlp->records = 0;
}

/* --- Records ------------------------------------------------------------------------------------------------------ */

static void begin_record(struct json *json, uint64_t wall_ns, enum severity severity, const char *event)
{
	json_open_object(json, NULL);
	put_digits(json, "timeUnixNano", wall_ns);
	put_digits(json, "observedTimeUnixNano", wall_ns);
	json_integer(json, "severityNumber", severities[severity].number);
	json_text(json, "severityText", severities[severity].text);
	json_text(json, "eventName", event);
}

/* Takes the words, and begins the attributes. */
static void put_body(struct json *json, char *words)
{
	json_open_object(json, "body");
	json_owned_text(json, "stringValue", words);
	json_close_object(json);
	json_open_list(json, "attributes");
}

static void end_record(struct json *json)
{
	json_close_list(json);
	json_close_object(json);
}

static const char *transport(unsigned protocol)
{
	return protocol == TRACE_TCP ? "tcp" : protocol == TRACE_UDP ? "udp" : protocol == TRACE_OTHER ? "" : "unix";
}

static void put_connection(struct json *json, const struct connection *connection)
{
	uint16_t family = connection->local.family ? connection->local.family : connection->peer.family;

	put_text(json, "socksan.socket", connection->id);
	put_text(json, "socksan.peer_socket", connection->peer_id);
	put_text(json, "network.transport", transport(connection->record.protocol));
	put_text(json, "network.type", family == AF_INET ? "ipv4" : family == AF_INET6 ? "ipv6" : "");
	put_owned(json, "network.local.address", names_address(&connection->local));
	if (connection->local.port)
		put_number(json, "network.local.port", connection->local.port);
	put_owned(json, "network.peer.address", names_address(&connection->peer));
	if (connection->peer.port)
		put_number(json, "network.peer.port", connection->peer.port);
}

static void put_stacktrace(struct otlp *otlp, const struct stack *stack)
{
	struct text_buffer buffer;
	FILE *stream = text_open(&buffer);

	for (size_t i = 0; i < frames_count(stack); i++) {
		char *words = message_frame(&stack->frames[i], otlp->sources);

		fputs(i ? "\n" : "", stream);
		escape_write(stream, words, strlen(words));
		free(words);
	}
	put_owned(&otlp->json, "code.stacktrace", text_close(&buffer));
}

static void put_code(struct otlp *otlp, const struct view *view)
{
	struct json *json = &otlp->json;
	const struct frame *place = frames_place(&view->write);
	bool inside;

	if (!place)
		return;
	put_text(json, "code.function.name", place->function);
	if (*place->file && place->line > 0) {
		put_owned(json, "code.file.path", sources_path(otlp->sources, place->file, &inside));
		put_number(json, "code.line.number", (uint64_t)place->line);
	}
	put_stacktrace(otlp, &view->write);
}

static void put_verdict(struct json *json, const struct view *view)
{
	const struct trace_incident *record = &view->story.record;
	char buffer[24];

	put_text(json, "socksan.id", view->story.id);
	snprintf(buffer, sizeof(buffer), "%016" PRIx64, view->incident->fingerprint);
	put_text(json, "socksan.fingerprint", buffer);
	put_text(json, "socksan.kind", view->kind->id);
	put_text(json, "socksan.knowledge", kinds_knowledge_name(record->knowledge));
	put_text(json, "socksan.outcome", kinds_outcome_name(record->outcome));
	put_text(json, "socksan.severity", kinds_severity_name(view->incident->severity));
	put_text(json, "socksan.sigpipe", kinds_sigpipe_name(record->sigpipe));
	put_string(json, "socksan.call", record->call, strnlen(record->call, sizeof(record->call)));
	if (record->knowledge == TRACE_TOLD)
		put_string(json, "socksan.told_by", record->told_call,
			strnlen(record->told_call, sizeof(record->told_call)));
	put_number(json, "socksan.count", record->count);
	put_number(json, "socksan.bytes_offered", record->bytes_offered);
	put_number(json, "socksan.bytes_accepted", record->bytes_accepted);
	put_number(json, "socksan.bytes_lost", record->bytes_lost);
	put_text(json, "error.type", error_text(record->error, buffer));
	put_number(json, "thread.id", (uint32_t)record->tid);
	put_string(json, "thread.name", record->thread_name, strnlen(record->thread_name, 16));
	put_string(json, "test.case.name", view->story.label.bytes, view->story.label.length);
}

static void render_incident(struct otlp *otlp, const struct incident *incident)
{
	struct json *json = &otlp->json;
	struct view view;

	if (view_load(otlp->report, incident, &view)) {
		if (otlp->records && (otlp->process != incident->process || otlp->records == RECORDS_IN_A_LINE))
			end_line(otlp);
		if (!otlp->records++)
			begin_line(otlp, incident->process);
		begin_record(json,
			lifecycle_wall_ns(otlp->report->lifecycle, incident->trace, view.story.record.first_ns),
			incident->severity, "socksan.incident");
		put_body(json, text_copy(view.title));
		put_verdict(json, &view);
		if (view.story.has_socket)
			put_connection(json, &view.story.socket);
		put_code(otlp, &view);
		end_record(json);
	}
	view_free(&view);
}

/* When the last process ended, or was last seen. */
static uint64_t last_moment(const struct otlp *otlp, size_t count)
{
	uint64_t last = 0;

	for (size_t i = 0; i < count; i++) {
		const struct process *process = &otlp->processes[i];
		uint64_t ns = process->ended_ns ? process->ended_ns : process->started_ns;
		uint64_t wall = lifecycle_wall_ns(otlp->report->lifecycle, process->trace, ns);

		last = wall > last ? wall : last;
	}
	return last;
}

static void render_summary(struct otlp *otlp, size_t process_count)
{
	struct json *json = &otlp->json;
	const struct report *report = otlp->report;
	const struct report_json_count *count;
	char *audited = text_coverage_audited(report);
	bool whole = text_coverage_is_whole(report);
	size_t limit = 0;

	if (otlp->has_lines)
		json_next(json);
	open_resource(json);
	put_text(json, "service.name",
		report->facts && report->facts->argv && report->facts->argv[0] ? text_basename(report->facts->argv[0])
									       : "socksan");
	open_records(json);
	begin_record(
		json, last_moment(otlp, process_count), whole ? SEVERITY_NOTE : SEVERITY_WARNING, "socksan.summary");
	put_body(json, text_format("audited %s%s", audited, whole ? "" : "; not everything was audited"));
	for (size_t at = 0; (count = report_json_count(at)); at++)
		put_number(json, count->attribute, report_json_count_of(count, &report->summary));
	for (char *words; (words = limits_next(&limit)); free(words))
		put_text(json, "socksan.limit", words);
	end_record(json);
	end_line(otlp);
	free(audited);
}

void render_otlp(const struct report *report, FILE *stream, bool color)
{
	struct otlp *otlp = text_allocate(sizeof(*otlp));
	size_t process_count;
	size_t count;
	uint32_t *order = incident_order(report->lifecycle, &count);

	(void)color;
	otlp->report = report;
	otlp->sources = sources_new();
	otlp->processes = lifecycle_processes(report->lifecycle, &process_count);
	otlp->incidents = lifecycle_incidents(report->lifecycle, &count);
	json_begin(&otlp->json, stream);
	for (size_t i = 0; i < count && !ferror(stream); i++)
		if (!otlp->incidents[order[i]].suppressed_by)
			render_incident(otlp, &otlp->incidents[order[i]]);
	if (otlp->records)
		end_line(otlp);
	render_summary(otlp, process_count);
	json_end(&otlp->json);
	sources_free(otlp->sources);
	free(order);
	free(otlp);
}
