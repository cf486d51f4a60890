/*
 * perfetto.c: see perfetto.h.
 */
#include "analyzer/format/perfetto/perfetto.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "analyzer/base/escape.h"
#include "analyzer/base/text.h"

#define FIRST_SPARE_PID 10000000 /* above any real one: for images of a pid that was shown already */

static uint64_t wall_ns(const struct perfetto *perfetto, uint32_t trace, uint64_t t_ns)
{
	return lifecycle_wall_ns(perfetto->report->lifecycle, trace, t_ns);
}

static void find_span(struct perfetto *perfetto)
{
	perfetto->begin_wall_ns = UINT64_MAX;
	for (size_t i = 0; i < perfetto->process_count; i++) {
		const struct process *process = &perfetto->processes[i];
		uint64_t begin = wall_ns(perfetto, process->trace, process->started_ns);
		uint64_t end = process->ended_ns ? wall_ns(perfetto, process->trace, process->ended_ns) : begin;

		if (begin < perfetto->begin_wall_ns)
			perfetto->begin_wall_ns = begin;
		if (end > perfetto->end_wall_ns)
			perfetto->end_wall_ns = end;
	}
}

uint64_t perfetto_ns(const struct perfetto *perfetto, uint32_t trace, uint64_t t_ns)
{
	uint64_t wall = wall_ns(perfetto, trace, t_ns);

	return wall > perfetto->begin_wall_ns ? wall - perfetto->begin_wall_ns : 0;
}

static int compare_pids(const void *left, const void *right, void *context)
{
	const struct process *processes = context;
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;

	if (processes[a].pid != processes[b].pid)
		return processes[a].pid < processes[b].pid ? -1 : 1;
	return (a > b) - (a < b);
}

/* Each process its own pid; where several have the same, all but the first another. */
static void give_pids(struct perfetto *perfetto)
{
	uint32_t *order = text_allocate(perfetto->process_count * sizeof(*order));

	perfetto->pids = text_allocate(perfetto->process_count * sizeof(*perfetto->pids));
	for (uint32_t i = 0; i < perfetto->process_count; i++)
		order[i] = i;
	qsort_r(order, perfetto->process_count, sizeof(*order), compare_pids, (void *)perfetto->processes);
	for (size_t i = 0; i < perfetto->process_count; i++) {
		int32_t pid = perfetto->processes[order[i]].pid;
		bool taken = i && perfetto->processes[order[i - 1]].pid == pid;

		perfetto->pids[order[i]] = taken ? FIRST_SPARE_PID + order[i] : (uint32_t)pid;
	}
	free(order);
}

static void begin_event(struct perfetto *perfetto, const char *phase, uint32_t process, uint32_t number)
{
	struct json *json = &perfetto->json;

	json_open_object(json, NULL);
	json_text(json, "ph", phase);
	json_number(json, "pid", perfetto->pids[process]);
	json_number(json, "tid", number);
}

void perfetto_end(struct perfetto *perfetto)
{
	json_close_object(&perfetto->json);
	json_break(&perfetto->json);
}

void perfetto_name(struct perfetto *perfetto, const char *what, uint32_t process, uint32_t number, char *name)
{
	struct json *json = &perfetto->json;

	begin_event(perfetto, "M", process, number);
	json_text(json, "name", what);
	json_open_object(json, "args");
	json_owned_text(json, "name", escape_copy(name, strlen(name)));
	json_close_object(json);
	perfetto_end(perfetto);
	free(name);
}

void perfetto_sort(struct perfetto *perfetto, uint32_t process, uint32_t number)
{
	struct json *json = &perfetto->json;

	begin_event(perfetto, "M", process, number);
	json_text(json, "name", "thread_sort_index");
	json_open_object(json, "args");
	json_number(json, "sort_index", number);
	json_close_object(json);
	perfetto_end(perfetto);
}

void perfetto_slice(struct perfetto *perfetto, uint32_t process, uint32_t number, const char *category, char *name,
	uint64_t begin_ns, uint64_t end_ns)
{
	struct json *json = &perfetto->json;

	begin_event(perfetto, "X", process, number);
	json_microseconds(json, "ts", begin_ns);
	json_microseconds(json, "dur", end_ns > begin_ns ? end_ns - begin_ns : 1);
	json_text(json, "cat", category);
	json_owned_text(json, "name", escape_copy(name, strlen(name)));
	free(name);
}

void perfetto_instant(struct perfetto *perfetto, uint32_t process, uint32_t number, const char *category,
	const char *name, uint64_t t_ns)
{
	struct json *json = &perfetto->json;

	begin_event(perfetto, "i", process, number);
	json_microseconds(json, "ts", t_ns);
	json_text(json, "s", "t");
	json_text(json, "cat", category);
	json_owned_text(json, "name", escape_copy(name, strlen(name)));
}

void perfetto_flow(struct perfetto *perfetto, bool is_start, uint32_t process, uint32_t number, const char *name,
	const char *key, uint64_t t_ns)
{
	struct json *json = &perfetto->json;
	char id[24];

	snprintf(id, sizeof(id), "0x%016llx", (unsigned long long)XXH3_64bits(key, strlen(key)));
	begin_event(perfetto, is_start ? "s" : "f", process, number);
	json_microseconds(json, "ts", t_ns);
	json_text(json, "cat", "connection");
	json_text(json, "name", name);
	json_text(json, "id", id);
	if (!is_start)
		json_text(json, "bp", "e"); /* to the slice around it, not to the next one */
	perfetto_end(perfetto);
}

void perfetto_begin(struct perfetto *perfetto, FILE *stream)
{
	perfetto->processes = lifecycle_processes(perfetto->report->lifecycle, &perfetto->process_count);
	find_span(perfetto);
	give_pids(perfetto);
	json_begin(&perfetto->json, stream);
}
