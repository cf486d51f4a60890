/*
 * limits.h: how much of each costly thing one report may do, in all.
 *
 * What a trace says can make a reader work: names of files to open, addresses to look up, texts that are referred to a
 * thousand times. Each such cost has an allowance, which grows with what is read and with nothing else, so that a
 * report's time and memory are linear in its input. Where an allowance is spent the report goes on without, and says so
 * once.
 *
 * One count for the process, as a command makes one report.
 */
#ifndef SOCKSAN_LIMITS_H
#define SOCKSAN_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum limit {
	LIMIT_SYMBOLS, /* nanoseconds of processor time that looking up symbols takes */
	LIMIT_NAMES, /* bytes of names of functions and files that are kept */
	LIMIT_DEMANGLING, /* names that take too long, or become too long, to demangle */
	LIMIT_DEBUGINFOD, /* nanoseconds of waiting for debuginfod */
	LIMIT_PERF_MAPS, /* bytes of /tmp/perf-PID.map */
	LIMIT_SOURCES, /* bytes of source files */
	LIMIT_STACKS, /* bytes of stacks and texts that incidents share, each time that they are shown */
	LIMITS,
};

/* All allowances as they are at the start, and nothing spent. */
void limits_reset(void);

/* So many bytes of traces, or of files with symbols, are being read: allowances that depend on them grow. */
void limits_traces(uint64_t bytes);
void limits_images(uint64_t bytes);

/* Replaces an allowance. */
void limits_set(enum limit limit, uint64_t allowance);

/* Spends some of it; false, and the limit counts as met, where not as much is left. Then nothing is spent. */
bool limits_spend(enum limit limit, uint64_t amount);

/* Something was done that cost `amount`, whatever was left; what was missing makes the limit count as met. */
void limits_charge(enum limit limit, uint64_t amount);

/* Another output begins: what is spent for each of them is there again. */
void limits_refill(void);

uint64_t limits_left(enum limit limit);

/*
 * What the report has to say of a limit: "symbols: looked up for 3 s of processor time, the rest shows addresses". NULL
 * where it was not met. The caller frees it.
 */
char *limits_words(enum limit limit);

/* The same of the limits that were met, one after the other; `*at` is 0 at first. NULL: that was the last. */
char *limits_next(size_t *at);

#endif
