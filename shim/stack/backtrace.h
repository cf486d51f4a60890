/*
 * backtrace.h: the stack of the calling thread, as a reference into the trace. The frames come from unwinder.h.
 *
 * Any thread and signal handler; without malloc.
 */
#ifndef SOCKSAN_BACKTRACE_H
#define SOCKSAN_BACKTRACE_H

#include <stdint.h>

#include "shim/trace_format.h"

/*
 * Loads the unwinder, once in the life of an image. It allocates: call it where a socket is made, not where one is
 * used. Not where a signal handler makes the first one of all: the next socket that is made outside loads it then.
 */
void backtrace_load(void);

/* Unwinds once, so that this thread's later stacks allocate nothing. Cheap from the second call on. */
void backtrace_warm(void);

/*
 * Captures and stores the calling thread's stack without the shim's own frames. Returns 0 where there is none: no
 * unwinder, no room, or the unwinder was itself interrupted by the signal handler that we run in. Keeps errno.
 */
trace_ref backtrace_capture(void);

/*
 * Stores the stack that a runtime gave of itself: `text` alone, since the native frames below it are those of its way
 * to us. Without a text the same as backtrace_capture.
 */
trace_ref backtrace_capture_text(const char *text, uint32_t length);

/* In a forked child, whose trace names objects and stacks again. */
void backtrace_forked(void);

#endif
