/*
 * sarif_result.c: see sarif_result.h.
 *
 * The primary location is where a reader should begin; the code flow goes from the opening of the connection by way of
 * the telling to the write, in the order of time, and each of its steps is a related location, too, since some viewers
 * show only those. A frame without a source line is located in its module, by address.
 */
#include "analyzer/format/ci/sarif_result.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyzer/base/escape.h"
#include "analyzer/base/text.h"
#include "analyzer/report/message.h"
#include "analyzer/symbols/frames.h"
#include "analyzer/wording/names.h"

#define MAX_FRAMES 40 /* of a stack; services take a thousand locations a result */
#define MAX_STEPS 6

void sarif_message(struct json *json, const char *name, char *string)
{
	json_open_object(json, name);
	json_owned_text(json, "text", string);
	json_close_object(json);
}

void sarif_time(struct json *json, const char *name, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	char words[40];
	struct tm utc;
	size_t length;

	if (!wall_ns || !gmtime_r(&seconds, &utc))
		return;
	length = strftime(words, sizeof(words), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(words + length, sizeof(words) - length, ".%03uZ", (unsigned)(wall_ns / 1000000 % 1000));
	json_text(json, name, words);
}

static void put_artifact(struct sarif *sarif, const char *file)
{
	bool inside;
	char *path = sources_path(sarif->sources, file, &inside);

	json_open_object(&sarif->json, "artifactLocation");
	json_owned_text(&sarif->json, "uri", source_uri(path));
	if (inside)
		json_text(&sarif->json, "uriBaseId", "%SRCROOT%");
	json_close_object(&sarif->json);
	free(path);
}

static void put_physical_location(struct sarif *sarif, const struct frame *frame)
{
	struct json *json = &sarif->json;

	if (!source_is_file(frame->file) && !*frame->module)
		return;
	json_open_object(json, "physicalLocation");
	if (source_is_file(frame->file) && frame->line > 0) {
		put_artifact(sarif, frame->file);
		json_open_object(json, "region");
		json_integer(json, "startLine", frame->line);
		json_close_object(json);
	} else {
		put_artifact(sarif, *frame->module ? frame->module : frame->file);
		if (frame->offset) {
			json_open_object(json, "address");
			json_number(json, "relativeAddress", frame->offset);
			json_close_object(json);
		}
	}
	json_close_object(json);
}

static void put_logical_location(struct json *json, const struct frame *frame)
{
	if (!*frame->function)
		return;
	json_open_list(json, "logicalLocations");
	json_open_object(json, NULL);
	json_owned_text(json, "fullyQualifiedName", escape_copy(frame->function, strlen(frame->function)));
	json_text(json, "kind", "function");
	json_close_object(json);
	json_close_list(json);
}

/* A location; `message` (which it takes) may be NULL, and `id` is below 0 where nothing refers to it. */
static void put_location(struct sarif *sarif, const char *name, const struct frame *frame, int id, char *message)
{
	struct json *json = &sarif->json;

	json_open_object(json, name);
	if (id >= 0)
		json_integer(json, "id", id);
	put_physical_location(sarif, frame);
	put_logical_location(json, frame);
	if (message)
		sarif_message(json, "message", message);
	json_close_object(json);
}

static void put_stack(struct sarif *sarif, const char *name, const char *words, const struct stack *stack)
{
	struct json *json = &sarif->json;
	size_t count = frames_count(stack);

	json_open_object(json, name);
	sarif_message(json, "message", text_copy(words));
	json_open_list(json, "frames");
	for (size_t i = 0; i < count && i < MAX_FRAMES; i++) {
		json_open_object(json, NULL);
		put_location(sarif, "location", &stack->frames[i], -1, NULL);
		if (*stack->frames[i].module)
			json_owned_text(
				json, "module", escape_copy(stack->frames[i].module, strlen(stack->frames[i].module)));
		json_close_object(json);
	}
	json_close_list(json);
	json_close_object(json);
}

/* --- What led to it, step by step --------------------------------------------------------------------------------- */

struct step {
	uint64_t t_ns;
	uint32_t trace; /* whose clock that is */
	const struct stack *stack;
	const char *kind; /* of SARIF's words for what a step does */
	char *words;
	bool is_write;
};

static void add_step(struct step *steps, size_t *count, struct step step)
{
	size_t at = *count;

	if (!step.stack->count) {
		free(step.words);
		return;
	}
	/* Kept in the order of time; what is known of no time stands before what follows it. */
	while (at && step.t_ns && steps[at - 1].t_ns > step.t_ns) {
		steps[at] = steps[at - 1];
		at--;
	}
	steps[at] = step;
	++*count;
}

static char *own_end_words(const struct trace_incident *record)
{
	return text_copy(record->kind == TRACE_WRITE_AFTER_SHUTDOWN ? "the program shut down its writing half here"
								    : "the program closed the descriptor here");
}

static size_t find_steps(const struct view *view, struct step steps[MAX_STEPS])
{
	const struct story *story = &view->story;
	const struct trace_incident *record = &story->record;
	uint32_t trace = view->incident->trace;
	size_t count = 0;

	add_step(steps, &count,
		(struct step){story->has_socket ? story->socket.record.opened_ns : 0, trace, &view->opened, "acquire",
			text_format("the connection was opened here (%s)",
				names_origin(story->has_socket ? story->socket.record.origin : TRACE_SOCKET_CALL)),
			false});
	add_step(steps, &count,
		(struct step){record->disconnect_ns, trace, &view->closed, "release", own_end_words(record), false});
	add_step(steps, &count,
		(struct step){story->has_other ? story->other.record.opened_ns : 0, trace, &view->new_owner, "acquire",
			text_copy("the descriptor's number was given to another owner here"), false});
	if (story->has_peer)
		add_step(steps, &count,
			(struct step){story->peer_ended_ns, story->peer.trace, &view->peer_closed, "release",
				text_format("the peer (pid %d) %s its end here", story->peer.process->pid,
					story->peer_shut_down ? "shut down" : "closed"),
				false});
	if (record->knowledge == TRACE_TOLD)
		add_step(steps, &count,
			(struct step){record->told_ns, trace, &view->told, "caution",
				text_format("%.16s told the program here", record->told_call), false});
	add_step(steps, &count,
		(struct step){record->first_ns, trace, &view->write, "danger",
			text_format("%.16s, which this is about", record->call), true});
	return count;
}

static void put_step(struct sarif *sarif, const struct step *step, size_t number)
{
	struct json *json = &sarif->json;
	const struct lifecycle *lifecycle = sarif->report->lifecycle;

	json_open_object(json, NULL);
	put_location(sarif, "location", frames_place(step->stack), -1, escape_copy(step->words, strlen(step->words)));
	put_stack(sarif, "stack", step->is_write ? "the call" : "how it came there", step->stack);
	json_open_list(json, "kinds");
	json_text(json, NULL, step->kind);
	json_close_list(json);
	json_text(json, "importance", step->is_write ? "essential" : "important");
	json_number(json, "executionOrder", number + 1);
	if (step->t_ns)
		sarif_time(json, "executionTimeUtc", lifecycle_wall_ns(lifecycle, step->trace, step->t_ns));
	json_close_object(json);
}

static void put_flow(struct sarif *sarif, const struct step *steps, size_t count)
{
	struct json *json = &sarif->json;

	if (count < 2)
		return;
	json_open_list(json, "codeFlows");
	json_open_object(json, NULL);
	json_open_list(json, "threadFlows");
	json_open_object(json, NULL);
	json_open_list(json, "locations");
	for (size_t i = 0; i < count; i++)
		put_step(sarif, &steps[i], i);
	json_close_list(json);
	json_close_object(json);
	json_close_list(json);
	json_close_object(json);
	json_close_list(json);
}

static void put_related(struct sarif *sarif, const struct step *steps, size_t count)
{
	int id = 0;

	json_open_list(&sarif->json, "relatedLocations");
	for (size_t i = 0; i < count; i++)
		if (!steps[i].is_write)
			put_location(sarif, NULL, frames_place(steps[i].stack), ++id,
				escape_copy(steps[i].words, strlen(steps[i].words)));
	json_close_list(&sarif->json);
}

/* --- The result --------------------------------------------------------------------------------------------------- */

static void put_fingerprint(struct json *json, const struct incident *incident)
{
	char digits[24];

	json_open_object(json, "partialFingerprints");
	snprintf(digits, sizeof(digits), "%016" PRIx64, incident->fingerprint);
	json_text(json, "socksanFingerprint/v1", digits);
	/* GitHub compares alerts by this one, which it reads as a hash and the number of its occurrence in the file. */
	strcat(digits, ":1");
	json_text(json, "primaryLocationLineHash", digits);
	json_close_object(json);
}

static void put_properties(struct json *json, const struct view *view, const struct group *group, uint64_t bytes_lost)
{
	const struct story *story = &view->story;
	const struct trace_incident *record = &story->record;
	char *program = names_program(story->process);

	json_open_object(json, "properties");
	json_text(json, "knowledge", kinds_knowledge_name(record->knowledge));
	json_text(json, "outcome", kinds_outcome_name(record->outcome));
	json_errno(json, "errno", record->error);
	json_text(json, "sigpipe", kinds_sigpipe_name(record->sigpipe));
	json_number(json, "incidents", group->count);
	json_number(json, "bytesLost", bytes_lost);
	json_owned_text(json, "program", escape_copy(program, strlen(program)));
	json_owned_text(json, "label", escape_copy(story->label.length ? story->label.bytes : "", story->label.length));
	if (story->has_socket) {
		char *local = names_endpoint(&story->socket.local);
		char *peer = names_endpoint(&story->socket.peer);

		json_text(json, "protocol", names_protocol(story->socket.record.protocol));
		json_owned_text(json, "local", escape_copy(local, strlen(local)));
		json_owned_text(json, "peer", escape_copy(peer, strlen(peer)));
		free(local);
		free(peer);
	}
	json_close_object(json);
	free(program);
}

/* Of the results of a run all or none have this list. */
static void put_suppressions(struct sarif *sarif, const struct incident *incident)
{
	const struct suppression *suppression = report_suppression(sarif->report, incident);
	struct json *json = &sarif->json;

	if (!sarif->report->groups.suppressed)
		return;
	json_open_list(json, "suppressions");
	if (suppression) {
		json_open_object(json, NULL);
		json_text(json, "kind", "external");
		json_text(json, "status", "accepted");
		json_owned_text(json, "justification",
			text_format("%s (%s, line %u)", suppression->text, suppression->file, suppression->line));
		json_close_object(json);
	}
	json_close_list(json);
}

/* Services want a file for everything: where no stack was taken, or the code came from none, that is the program. */
static void put_place(struct sarif *sarif, const struct view *view)
{
	struct text exe = view->story.process->exe;
	char *path = text_format("%.*s", (int)exe.length, exe.bytes ? exe.bytes : "");
	const struct frame *place = message_place(view);
	struct frame shown = place ? *place : (struct frame){.function = "", .file = "", .module = ""};

	if (!source_is_file(shown.file) && !*shown.module)
		shown.module = path;
	json_open_list(&sarif->json, "locations");
	put_location(sarif, NULL, &shown, -1, NULL);
	json_close_list(&sarif->json);
	free(path);
}

static void put_result(struct sarif *sarif, const struct view *view, const struct group *group)
{
	struct json *json = &sarif->json;
	size_t incident_count;
	const struct incident *incidents = lifecycle_incidents(sarif->report->lifecycle, &incident_count);
	struct step steps[MAX_STEPS];
	size_t count = find_steps(view, steps);
	uint64_t occurrences = 0;
	uint64_t lost = 0;

	for (size_t i = 0; i < group->count; i++) {
		occurrences += incidents[group->first + i].count;
		lost += incidents[group->first + i].bytes_lost;
	}
	json_open_object(json, NULL);
	json_text(json, "ruleId", view->kind->id);
	if (kinds_find(view->kind->id))
		json_number(json, "ruleIndex", view->incident->kind - 1u);
	json_text(json, "level", kinds_severity_name(view->incident->severity));
	sarif_message(json, "message", message_make(view, group, sarif->sources));
	put_place(sarif, view);
	put_fingerprint(json, view->incident);
	json_number(json, "occurrenceCount", occurrences);
	put_flow(sarif, steps, count);
	put_related(sarif, steps, count);
	put_suppressions(sarif, view->incident);
	put_properties(json, view, group, lost);
	json_close_object(json);
	json_break(json);
	for (size_t i = 0; i < count; i++)
		free(steps[i].words);
}

bool sarif_result(struct sarif *sarif, const struct group *group)
{
	size_t count;
	const struct incident *incidents = lifecycle_incidents(sarif->report->lifecycle, &count);
	struct view view;
	bool loaded = view_load(sarif->report, &incidents[group->first], &view);

	if (loaded)
		put_result(sarif, &view, group);
	view_free(&view);
	return loaded;
}
