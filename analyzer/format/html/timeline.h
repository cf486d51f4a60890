/*
 * timeline.h: one incident as a sequence of moments, at both ends of the connection, in the order of time.
 *
 * What the trace remembers of a connection: how it began, its last operations, when its end was there to be seen, when
 * the program was told, what the program did about it, and the same of the peer where that was audited.
 */
#ifndef SOCKSAN_TIMELINE_H
#define SOCKSAN_TIMELINE_H

#include "analyzer/report/render.h"
#include "analyzer/symbols/source.h"

enum moment_type {
	MOMENT_OPENED,
	MOMENT_RECEIVED,
	MOMENT_SENT,
	MOMENT_CALL, /* any other operation */
	MOMENT_END_SEEN, /* the peer's FIN or close was there */
	MOMENT_RESET_SEEN,
	MOMENT_TOLD,
	MOMENT_SHUTDOWN,
	MOMENT_CLOSED,
	MOMENT_TAKEN, /* the descriptor's number was given to another owner */
	MOMENT_INCIDENT,
};

struct moment {
	uint64_t t_ns;
	enum moment_type type;
	bool at_peer;
	bool carried; /* bytes were accepted or received */
	char *words; /* "read(4096) = 40": what was called, or what was there to be seen */
	char *by; /* "reply (src/server.c:42)"; NULL where no stack was taken */
};

struct timeline {
	struct moment *moments;
	size_t count;
};

/* The caller frees it with timeline_free. */
void timeline_make(struct timeline *timeline, const struct view *view, const struct sources *sources);
void timeline_free(struct timeline *timeline);

#endif
