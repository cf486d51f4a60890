/*
 * render_perfetto.c: the run on a time line, in the JSON trace event format that ui.perfetto.dev and chrome://tracing
 * open.
 *
 * A process of the run is a process there, and each of its sockets a track with a slice for the life of the connection,
 * in it slices for the states that matter (the peer had closed, it was reset, ...), and instants for incidents and for
 * the operations that led to them. Arrows (flows) go to the peer's track where that was audited: from the connect to
 * the accept, and from the end that closed first to the moment when the other end could see it.
 *
 * Times begin with the run. A viewer holds all in memory, so there are limits, and what is left out is counted.
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/escape.h"
#include "analyzer/base/text.h"
#include "analyzer/format/json/report_json.h"
#include "analyzer/format/perfetto/perfetto.h"
#include "analyzer/report/incident_order.h"
#include "analyzer/report/message.h"
#include "analyzer/symbols/frames.h"
#include "analyzer/wording/names.h"

#define MAX_CLEAN_TRACKS 10000
#define MAX_INCIDENTS 50000

static void render_process(struct perfetto *perfetto, uint32_t index)
{
	const struct process *process = &perfetto->processes[index];
	char *program = names_program(process);
	uint32_t number = ++perfetto->last_number;
	uint64_t end = process->ended_ns ? process->ended_ns : 0;

	perfetto_name(perfetto, "process_name", index, number, text_format("%s (pid %d)", program, process->pid));
	perfetto_name(perfetto, "thread_name", index, number, text_copy("process"));
	perfetto_sort(perfetto, index, number);
	perfetto_slice(perfetto, index, number, "process", text_copy(names_process_end(process)),
		perfetto_ns(perfetto, process->trace, process->started_ns),
		end ? perfetto_ns(perfetto, process->trace, end) : perfetto->end_wall_ns - perfetto->begin_wall_ns);
	perfetto_end(perfetto);
	free(program);
}

/* --- Sockets ------------------------------------------------------------------------------------------------------ */

static void render_facts(struct json *json, const struct connection *connection)
{
	const struct trace_socket *record = &connection->record;

	json_open_object(json, "args");
	json_text(json, "socket", connection->id);
	json_text(json, "peer_socket", connection->peer_id);
	json_integer(json, "fd", record->fd);
	json_text(json, "origin", names_origin(record->origin));
	json_text(json, "end", names_socket_end(connection));
	json_number(json, "bytes_sent", record->bytes_sent);
	json_number(json, "bytes_received", record->bytes_received);
	json_number(json, "bytes_unacked_at_close", record->bytes_unacked_at_close);
	json_number(json, "writes", record->writes);
	json_close_object(json);
}

/* A state that lasts until the end of the socket. */
struct state {
	uint64_t since_ns;
	const char *name;
};

static int compare_states(const void *left, const void *right)
{
	const struct state *a = left;
	const struct state *b = right;

	return (a->since_ns > b->since_ns) - (a->since_ns < b->since_ns);
}

/* One within the other, as all end together. */
static void render_states(struct perfetto *perfetto, const struct connection *connection, uint32_t process,
	uint32_t number, uint64_t end_ns)
{
	const struct trace_socket *record = &connection->record;
	struct state states[] = {
		{record->peer_closed_ns, "the peer had closed"},
		{record->reset_ns, "reset"},
		{record->shutdown_ns, "shut down by the program"},
		{record->told_ns, "the program had been told"},
	};

	qsort(states, sizeof(states) / sizeof(states[0]), sizeof(states[0]), compare_states);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		uint64_t since = perfetto_ns(perfetto, connection->trace, states[i].since_ns);

		if (!states[i].since_ns || since >= end_ns)
			continue;
		perfetto_slice(perfetto, process, number, "state", text_copy(states[i].name), since, end_ns);
		perfetto_end(perfetto);
	}
}

/*
 * Arrows begin at every socket that has a peer, under its own name, and end where a peer has something to show for it:
 * where it was opened later (a connect begins before its accept but, where it did not wait, is recorded after it), and
 * where it could see that this end was closed.
 */
static void render_flows(struct perfetto *perfetto, const struct connection *connection, uint32_t process,
	uint32_t number, uint64_t end_ns)
{
	const struct trace_socket *record = &connection->record;
	const char *id = connection->id;
	const char *peer = connection->peer_id;
	bool opened_here = record->origin != TRACE_INHERITED && record->origin != TRACE_PASSED;
	uint64_t begin = perfetto_ns(perfetto, connection->trace, record->opened_ns);
	uint64_t own_end = record->shutdown_ns ? perfetto_ns(perfetto, connection->trace, record->shutdown_ns) : end_ns;

	if (!*peer)
		return;
	perfetto_flow(perfetto, true, process, number, "connect", id, begin);
	if (opened_here && record->opened_ns > connection->peer_opened_ns)
		perfetto_flow(perfetto, false, process, number, "connect", peer, begin);
	/* The very end of a slice is no longer in it. */
	perfetto_flow(
		perfetto, true, process, number, "close", id, own_end && own_end == end_ns ? own_end - 1 : own_end);
	if (record->peer_closed_ns)
		perfetto_flow(perfetto, false, process, number, "close", peer,
			perfetto_ns(perfetto, connection->trace, record->peer_closed_ns));
}

/* The number of a new track for a socket; 0 where there are so many that this one is left out. */
static uint32_t add_track(struct perfetto *perfetto, const struct connection *connection)
{
	bool has_incident = connection->record.flags & TRACE_SOCKET_HAS_INCIDENT;

	if (has_incident ? perfetto->track_count - perfetto->clean_tracks >= MAX_INCIDENTS
			 : perfetto->clean_tracks >= MAX_CLEAN_TRACKS)
		return 0;
	perfetto->clean_tracks += !has_incident;
	perfetto->tracks = text_grow(perfetto->tracks, perfetto->track_count, sizeof(*perfetto->tracks));
	perfetto->tracks[perfetto->track_count++] =
		(struct track){.trace = connection->trace, .ref = connection->ref, .number = ++perfetto->last_number};
	return perfetto->last_number;
}

static bool render_socket(const struct connection *visited, void *context)
{
	struct perfetto *perfetto = context;
	uint32_t process = (uint32_t)(visited->process - perfetto->processes);
	uint64_t begin = perfetto_ns(perfetto, visited->trace, visited->record.opened_ns);
	uint64_t end = perfetto_ns(perfetto, visited->trace, lifecycle_last_ns(visited));
	struct connection connection;
	uint32_t number = add_track(perfetto, visited);

	if (!number)
		return !ferror(perfetto->json.stream);
	connection = *visited;
	lifecycle_join(perfetto->report->lifecycle, &connection);
	end = end > begin ? end : begin + 1;
	perfetto_name(perfetto, "thread_name", process, number,
		text_format("fd %d, %s", connection.record.fd, connection.id));
	perfetto_sort(perfetto, process, number);
	perfetto_slice(perfetto, process, number, "connection", names_connection(&connection, "->"), begin, end);
	render_facts(&perfetto->json, &connection);
	perfetto_end(perfetto);
	render_states(perfetto, &connection, process, number, end);
	render_flows(perfetto, &connection, process, number, end);
	return !ferror(perfetto->json.stream);
}

/* --- Incidents ---------------------------------------------------------------------------------------------------- */

static int compare_tracks(const void *left, const void *right)
{
	const struct track *a = left;
	const struct track *b = right;

	if (a->trace != b->trace)
		return a->trace < b->trace ? -1 : 1;
	return (a->ref > b->ref) - (a->ref < b->ref);
}

/* The track of an incident's socket; 0 where it has none. */
static uint32_t track_of(const struct perfetto *perfetto, const struct incident *incident)
{
	struct track key = {.trace = incident->trace, .ref = incident->socket};
	const struct track *track;

	if (!perfetto->track_count)
		return 0;
	track = bsearch(&key, perfetto->tracks, perfetto->track_count, sizeof(key), compare_tracks);
	return track ? track->number : 0;
}

static void render_operations(struct perfetto *perfetto, const struct incident *incident,
	const struct trace_incident *record, uint32_t number, uint64_t *last_ns)
{
	struct json *json = &perfetto->json;

	for (uint32_t i = 0; i < record->history_count; i++) {
		const struct trace_operation *operation = &record->history[i];
		char name[17] = "";

		if (operation->t_ns <= *last_ns)
			continue;
		*last_ns = operation->t_ns;
		memcpy(name, operation->call, 16);
		perfetto_instant(perfetto, incident->process, number, "operation", name,
			perfetto_ns(perfetto, incident->trace, operation->t_ns));
		json_open_object(json, "args");
		report_json_result(json, operation);
		json_close_object(json);
		perfetto_end(perfetto);
	}
}

static void render_incident_facts(struct perfetto *perfetto, const struct view *view)
{
	const struct trace_incident *record = &view->story.record;
	const struct frame *place = frames_place(&view->write);
	struct json *json = &perfetto->json;
	char *words;

	json_open_object(json, "args");
	json_text(json, "id", view->story.id);
	json_owned_text(json, "title", escape_copy(view->title, strlen(view->title)));
	json_text(json, "severity", kinds_severity_name(view->incident->severity));
	json_text(json, "knowledge", kinds_knowledge_name(record->knowledge));
	json_text(json, "outcome", kinds_outcome_name(record->outcome));
	json_number(json, "count", record->count);
	json_number(json, "bytes_offered", record->bytes_offered);
	json_number(json, "bytes_lost", record->bytes_lost);
	if (place) {
		words = message_frame(place, perfetto->sources);
		json_owned_text(json, "place", escape_copy(words, strlen(words)));
		free(words);
	}
	json_close_object(json);
}

static void render_incident(struct perfetto *perfetto, const struct incident *incident, uint64_t *last_ns)
{
	uint32_t number = track_of(perfetto, incident);
	struct view view;

	if (view_load(perfetto->report, incident, &view)) {
		if (!number) {
			number = ++perfetto->last_number;
			perfetto_name(perfetto, "thread_name", incident->process, number,
				text_format("fd %d, closed", view.story.record.fd));
			perfetto_sort(perfetto, incident->process, number);
		}
		render_operations(perfetto, incident, &view.story.record, number, last_ns);
		perfetto_instant(perfetto, incident->process, number,
			incident->suppressed_by ? "suppressed" : "incident", view.kind->id,
			perfetto_ns(perfetto, incident->trace, view.story.record.first_ns));
		render_incident_facts(perfetto, &view);
		perfetto_end(perfetto);
		perfetto->incidents_shown++;
	}
	view_free(&view);
}

/* In the order of their sockets, so that what two incidents of one socket remember is shown once. */
static void render_incidents(struct perfetto *perfetto)
{
	size_t count;
	const struct incident *incidents = lifecycle_incidents(perfetto->report->lifecycle, &count);
	uint32_t *order = incident_order(perfetto->report->lifecycle, &count);
	const struct incident *before = NULL;
	uint64_t last_ns = 0;

	for (size_t i = 0; i < count && i < MAX_INCIDENTS && !ferror(perfetto->json.stream); i++) {
		const struct incident *incident = &incidents[order[i]];

		if (!before || before->trace != incident->trace || before->socket != incident->socket)
			last_ns = 0;
		render_incident(perfetto, incident, &last_ns);
		before = incident;
	}
	free(order);
}

static void render_other_data(struct perfetto *perfetto)
{
	struct json *json = &perfetto->json;
	uint64_t sockets = lifecycle_socket_count(perfetto->report->lifecycle);
	char digits[TEXT_DIGITS + 1];

	json_open_object(json, "otherData");
	json_text(json, "producer", "socksan " SOCKSAN_VERSION);
	/* As a string: viewers read numbers as doubles, which cannot hold it. */
	digits[text_digits(digits, perfetto->process_count ? perfetto->begin_wall_ns : 0)] = '\0';
	json_text(json, "begin_unix_ns", digits);
	json_number(json, "sockets_left_out", sockets - perfetto->track_count);
	json_number(json, "incidents_left_out", perfetto->incident_count - perfetto->incidents_shown);
	report_json_limits(json);
	json_close_object(json);
}

void render_perfetto(const struct report *report, FILE *stream, bool color)
{
	struct perfetto *perfetto = text_allocate(sizeof(*perfetto));
	struct json *json = &perfetto->json;

	(void)color;
	perfetto->report = report;
	perfetto->sources = sources_new();
	lifecycle_incidents(report->lifecycle, &perfetto->incident_count);
	perfetto_begin(perfetto, stream);
	json_open_object(json, NULL);
	json_text(json, "displayTimeUnit", "ns");
	json_open_list(json, "traceEvents");
	json_break(json);
	for (uint32_t i = 0; i < perfetto->process_count; i++)
		render_process(perfetto, i);
	lifecycle_each_socket(report->lifecycle, false, render_socket, perfetto);
	render_incidents(perfetto);
	json_close_list(json);
	render_other_data(perfetto);
	json_close_object(json);
	json_end(json);
	sources_free(perfetto->sources);
	free(perfetto->pids);
	free(perfetto->tracks);
	free(perfetto);
}
