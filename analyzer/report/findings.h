/*
 * findings.h: the incidents of an earlier report, as far as they can be recognised again: by fingerprint (group.h).
 *
 * They come from a report in JSON or JSON Lines, or from traces. What was suppressed there is left out, but for what
 * only a baseline suppressed: that is still there.
 */
#ifndef SOCKSAN_FINDINGS_H
#define SOCKSAN_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/trace/model.h"

/* What a report says of an incident that only its baseline suppresses. */
#define FINDINGS_BASELINE "baseline"

/* All incidents of one fingerprint. */
struct finding {
	uint64_t fingerprint;
	enum severity severity; /* of the worst */
	uint64_t count;
	char *kind;
	char *title; /* of the worst one */
	char *place; /* "reply (src/server.c:42)", empty where there is none */
	bool seen; /* findings_cover was asked about it */
};

struct findings;

struct findings *findings_new(void);
void findings_free(struct findings *findings);

/*
 * Reads a report, a trace, or a directory of traces. Returns false, having said why on standard error, where it is
 * none.
 */
bool findings_read(struct findings *findings, const char *path);

/* Adds one incident. The strings are copied. */
void findings_add(struct findings *findings, const struct finding *finding);

/*
 * Whether an incident like this was there: with that fingerprint, and as a problem; a note covers notes alone. Marks it
 * as seen.
 */
bool findings_cover(struct findings *findings, uint64_t fingerprint, enum severity severity);

/* All of them, worst first. The caller frees the list, not what it points to. */
struct finding **findings_list(const struct findings *findings, size_t *count);

/* A report's text; says what is wrong with it on standard error. Part of findings_read. */
bool findings_parse(struct findings *findings, const char *path, int descriptor);

#endif
