/* stack_store.h: stacks in the trace, each of them once. Part of backtrace.c, which takes them. */
#ifndef SOCKSAN_STACK_STORE_H
#define SOCKSAN_STACK_STORE_H

#include <stdint.h>

#include "shim/trace_format.h"

/* A stack as it was captured: return addresses, the innermost first, and what an interpreter said of its own frames. */
struct capture {
	void **frames;
	int count;
	const char *text; /* NULL where it said nothing */
	uint32_t text_length;
};

/*
 * Finds the same stack in the trace, or adds it, and with it the modules that it goes through. Returns 0 where the
 * trace has no room left. From any thread and any signal handler: nothing waits. Threads that come with the same stack
 * at the same time get the same reference.
 */
trace_ref stack_store(const struct capture *capture);

/* In a forked child, whose trace is another one and has no stacks yet. */
void stack_store_forked(void);

#endif
