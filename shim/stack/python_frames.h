/*
 * python_frames.h: the Python stack of a thread, read from the interpreter's memory, for CPython 3.13 and later, which
 * export no function that would print it (_Py_DumpTraceback).
 *
 * The thread's frames are a list of structures, innermost first; each names its code object, which names file, function
 * and lines (python_layout.h says where). A thread's own frames keep what they refer to alive, and stand still while it
 * is in a call. In a signal handler that interrupted the interpreter they may not: so each page is tried before it is
 * read (kernel_try_copy), an object is believed by its type, and the number of frames is bounded. No function of the
 * interpreter is called, no reference counted, no lock taken.
 */
#ifndef SOCKSAN_PYTHON_FRAMES_H
#define SOCKSAN_PYTHON_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/stack/python_layout.h"

/* An interpreter whose frames can be read. */
struct python_frames {
	struct python_layout layout;
	uintptr_t code_type; /* PyCode_Type, PyUnicode_Type, PyBytes_Type: they are the same in all sub-interpreters */
	uintptr_t text_type;
	uintptr_t bytes_type;
};

/*
 * Reads the stack of the thread whose PyThreadState is at `thread` into `text`, as _Py_DumpTraceback prints it: a line
 * for each frame, '  File "FILE", line N in FUNCTION', in UTF-8, with N = 0 where an instruction has no line. Ends
 * after the last line that fits into `size`. Returns its length. `*whole` becomes false where something could not be
 * read. Any thread, any signal handler.
 */
uint32_t python_frames_text(
	const struct python_frames *frames, uintptr_t thread, char *text, uint32_t size, bool *whole);

#endif
