/*
 * first_stack.h: a thread's first stack, taken without allocating.
 *
 * unw_backtrace keeps a cache for each thread: the first time it runs in a thread, libc allocates that thread's copy of
 * libunwind's thread-local variables with malloc (glibc 2.36 elf/dl-tls.c allocate_dtv_entry), and the thread-specific data
 * too where many keys are in use. In a signal handler that has interrupted malloc that would wait for ever for a lock of
 * this very thread. So a thread's first stack is walked step by step, which needs neither; and only where the walk shows that no
 * signal handler is on the stack may the cache be made. Part of backtrace.c: to be called inside the unwinder only.
 */
#ifndef SOCKSAN_FIRST_STACK_H
#define SOCKSAN_FIRST_STACK_H

#include <stdbool.h>

/* Looks up in `library`, a handle of dlopen's, what the walk needs. Returns whether it is there. */
bool first_stack_find(void *library);

/*
 * Fills in at most `size` frames, the innermost first, and returns their number. `*interrupted` says whether a signal
 * handler is, or may be, on the stack: where it is false, allocating is as safe here as it is for the program.
 */
int first_stack_walk(void **frames, int size, bool *interrupted);

#endif
