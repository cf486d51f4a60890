/*
 * process_index.h: processes by their number, of which several can have the same, one after the other.
 */
#ifndef SOCKSAN_PROCESS_INDEX_H
#define SOCKSAN_PROCESS_INDEX_H

#include <stddef.h>

#include "analyzer/trace/model.h"

struct process_index;

/* An index of `processes`, which stay where they are. Freed with process_index_free. */
struct process_index *process_index_make(const struct process *processes, size_t count);
void process_index_free(struct process_index *index);

/* Whether there is one with that number. */
bool process_index_has(const struct process_index *index, int32_t pid);

/*
 * Those with that number which had started at `t_ns`, the last to start first, and of several that started together in
 * the order of the list: process_index_next gives one after the other, NULL when there is no more.
 */
struct process_search {
	const struct process_index *index;
	int32_t pid;
	size_t end;
};
struct process_search process_index_search(const struct process_index *index, int32_t pid, uint64_t t_ns);
const struct process *process_index_next(struct process_search *search);

#endif
