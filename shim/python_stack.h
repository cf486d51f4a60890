/*
 * python_stack.h: the Python stack of the calling thread, as the interpreter itself prints it.
 *
 * CPython's fatal-error handler has a function for this that needs neither the GIL nor malloc: _Py_DumpTraceback. Where the
 * process has it (Debian's python3.11 exports it), it is asked to write to a descriptor that cannot be, and our own hook of
 * write takes what it writes.
 */
#ifndef SOCKSAN_PYTHON_STACK_H
#define SOCKSAN_PYTHON_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Looks for an interpreter in the process; returns whether its stacks can be had, or there is none to have them of. Uses the
 * loader: call it where the unwinder is loaded.
 */
bool python_stack_find(void);

/* Whether an interpreter was found. */
bool python_stack_is_there(void);

/*
 * Writes the stack of the calling thread into `text`, cut at `size`, innermost first. Returns its length, 0 where there is no
 * interpreter or this thread runs no Python. Call with the thread marked as inside. Signal handlers included.
 */
uint32_t python_stack_text(char *text, uint32_t size);

/* The hook of write gives what was written to a negative descriptor while thread_state.dump is set. Returns `count`. */
long python_stack_take(const void *bytes, size_t count);

#endif
