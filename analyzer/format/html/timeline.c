/*
 * timeline.c: see timeline.h.
 */
#include "analyzer/format/html/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/error_names.h"
#include "analyzer/base/text.h"
#include "analyzer/report/message.h"
#include "analyzer/symbols/frames.h"
#include "analyzer/wording/names.h"

/* A call that tells the program is recorded twice, at slightly different times: as that, and as an operation. */
#define SAME_CALL_NS 1000000

struct maker {
	struct timeline *timeline;
	const struct view *view;
	const struct sources *sources;
};

static bool begins_with(const char *string, const char *prefix)
{
	return !strncmp(string, prefix, strlen(prefix));
}

/* Takes the words. */
static struct moment *add(
	struct maker *maker, enum moment_type type, uint64_t t_ns, char *words, const struct stack *stack)
{
	struct timeline *timeline = maker->timeline;
	const struct frame *place = stack ? frames_place(stack) : NULL;
	struct moment *moment;

	timeline->moments = text_grow(timeline->moments, timeline->count, sizeof(*timeline->moments));
	moment = &timeline->moments[timeline->count++];
	*moment = (struct moment){
		.t_ns = t_ns,
		.type = type,
		.words = words,
		.by = place ? message_frame(place, maker->sources) : NULL,
	};
	return moment;
}

static enum moment_type type_of_call(const char *call)
{
	static const char *const sending[] = {"write", "send", "pwrite", "sendfile", "splice", "fwrite", "fprintf",
		"dprintf", "fput", "put", "fflush", "__write", "__send", "uring_write", "uring_send", "uring_splice"};
	static const char *const receiving[] = {
		"read", "recv", "pread", "__read", "__recv", "fread", "fget", "uring_recv", "uring_read"};

	for (size_t i = 0; i < sizeof(sending) / sizeof(sending[0]); i++)
		if (begins_with(call, sending[i]))
			return MOMENT_SENT;
	for (size_t i = 0; i < sizeof(receiving) / sizeof(receiving[0]); i++)
		if (begins_with(call, receiving[i]))
			return MOMENT_RECEIVED;
	return MOMENT_CALL;
}

static char *operation_words(const struct trace_operation *operation, bool unfinished)
{
	char number[24];

	if (unfinished)
		return text_format("%.16s(%u) did not return", operation->call, operation->length);
	if (operation->result < 0)
		return text_format("%.16s(%u) = %s", operation->call, operation->length,
			error_text((int)-(int64_t)operation->result, number));
	return text_format("%.16s(%u) = %d", operation->call, operation->length, operation->result);
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* The operation of the history that is the call which told the program; history_count where none is. */
static uint32_t find_telling(const struct trace_incident *record)
{
	uint32_t found = record->history_count;
	uint64_t nearest = SAME_CALL_NS;

	if (record->knowledge != TRACE_TOLD || !record->told_ns)
		return found;
	for (uint32_t i = 0; i + 1 < record->history_count; i++) {
		const struct trace_operation *operation = &record->history[i];

		if (strncmp(operation->call, record->told_call, sizeof(operation->call)) ||
			distance(operation->t_ns, record->told_ns) >= nearest)
			continue;
		nearest = distance(operation->t_ns, record->told_ns);
		found = i;
	}
	return found;
}

static void add_operations(struct maker *maker)
{
	const struct trace_incident *record = &maker->view->story.record;
	const struct stack *told = &maker->view->told;
	uint32_t telling = find_telling(record);

	for (uint32_t i = 0; i < record->history_count; i++) {
		const struct trace_operation *operation = &record->history[i];
		bool is_last = i + 1 == record->history_count;
		const struct stack *stack;
		enum moment_type type = is_last        ? MOMENT_INCIDENT
					: i == telling ? MOMENT_TOLD
						       : type_of_call(operation->call);

		stack = type == MOMENT_INCIDENT ? &maker->view->write : type == MOMENT_TOLD ? told : NULL;
		add(maker, type, operation->t_ns,
			operation_words(operation, is_last && record->flags & TRACE_INCIDENT_IN_CALL), stack)
			->carried = operation->result > 0;
	}
	if (!record->history_count)
		add(maker, MOMENT_INCIDENT, record->first_ns, text_format("%.16s", record->call), &maker->view->write);
	if (telling == record->history_count && record->knowledge == TRACE_TOLD && record->told_ns)
		add(maker, MOMENT_TOLD, record->told_ns, text_format("%.16s", record->told_call), told);
}

static void add_socket(struct maker *maker)
{
	const struct view *view = maker->view;
	const struct trace_incident *incident = &view->story.record;
	const struct trace_socket *record = &view->story.socket.record;
	bool shut = incident->kind == TRACE_WRITE_AFTER_SHUTDOWN;
	bool is_stream = record->protocol == TRACE_TCP;

	if (record->opened_ns)
		add(maker, MOMENT_OPENED, record->opened_ns, text_copy(names_origin(record->origin)), &view->opened);
	if (record->peer_closed_ns)
		add(maker, MOMENT_END_SEEN, record->peer_closed_ns,
			text_copy(is_stream ? "the peer's FIN has arrived" : "the peer's end is seen"), NULL);
	if (record->reset_ns)
		add(maker, MOMENT_RESET_SEEN, record->reset_ns, text_copy("the connection has ended"), NULL);
	if (record->shutdown_ns)
		add(maker, MOMENT_SHUTDOWN, record->shutdown_ns, text_copy("shutdown"), shut ? &view->closed : NULL);
	if (record->closed_ns)
		add(maker, MOMENT_CLOSED, record->closed_ns, text_copy("close"),
			trace_kind_is(incident->kind, KIND_IS_MIX_UP) ? &view->closed : NULL);
}

static void add_peer(struct maker *maker)
{
	const struct view *view = maker->view;
	const struct trace_socket *record = &view->story.peer.record;

	if (record->opened_ns)
		add(maker, MOMENT_OPENED, record->opened_ns, text_copy(names_origin(record->origin)), NULL)->at_peer =
			true;
	if (record->shutdown_ns)
		add(maker, MOMENT_SHUTDOWN, record->shutdown_ns, text_copy("shutdown"), &view->peer_closed)->at_peer =
			true;
	if (record->closed_ns)
		add(maker, MOMENT_CLOSED, record->closed_ns, text_copy("close"),
			record->shutdown_ns ? NULL : &view->peer_closed)
			->at_peer = true;
	else if (!record->shutdown_ns && view->story.peer_ended_ns)
		add(maker, MOMENT_CLOSED, view->story.peer_ended_ns, text_copy("its process ended"), NULL)->at_peer =
			true;
}

/* Of what happened at the same moment, what led to the rest stands first. */
static int compare(const void *left, const void *right)
{
	const struct moment *a = left;
	const struct moment *b = right;

	if (a->t_ns != b->t_ns)
		return a->t_ns < b->t_ns ? -1 : 1;
	if (a->at_peer != b->at_peer)
		return a->at_peer ? -1 : 1;
	return (int)a->type - (int)b->type;
}

void timeline_make(struct timeline *timeline, const struct view *view, const struct sources *sources)
{
	struct maker maker = {.timeline = timeline, .view = view, .sources = sources};
	const struct story *story = &view->story;

	*timeline = (struct timeline){0};
	add_operations(&maker);
	if (story->has_socket)
		add_socket(&maker);
	else if (trace_kind_is(story->record.kind, KIND_IS_MIX_UP) && story->record.disconnect_ns)
		add(&maker, MOMENT_CLOSED, story->record.disconnect_ns, text_copy("close"), &view->closed);
	if (story->has_other && story->other.record.opened_ns)
		add(&maker, MOMENT_TAKEN, story->other.record.opened_ns,
			text_format("descriptor %d is reused", story->record.fd), &view->new_owner);
	if (story->has_peer)
		add_peer(&maker);
	qsort(timeline->moments, timeline->count, sizeof(*timeline->moments), compare);
}

void timeline_free(struct timeline *timeline)
{
	for (size_t i = 0; i < timeline->count; i++) {
		free(timeline->moments[i].words);
		free(timeline->moments[i].by);
	}
	free(timeline->moments);
}
