/*
 * backtrace.h: the stack of the calling thread, as a reference into the trace. The only user of libunwind.
 *
 * libunwind is loaded privately (RTLD_LOCAL) when the first socket is seen: its exported `backtrace` and `_Unwind_*`
 * must not replace the program's own. Only unw_backtrace is used, whose warm cache makes a stack cost some hundred
 * nanoseconds.
 *
 * What libunwind asks of libc comes back through our hooks while thread_state.unwinding is set. Two of these requests
 * must not reach the kernel as they are: it would keep a pipe open in the program to test addresses with (1.6.2
 * src/x86_64/Ginit.c open_pipe, write_validate). backtrace_answer_* answer instead, without a descriptor.
 */
#ifndef SOCKSAN_BACKTRACE_H
#define SOCKSAN_BACKTRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/trace_format.h"

struct dl_phdr_info;

/*
 * Loads the unwinder, once in the life of an image. It allocates: call it where a socket is made, not where one is
 * used. Not where a signal handler makes the first one of all: the next socket that is made outside loads it then.
 */
void backtrace_load(void);

/*
 * This thread goes through the loaded objects, in the frame at this address; 0: it does not any more. What
 * dl_iterate_phdr calls holds a lock that a dlopen in another thread waits for with the loader's in its hands, so the
 * unwinder is not loaded there. Returns what was said before. An exception may leave the frame without a word: it
 * counts while the stack is as deep.
 */
uintptr_t backtrace_iterates(uintptr_t frame);

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

/* Stacks of threads that had none so far are walked, without a cache: some ten microseconds more for each. */
void backtrace_save_memory(void);

/* An object was unloaded: what the unwinder cached may be about other code by now. */
void backtrace_unloaded(void);

/* Around a fork: waits, at most some milliseconds, until no thread is inside the unwinder; lets them in again. */
void backtrace_fork_prepare(void);
void backtrace_fork_done(void);

/* In the child. Where another thread was inside all the same, its locks stay held for ever: no stacks from here on. */
void backtrace_forked(void);

/* Whether this is the unwinder's code: while it is at work, a signal handler may call the same functions. */
bool backtrace_is_unwinder(const void *address);

/*
 * What the unwinder is told when it asks for a pipe, reads it, or writes one byte from `address`. Sets errno as libc
 * would.
 */
int backtrace_answer_pipe(int fds[2]);
long backtrace_answer_read(void);
long backtrace_answer_write(const void *address);

/*
 * The unwinder goes through the loaded objects in search of the one in which an address lies: `data` begins with the
 * address (1.6.2 src/dwarf/Gfind_proc_info-lsb.c struct dwarf_callback_data). That takes a lock which a thread in
 * dlopen holds; if a signal handler in that thread takes a stack meanwhile, each of the two waits for the other, here
 * and in the unwinder. So `callback` is called for that one object alone, which glibc finds without a lock
 * (elf/dl-find_object.c), and `*result` is what it returned. False where this cannot be: no such function, an address
 * in no object, or not what we know of the unwinder.
 */
typedef int backtrace_objects_callback(struct dl_phdr_info *info, size_t size, void *data);
bool backtrace_answer_objects(backtrace_objects_callback *callback, void *data, int *result);

/* Looks up what that needs; where the unwinder is loaded. */
void backtrace_answers_load(void);

/*
 * What the unwinder is to have called at the end of a thread that has a cache: `destroy`, but under a seccomp filter of
 * the program's, which may kill for the munmap in it.
 */
void (*backtrace_answer_key(void (*destroy)(void *)))(void *cache);

#endif
