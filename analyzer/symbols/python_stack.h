/*
 * python_stack.h: the stack of a Python program, as CPython's _Py_DumpTraceback prints it, innermost first:
 *
 *	Stack (most recent call first):
 *	  File "/srv/app.py", line 12 in reply
 *	  ...
 */
#ifndef SOCKSAN_PYTHON_STACK_H
#define SOCKSAN_PYTHON_STACK_H

#include <stdbool.h>

#include "analyzer/trace/model.h"

/* One frame; the texts point into what was parsed. */
struct python_frame {
	struct text file;
	struct text function;
	int line;
};

/* Takes the next frame off *rest; false where there is none. Lines that are no frames are passed over. */
bool python_stack_next(struct text *rest, struct python_frame *frame);

#endif
