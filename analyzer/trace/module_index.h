/*
 * module_index.h: which of many modules held an address when a stack was taken.
 *
 * Modules may overlap, where a library went and another came in its place; then the newest that stood in the trace
 * before the stack counts. To look at each takes long where there are thousands of both, as in the trace of a program
 * that loads and unloads all day, or in one that was made to take long. This finds it in the square of the logarithm,
 * with about twice that many words for each module.
 */
#ifndef SOCKSAN_MODULE_INDEX_H
#define SOCKSAN_MODULE_INDEX_H

#include <stddef.h>

#include "analyzer/trace/model.h"

struct module_index;

/* An index of `modules`, which are in the order of their refs and stay where they are. Freed with module_index_free. */
struct module_index *module_index_make(const struct module *modules, size_t count);
void module_index_free(struct module_index *index);

/*
 * The module that covers `address`: of several the one with the greatest ref below `stack`, or, where all came later,
 * the one with the least. NULL where none covers it.
 */
const struct module *module_index_find(const struct module_index *index, trace_ref stack, uint64_t address);

#endif
