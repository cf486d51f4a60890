/*
 * render.h: what a renderer is given, and the table of renderers.
 *
 * One file for each format, render_NAME.c, one function and one row in format_table.h. Renderers see the report and
 * the model; what traces look like is none of their business. They write to a stream and look at nothing else that
 * could fail: the caller checks the stream once, at the end.
 */
#ifndef SOCKSAN_RENDER_H
#define SOCKSAN_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "analyzer/report/format_table.h"
#include "analyzer/report/group.h"
#include "analyzer/report/report.h"
#include "analyzer/report/suppress.h"
#include "analyzer/symbols/symbolize.h"
#include "analyzer/trace/lifecycle.h"
#include "analyzer/wording/kinds.h"

struct summary {
	uint64_t incidents[SEVERITIES]; /* by severity */
	uint64_t suppressed;
	uint64_t processes;
	uint64_t sockets; /* that were seen; those whose records were recycled included */
	uint64_t recycled;
	uint64_t writes; /* on sockets that have a record */
	uint64_t lost_records;
	uint64_t unaudited_processes;
};

struct report {
	const struct report_options *options;
	const struct run_facts *facts; /* NULL where the traces are all there is */
	struct lifecycle *lifecycle;
	struct symbolizer *symbolizer;
	struct groups groups;
	struct summary summary;
	struct escaped_process *unaudited; /* those of `facts`, then those whose traces cannot be read */
	size_t unaudited_count;
};

/* The rule that suppresses an incident, or NULL. */
const struct suppression *report_suppression(const struct report *report, const struct incident *incident);

/* One incident, ready to be shown. */
struct view {
	const struct incident *incident;
	const struct kind *kind;
	struct story story;
	char *title;
	struct stack write;
	struct stack told;
	struct stack closed;
	struct stack opened;
	struct stack new_owner;
	struct stack peer_closed;
};

/* Fills in `view`, which the caller frees. False where the trace changed meanwhile and the incident cannot be read. */
bool view_load(const struct report *report, const struct incident *incident, struct view *view);
void view_free(struct view *view);

struct renderer {
	const char *name;
	/* `color` says whether `stream` is to be coloured; only formats for terminals look at it. */
	void (*render)(const struct report *report, FILE *stream, bool color);
};

#define FORMAT(id, about) void render_##id(const struct report *report, FILE *stream, bool color);
FORMATS(FORMAT)
#undef FORMAT

#endif
