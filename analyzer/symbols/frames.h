/*
 * frames.h: which frames of a stack matter to a reader.
 */
#ifndef SOCKSAN_FRAMES_H
#define SOCKSAN_FRAMES_H

#include "analyzer/trace/model.h"

/* The frames without the C library's start-up code at the outer end. */
size_t frames_count(const struct stack *stack);

/*
 * Whether a file is CPython: its command, its library, or a module in C of its standard library, each of which a
 * distribution builds into the command or leaves beside it.
 */
bool frames_is_interpreter_module(const char *module);

/* Whether a frame is an interpreter's own: where its program's frames are there too, they say more. */
bool frames_is_interpreter(const struct frame *frame);
bool frames_has_python(const struct stack *stack);

/*
 * The one frame to lead a reader to: the innermost of the program's own code that has a line, else the next best; or
 * NULL.
 */
const struct frame *frames_place(const struct stack *stack);

#endif
