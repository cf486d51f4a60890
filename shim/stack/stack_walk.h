/*
 * stack_walk.h: a stack taken frame by frame, where unw_backtrace with its cache for each thread cannot be used.
 *
 * The first time in a thread, libc allocates that thread's copy of libunwind's thread-local variables with malloc
 * (glibc 2.36 elf/dl-tls.c allocate_dtv_entry), and the thread-specific data too where many keys are in use. In a
 * signal handler that has interrupted malloc that would wait for ever for a lock of this very thread. So a thread's
 * first stack is walked, which needs neither; and only where the walk shows that no signal handler is on the stack may
 * the cache be made.
 *
 * Under ThreadSanitizer there must be no cache: libunwind frees it in the last of the rounds that libc makes of
 * destructors of thread-specific data, under a mutex; ThreadSanitizer stands before pthread_mutex_lock, has forgotten
 * the thread by then, and crashes. Nor where descriptors or address space are short: a cache costs one for a moment,
 * and 256 KiB. A walk takes some ten microseconds more.
 *
 * Part of backtrace.c: to be called inside the unwinder only.
 */
#ifndef SOCKSAN_STACK_WALK_H
#define SOCKSAN_STACK_WALK_H

#include <stdbool.h>

/* Looks up in `library`, a handle of dlopen's, what the walk needs. Returns whether it is there. */
bool stack_walk_find(void *library);

/* Whether this process must have no cache at all. Asks the loader: not from a signal handler. */
bool stack_walk_is_the_only_way(void);

/*
 * Fills in at most `size` frames, the innermost first, and returns their number. `*interrupted` says whether a signal
 * handler is, or may be, on the stack: where it is false, allocating is as safe here as it is for the program.
 */
int stack_walk(void **frames, int size, bool *interrupted);

#endif
