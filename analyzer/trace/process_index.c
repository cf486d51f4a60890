/*
 * process_index.c: see process_index.h.
 */
#include "analyzer/trace/process_index.h"

#include <stdlib.h>

#include "analyzer/base/text.h"

struct process_index {
	const struct process **sorted; /* by number, then by start; of those that started together the first one last */
	size_t count;
};

static int compare(const void *a, const void *b)
{
	const struct process *left = *(const struct process *const *)a;
	const struct process *right = *(const struct process *const *)b;

	if (left->pid != right->pid)
		return left->pid < right->pid ? -1 : 1;
	if (left->started_ns != right->started_ns)
		return left->started_ns < right->started_ns ? -1 : 1;
	return (left < right) - (left > right);
}

struct process_index *process_index_make(const struct process *processes, size_t count)
{
	struct process_index *index = text_allocate(sizeof(*index));

	index->sorted = text_allocate(count * sizeof(struct process *));
	index->count = count;
	for (size_t i = 0; i < count; i++)
		index->sorted[i] = &processes[i];
	qsort(index->sorted, count, sizeof(struct process *), compare);
	return index;
}

void process_index_free(struct process_index *index)
{
	if (!index)
		return;
	free(index->sorted);
	free(index);
}

/* How many have a lower number, or that number and had started at `t_ns`. */
static size_t count_to(const struct process_index *index, int32_t pid, uint64_t t_ns)
{
	size_t low = 0;
	size_t high = index->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct process *process = index->sorted[middle];

		if (process->pid < pid || (process->pid == pid && process->started_ns <= t_ns))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct process_search process_index_search(const struct process_index *index, int32_t pid, uint64_t t_ns)
{
	return (struct process_search){.index = index, .pid = pid, .end = count_to(index, pid, t_ns)};
}

const struct process *process_index_next(struct process_search *search)
{
	const struct process *process = search->end > 0 ? search->index->sorted[search->end - 1] : NULL;

	if (!process || process->pid != search->pid)
		return NULL;
	search->end--;
	return process;
}

bool process_index_has(const struct process_index *index, int32_t pid)
{
	struct process_search search = process_index_search(index, pid, UINT64_MAX);

	return process_index_next(&search) != NULL;
}
