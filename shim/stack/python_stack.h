/*
 * python_stack.h: the Python stack of the calling thread.
 *
 * Up to 3.12, CPython's fatal-error handler has a function for this that needs neither the GIL nor malloc:
 * _Py_DumpTraceback. Where the process has it, it is asked to write to a descriptor that cannot be, and our own hook of
 * write takes what it writes. Since 3.13 it is not exported any more; there the interpreter says where its frames lie,
 * and they are read (python_frames.h).
 */
#ifndef SOCKSAN_PYTHON_STACK_H
#define SOCKSAN_PYTHON_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PYTHON_STACK_GAP_MAX 128

/*
 * Looks for an interpreter in the process. Where there is one whose stacks cannot be had, returns false and says in
 * `gap` which it is (empty where it does not tell). Uses the loader: call it where the unwinder is loaded.
 */
bool python_stack_find(char gap[PYTHON_STACK_GAP_MAX]);

/* Whether there is an interpreter whose stacks can be had. */
bool python_stack_is_there(void);

/*
 * Writes the stack of the calling thread into `text`, cut at `size`, innermost first. Returns its length, 0 where there
 * is no interpreter or this thread runs no Python. `*whole` says whether nothing of it was out of reach. Call with the
 * thread marked as inside. Signal handlers included.
 */
uint32_t python_stack_text(char *text, uint32_t size, bool *whole);

/* The hook of write gives what was written to a negative descriptor while thread_state.dump is set. Returns `count`. */
long python_stack_take(const void *bytes, size_t count);

#endif
