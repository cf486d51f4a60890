/*
 * signal_frame.h: whether the calling thread is in a signal handler, asked before anything is loaded.
 *
 * What a handler has interrupted may be malloc or the loader, whose locks this very thread then holds: a dlopen waits
 * for them for ever. With the unwinder at hand a walk of the stack answers the same question (stack_walk.h); this is
 * for before.
 */
#ifndef SOCKSAN_SIGNAL_FRAME_H
#define SOCKSAN_SIGNAL_FRAME_H

#include <stdbool.h>

/*
 * Whether a signal frame is on the stack, or what looks like one: a handler that has returned leaves its frame behind,
 * and where a function has made room above it without writing there, the answer is yes too often. It is no too often
 * where a handler's own calls are more than a mebibyte deep, or on an architecture for which the frame is not described
 * here (all but x86_64 and arm64).
 *
 * Takes a system call for each signal, and where the program handles one, another for each page of the stack: to be
 * asked seldom. From any thread and any signal handler; changes nothing.
 */
bool signal_frame_is_near(void);

#endif
