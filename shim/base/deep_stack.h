/*
 * deep_stack.h: runs what needs much stack on a stack of ours. Threads with PTHREAD_STACK_MIN and coroutines of 8 KiB
 * are common, and a hook may take 1 KiB of theirs; the unwinder alone takes 5.
 *
 * A few stacks serve all threads: they are mapped with the library's first set-up, and each is held for one function.
 * Signals are blocked meanwhile, so that no handler of the program's runs on a stack whose size it cannot know, or
 * leaves it by a jump. The frame between the two stacks has unwind tables: whoever walks the stack sees the program's
 * frames behind ours.
 */
#ifndef SOCKSAN_DEEP_STACK_H
#define SOCKSAN_DEEP_STACK_H

#include <stdbool.h>
#include <stdint.h>

/* Maps the stacks. Once, before anything else of this. */
void deep_stack_set_up(void);

/*
 * Calls `function` on such a stack; in place where the thread is on one already. Returns false, and does not call it,
 * where none comes free within some milliseconds or no system call may be made (kernel_forbidden). Any thread, a signal
 * handler included; keeps errno as `function` leaves it. Must not fork, and must not be left but by returning.
 */
bool deep_stack_call(void (*function)(void *argument), void *argument);

/* Whether an address lies on one of them. */
bool deep_stack_has(uintptr_t address);

/* The frame that called deep_stack_call, where `frame` lies on one of them; `frame` itself where it does not. */
uintptr_t deep_stack_frame(uintptr_t frame);

/* In a forked child: the other threads, which may have held some, are gone. */
void deep_stack_forked(void);

#endif
