/*
 * trace_open.h: what trace_log.c, which appends, and trace_open.c, which makes the trace, share. Nobody else includes
 * it: what the others may call stands in trace_log.h.
 */
#ifndef SOCKSAN_TRACE_OPEN_H
#define SOCKSAN_TRACE_OPEN_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/trace/trace_file.h"
#include "shim/trace/trace_log.h"

enum log_state { LOG_NONE, LOG_OPENING, LOG_OPEN };

struct trace_log {
	uint32_t state;
	uint32_t attempts;
	int32_t opener; /* the thread that makes it */
	struct trace_file file;
	uint64_t cursor; /* the log is full of records up to here at least */
	struct trace_process *process;
	struct trace_file inherited; /* the parent's */
	bool told; /* said already why there is no trace */
	bool is_cut; /* somebody has truncated it */
};

extern struct trace_log the_log __attribute__((visibility("hidden")));

/* Counts until there is a process record. */
extern struct trace_process trace_log_unrecorded __attribute__((visibility("hidden")));

/* As trace_log_claim, of a multiple of 8 bytes, and while the trace is being made: a jump out of it is not followed. */
void *trace_log_claim_any(enum trace_type type, uint32_t size);

void trace_log_fill_text(struct trace_text *record, enum trace_text_kind kind, const char *text, uint32_t length);

#endif
