/*
 * kinds.h: the kinds of incident: their names, how grave they are, how they are worded, and what to do about them.
 *
 * The rows are those of shim/trace_kinds.h, their words one text file each. Reports and `socksan explain` take them
 * from here. The words claim what was observed and no more: that a peer's TCP acknowledged bytes, never that the peer
 * received them.
 */
#ifndef SOCKSAN_KINDS_H
#define SOCKSAN_KINDS_H

#include <stddef.h>
#include <stdio.h>

#include "analyzer/trace/model.h"

/* What analyzer/kinds/ID.txt says; scripts/kind-texts reads it at build time. */
struct kind_text {
	const char *summary; /* "the write came after ..." */
	/*
	 * What happened to the connection, as a clause: "the peer closed"; and as what lay in the past: "the peer had closed".
	 */
	const char *event;
	const char *past_event;
	const char *meaning; /* whole sentences, as `explain` prints them */
	const char *causes;
	const char *fix;
	const char *usually; /* the cause in one line of a report: of what the program had been told or did itself */
	const char *usually_untold; /* the same where the program had not been told; NULL = no difference */
	const char *usually_later; /* where it was found out only afterwards; NULL = no difference */
	const char *usually_delivered; /* where the bytes were acknowledged; NULL = no difference */
};

struct kind {
	const char *id; /* a contract: suppressions, reports and tests name it */
	enum severity told; /* severity by knowledge; kinds_severity has the whole rule */
	enum severity kernel;
	enum severity nobody;
	uint32_t columns; /* KIND_ bits of shim/trace_kinds.h */
	const struct kind_text *text;
};

/* All kinds, in the order of enum trace_kind. */
const struct kind *kinds_all(size_t *count);

/* The row of an enum trace_kind; one that says "unknown" for a kind that this version does not know. */
const struct kind *kinds_get(unsigned kind);

/* The row with this id, or NULL. */
const struct kind *kinds_find(const char *id);

/* The usual cause of an incident, in a line. */
const char *kinds_usually(const struct trace_incident *incident);

enum severity kinds_severity(const struct incident *incident);

const char *kinds_knowledge_name(unsigned knowledge);
const char *kinds_outcome_name(unsigned outcome);
const char *kinds_sigpipe_name(unsigned sigpipe);
const char *kinds_severity_name(enum severity severity);

#endif
