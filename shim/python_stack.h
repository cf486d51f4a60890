/*
 * python_stack.h: the Python stack of the calling thread, as the interpreter itself prints it.
 *
 * CPython's fatal-error handler has a function for this that needs neither the GIL nor malloc: _Py_DumpTraceback. Where the
 * process has it (Debian's python3.11 exports it), it is asked to write into a memfd that lives for the length of the call.
 */
#ifndef SOCKSAN_PYTHON_STACK_H
#define SOCKSAN_PYTHON_STACK_H

#include <stdint.h>

/* Looks for an interpreter in the process. Uses the loader: call it where the unwinder is loaded. */
void python_stack_find(void);

/*
 * Writes the stack of the calling thread into `text`, cut at `size`, innermost first. Returns its length, 0 where there is no
 * interpreter or this thread runs no Python. Call with the thread marked as inside. Signal handlers included.
 */
uint32_t python_stack_text(char *text, uint32_t size);

#endif
