/*
 * symbolize.h: from addresses to functions and lines.
 *
 * Everything is looked up once: a symbolizer remembers each address of each file for as long as it lives, whichever
 * process and stack it occurred in.
 */
#ifndef SOCKSAN_SYMBOLIZE_H
#define SOCKSAN_SYMBOLIZE_H

#include "analyzer/trace/model.h"

struct symbolizer;

struct symbolizer *symbolizer_new(void);
void symbolizer_free(struct symbolizer *symbolizer);

/*
 * Fills in `stack`, innermost frame first, inlined functions as frames of their own, the interpreter's frames before
 * those of the native code that interprets them. `space` may be NULL: then the addresses stay bare. The caller frees
 * the stack with symbolize_free; its strings are valid as long as the symbolizer.
 */
void symbolize_stack(struct symbolizer *symbolizer, const struct address_space *space, const struct raw_stack *raw,
	struct stack *stack);
void symbolize_free(struct stack *stack);

#endif
