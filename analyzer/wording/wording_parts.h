/*
 * wording_parts.h: what the sentences about an incident are made of. Only the files of wording.h include it.
 */
#ifndef SOCKSAN_WORDING_PARTS_H
#define SOCKSAN_WORDING_PARTS_H

#include <stdbool.h>

#include "analyzer/trace/lifecycle.h"

/* "2.4 ms " or nothing, where the earlier time is not known or not earlier. `buffer` has TEXT_NUMBER_BYTES. */
const char *wording_gap(char *buffer, uint64_t from_ns, uint64_t to_ns);

bool wording_is_tcp(const struct story *story);

/* Whether it came to light through writes that nothing had been wrong with when they were made. */
bool wording_is_afterwards(const struct trace_incident *record);

/*
 * What ended the connection: now, as what lay in the past, and as what it makes of the connection ("the peer closed",
 * "the peer had closed", "whose peer had closed").
 */
struct wording_event {
	const char *now;
	const char *past;
	const char *which;
};

struct wording_event wording_event(const struct story *story);

/* When the connection had ended: as first observed from this end, or earlier, as the audited peer did it. */
uint64_t wording_ended_ns(const struct story *story);

/* How the program was told of the end. */
struct wording_telling {
	const char *what; /* of what, as far as that call can have told: "the peer closed" */
	const struct trace_operation *operation; /* the call, where the flight recorder still has it; else NULL */
};

struct wording_telling wording_telling(const struct story *story);

/* How a connection ends that ends with this error: "was reset", "timed out". */
const char *wording_end_by(int error);

#endif
