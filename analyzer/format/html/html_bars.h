/*
 * html_bars.h: which connections the overview of a run shows, and what is known of each.
 *
 * Of a very large run these are the connections with incidents, and of the others as many as a browser draws with ease;
 * how connections ended is counted of all.
 */
#ifndef SOCKSAN_HTML_BARS_H
#define SOCKSAN_HTML_BARS_H

#include "analyzer/format/html/html_page.h"

enum bar_end { END_OWN, END_PEER, END_RESET, END_OPEN, END_LISTENED, END_UNCONNECTED, ENDS };

struct bar {
	uint64_t process_begin_ns; /* processes stand in the order in which they began */
	uint32_t process; /* index */
	uint32_t trace;
	trace_ref ref;
	enum bar_end end;
	bool has_incident;
	uint64_t begin_ns; /* of the wall clock */
	uint64_t end_ns;
	char *title;
};

/* An incident to be reported, by its socket. */
struct dot {
	uint32_t trace;
	trace_ref socket;
	uint32_t group;
	enum severity severity;
	uint64_t wall_ns;
};

struct overview {
	const struct html_page *page;
	const struct process *processes;
	struct bar *bars; /* in the order of their processes and of time */
	size_t bar_count;
	size_t clean_bars; /* among them */
	struct dot *dots; /* in the order of (trace, socket, time) */
	size_t dot_count;
	uint64_t counts[ENDS]; /* of all sockets */
	uint64_t begin_ns; /* of the wall clock: what the bars span */
	uint64_t end_ns;
};

/* Frees with html_bars_free. */
void html_bars_find(struct overview *overview, const struct html_page *page);
void html_bars_free(struct overview *overview);

/* The next dot of a bar after `dot`, the first for NULL; NULL where there is none. */
const struct dot *html_bars_dot(const struct overview *overview, const struct bar *bar, const struct dot *dot);

/* "closed by the program" */
const char *html_bars_end(enum bar_end end);

#endif
