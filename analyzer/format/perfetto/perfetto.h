/*
 * perfetto.h: events of the JSON trace event format, one a line.
 *
 * Processes go by their index in the report, tracks by a number that is unique in the file, and times are nanoseconds
 * since the run began.
 */
#ifndef SOCKSAN_PERFETTO_H
#define SOCKSAN_PERFETTO_H

#include "analyzer/base/json.h"
#include "analyzer/report/render.h"
#include "analyzer/symbols/source.h"
#include "analyzer/trace/lifecycle.h"

/* A socket that has a track; in the order of (trace, ref). */
struct track {
	uint32_t trace;
	trace_ref ref;
	uint32_t number;
};

struct perfetto {
	struct json json;
	const struct report *report;
	struct sources *sources;
	const struct process *processes;
	size_t process_count;
	size_t incident_count;
	uint32_t *pids; /* by index of the process */
	uint64_t begin_wall_ns;
	uint64_t end_wall_ns;
	uint32_t last_number;
	struct track *tracks;
	size_t track_count;
	size_t clean_tracks;
	size_t incidents_shown;
};

/* Begins the JSON, and finds the processes, their pids and the time that the run took. */
void perfetto_begin(struct perfetto *perfetto, FILE *stream);

/* A time of a trace as nanoseconds since the run began. */
uint64_t perfetto_ns(const struct perfetto *perfetto, uint32_t trace, uint64_t t_ns);

/* What a process ("process_name") or a track ("thread_name") is called; takes the name. */
void perfetto_name(struct perfetto *perfetto, const char *what, uint32_t process, uint32_t number, char *name);

/* Tracks stand in the order of their numbers. */
void perfetto_sort(struct perfetto *perfetto, uint32_t process, uint32_t number);

/* A slice; its arguments may follow before perfetto_end. Takes the name. */
void perfetto_slice(struct perfetto *perfetto, uint32_t process, uint32_t number, const char *category, char *name,
	uint64_t begin_ns, uint64_t end_ns);

/* A moment; its arguments may follow before perfetto_end. */
void perfetto_instant(struct perfetto *perfetto, uint32_t process, uint32_t number, const char *category,
	const char *name, uint64_t t_ns);
void perfetto_end(struct perfetto *perfetto);

/* One end of an arrow. The ends belong together that have the same name and the same key. */
void perfetto_flow(struct perfetto *perfetto, bool is_start, uint32_t process, uint32_t number, const char *name,
	const char *key, uint64_t t_ns);

#endif
