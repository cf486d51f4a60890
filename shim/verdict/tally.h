/*
 * tally.h: how many incidents there have been so far, for those who want to know as they happen: a test runner that
 * fails the test which caused one, an event loop that adds what it knows of the call it has just made.
 *
 * A program may ask for the numbers (socksan_incident_count). A language runtime that looks after every call of its own
 * gives us a page of its memory instead, in which we keep them: to look there costs it no call. Where everything lies
 * in it the build tells the runtime (scripts/python-table). The same page names what is running in the whole process,
 * as socksan_label does for a thread; it is read when there is an incident.
 *
 * Any thread, any signal handler; keeps errno.
 */
#ifndef SOCKSAN_TALLY_H
#define SOCKSAN_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/trace_format.h"

/*
 * The page: what the runtime's message began with, then the numbers, which we write, then the label, which it writes.
 */
struct tally_page {
	char message[64];
	uint64_t events; /* bad writes and closes, each of an incident's count; those that were taken back left out */
	/* Of them, by kind and enum trace_severity: how severe its incident is by what is known so far. */
	uint64_t by_kind[TRACE_KINDS_END][TRACE_SEVERITIES];
	uint32_t label_turn; /* grows by one before and after each change: odd while the label is being written */
	uint32_t label_length; /* 0: nothing is running */
	char label[256];
};

_Static_assert(
	offsetof(struct tally_page, by_kind) == offsetof(struct tally_page, events) + 8, "one array for a runtime");

/*
 * Keeps the numbers in `page` from here on, until it is given back, or stops doing so (NULL). The first to come stays:
 * returns whether `page` is now the one in use, or none is where it is NULL.
 */
bool tally_use(struct tally_page *page);

/* One more write or close of this incident, whose call is over; or it was taken back with all of them. */
void tally_count(struct trace_incident *incident);
void tally_take_back(const struct trace_incident *incident);

/*
 * `count` calls that were counted while the incident was `before` are by now what its record says. Not so where
 * something else is running than when it began: a test that is over has been judged, and the next one is not to blame.
 */
void tally_move(const struct trace_incident *incident, enum trace_severity before, uint64_t count);

/* `events`, whoever keeps them. */
uint64_t tally_events(void);

/*
 * The incidents that this thread counted in when there had been more than `since` events: the n-th of them, newest
 * first, NULL where there is none. Only the last few are known.
 */
struct trace_incident *tally_recent(uint64_t since, unsigned n);

/* What is running: as this thread has said (socksan_label), or else as the page has it. A text in the trace, or 0. */
trace_ref tally_label(void);

#endif
