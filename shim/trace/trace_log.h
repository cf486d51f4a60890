/*
 * trace_log.h: the crash-safe log of one process (the bytes are specified in trace_format.h).
 *
 * A record that was committed is in the file's page cache and survives the death of the process. Appending takes one
 * compare and swap: no lock, no descriptor, no allocation; it may be done from any thread and any signal handler.
 * Blocks are reserved before they are touched (MADV_POPULATE_WRITE, Linux 5.14), so a full disk is an error here and
 * not a SIGBUS there. What could not be recorded is counted.
 *
 * A forked child makes a file of its own at its first record; where it can make none (chroot, no descriptors left) its
 * records go into the file of its parent, whose mapping it inherited.
 */
#ifndef SOCKSAN_TRACE_LOG_H
#define SOCKSAN_TRACE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/trace_format.h"

/*
 * Makes the trace of this process where there is none yet. Returns whether there is one now. Creates and closes a file,
 * so call it after the program's own call that made a descriptor, never in a borrowed process.
 */
bool trace_log_open(void);

/* Whether there is a trace to append to. */
bool trace_log_is_open(void);

/*
 * Claims a zeroed record of `size` bytes (rounded up to 8); NULL where that cannot be, which has then been counted.
 * The caller fills it in and commits it.
 */
void *trace_log_claim(enum trace_type type, uint32_t size);

/* Reserves blocks for `bytes` more, as far as they fit: for a time when that will not be possible. */
void trace_log_reserve(uint64_t bytes);

/* Makes a claimed record valid. Returns its reference. */
trace_ref trace_log_commit(void *record);

/* Gives a claimed record up. */
void trace_log_void(void *record);

/*
 * This thread has left the frames below `frame` by a jump: records that they had half made are given up, and counted as
 * lost.
 */
void trace_log_leave(uintptr_t frame);

/* A reference as a pointer, NULL for 0, and back. */
void *trace_log_at(trace_ref ref);
trace_ref trace_log_ref(const void *record);

/*
 * The valid record of `type` and at least `size` bytes at a place that came from outside, NULL where it holds none.
 * That it is the one that was meant is the caller's to find out.
 */
void *trace_log_find(trace_ref ref, enum trace_type type, uint32_t size);

/* Appends text of `kind`. Returns 0 where it could not. */
trace_ref trace_log_text(enum trace_text_kind kind, const char *text, uint32_t length);

/* Counts a loss: in the process record, or until there is one in memory. */
void trace_log_lost(enum trace_loss why);

/*
 * Notes what is not watched, or not recorded, from now on in this process and its forked children: bits of enum
 * trace_coverage, and where there is more to say one line without its end, else "". They stand in the process record as
 * soon as there is one. The same line counts once; one that comes while another thread notes one, or that finds no
 * room, is left out.
 */
void trace_log_gap(uint32_t coverage, const char *line);

/* The process record; a stand-in before there is a trace, so never NULL. */
struct trace_process *trace_log_process(void);

/* Room in the log that is used, in 1/256: 256 means full. */
uint32_t trace_log_fill(void);

/*
 * The page at this address could not be touched. Where it is one of the trace, which somebody has truncated, memory
 * takes its place: what stood there is lost, and what is written there from now on. Returns whether it was. In a signal
 * handler.
 */
bool trace_log_replace(const void *address);

/* Called when a trace was mapped. Set once, by the layer above. */
extern void (*trace_log_mapped)(void) __attribute__((visibility("hidden")));

/* In a forked child: the parent's file is not ours. */
void trace_log_forked(void);

#endif
