/*
 * unwinder.h: libunwind, loaded and entered. With stack_walk.h the only user of it.
 *
 * libunwind is loaded privately (RTLD_LOCAL) when the first socket is seen: its exported `backtrace` and `_Unwind_*`
 * must not replace the program's own. Only unw_backtrace is used, whose warm cache makes a stack cost some hundred
 * nanoseconds.
 *
 * What it asks of libc meanwhile comes back through our hooks: backtrace_answers.h.
 */
#ifndef SOCKSAN_UNWINDER_H
#define SOCKSAN_UNWINDER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Loads it, and what stacks of CPython need, once in the life of an image; may be called again and again. Returns
 * whether this call has done so, with or without success. It allocates. Keeps errno.
 */
bool unwinder_load(void);

/*
 * This thread goes through the loaded objects, in the frame at this address; 0: it does not any more. What
 * dl_iterate_phdr calls holds a lock that a dlopen in another thread waits for with the loader's in its hands, so the
 * unwinder is not loaded there. Returns what was said before. An exception may leave the frame without a word: it
 * counts while the stack is as deep.
 */
uintptr_t unwinder_iterates(uintptr_t frame);

/*
 * Enters the unwinder, unless it is not to be had, must not be waited for, or a fork is being prepared: then it returns
 * false, and what is missing is noted. To be left by unwinder_leave. Any thread and signal handler.
 */
bool unwinder_enter(void);
void unwinder_leave(void);

/* Notes that a stack is missing which the unwinder could have given. Returns false. */
bool unwinder_missing(void);

/* Inside: the frames of the calling thread, innermost first and ours included; at most `size`. Returns how many. */
int unwinder_frames(void **frames, int size);

/* Whether unwinder_frames may leave this thread a cache, which it allocates. */
bool unwinder_may_cache(void);

/* Stacks of threads that had none so far are walked, without a cache: some ten microseconds more for each. */
void unwinder_save_memory(void);

/* An object was unloaded: what the unwinder cached may be about other code by now. */
void unwinder_flush(void);

/* Whether this is the unwinder's code: while it is at work, a signal handler may call the same functions. */
bool unwinder_has(const void *address);

/* Whether this is our own library's code. */
bool unwinder_is_ours(const void *address);

/* Around a fork: waits, at most some milliseconds, until no thread is inside the unwinder; lets them in again. */
void unwinder_fork_prepare(void);
void unwinder_fork_done(void);

/* In the child. Where another thread was inside all the same, its locks stay held for ever: no stacks from here on. */
void unwinder_forked(void);

#endif
