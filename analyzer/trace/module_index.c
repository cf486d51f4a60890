/*
 * module_index.c: see module_index.h. A segment tree: the places where modules begin and end cut the addresses into
 * pieces, which are the leaves; a module stands in the list of each node whose pieces it covers while it does not cover
 * all of the node's parent. What covers an address then stands in the lists between its leaf and the root, each in the
 * order of the refs.
 */
#include "analyzer/trace/module_index.h"

#include <stdlib.h>

#include "analyzer/base/search.h"
#include "analyzer/base/text.h"

struct module_index {
	const struct module *modules;
	uint64_t *bounds; /* sorted, each once; piece i goes from bounds[i] to bounds[i + 1] */
	size_t bound_count;
	size_t leaves; /* a power of two; the root is node 1, the children of n are 2n and 2n + 1 */
	size_t *lists; /* where the list of each node begins in `entries`; it ends where the next begins */
	uint32_t *entries; /* indices of modules */
};

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static void set_bounds(struct module_index *index, size_t count)
{
	size_t filled = 0;
	size_t kept = 0;

	index->bounds = text_allocate(2 * count * sizeof(*index->bounds));
	for (size_t i = 0; i < count; i++) {
		index->bounds[filled++] = index->modules[i].start;
		index->bounds[filled++] = index->modules[i].end;
	}
	if (filled)
		qsort(index->bounds, filled, sizeof(*index->bounds), compare);
	for (size_t i = 0; i < filled; i++)
		if (i == 0 || index->bounds[i] != index->bounds[kept - 1])
			index->bounds[kept++] = index->bounds[i];
	index->bound_count = kept;
	for (index->leaves = 1; index->leaves < kept;)
		index->leaves *= 2;
}

/* The number of bounds that are not above `address`. */
static size_t bounds_to(const struct module_index *index, uint64_t address)
{
	return search_count_to(index->bounds, index->bound_count, sizeof(*index->bounds), 0, address);
}

/* Moves on the end of each list that the module stands in, and, where there are entries already, puts it there. */
static void enter(struct module_index *index, uint32_t number, size_t *ends)
{
	const struct module *module = &index->modules[number];
	size_t low;
	size_t high;

	if (module->start >= module->end)
		return;
	low = index->leaves + bounds_to(index, module->start) - 1;
	high = index->leaves + bounds_to(index, module->end) - 1;
	for (; low < high; low /= 2, high /= 2) {
		size_t nodes[2] = {low & 1 ? low++ : 0, high & 1 ? --high : 0};

		for (size_t i = 0; i < 2; i++) {
			if (nodes[i] && index->entries)
				index->entries[ends[nodes[i]]] = number;
			ends[nodes[i]] += nodes[i] != 0;
		}
	}
}

struct module_index *module_index_make(const struct module *modules, size_t count)
{
	struct module_index *index = text_allocate(sizeof(*index));
	size_t *ends;
	size_t sum = 0;

	index->modules = modules;
	set_bounds(index, count);
	/* Once to count, and once to fill in. */
	ends = text_allocate(2 * index->leaves * sizeof(*ends));
	for (size_t i = 0; i < count; i++)
		enter(index, (uint32_t)i, ends);
	index->lists = text_allocate((2 * index->leaves + 1) * sizeof(*index->lists));
	for (size_t node = 0; node < 2 * index->leaves; node++) {
		index->lists[node] = sum;
		sum += ends[node];
		ends[node] = index->lists[node];
	}
	index->lists[2 * index->leaves] = sum;
	index->entries = text_allocate(sum * sizeof(*index->entries));
	for (size_t i = 0; i < count; i++)
		enter(index, (uint32_t)i, ends);
	free(ends);
	return index;
}

void module_index_free(struct module_index *index)
{
	if (!index)
		return;
	free(index->bounds);
	free(index->lists);
	free(index->entries);
	free(index);
}

/* The number of entries of a node's list whose refs are below `stack`. */
static size_t entries_below(const struct module_index *index, size_t node, trace_ref stack)
{
	size_t low = index->lists[node];
	size_t high = index->lists[node + 1];

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (index->modules[index->entries[middle]].ref < stack)
			low = middle + 1;
		else
			high = middle;
	}
	return low - index->lists[node];
}

const struct module *module_index_find(const struct module_index *index, trace_ref stack, uint64_t address)
{
	const struct module *newest = NULL;
	const struct module *oldest = NULL;
	size_t piece = bounds_to(index, address);

	if (piece == 0)
		return NULL;
	for (size_t node = index->leaves + piece - 1; node > 0; node /= 2) {
		size_t below = entries_below(index, node, stack);
		const uint32_t *list = index->entries + index->lists[node];
		const struct module *module;

		if (index->lists[node] == index->lists[node + 1])
			continue;
		module = &index->modules[list[below ? below - 1 : 0]];
		if (below && (!newest || module->ref > newest->ref))
			newest = module;
		if (!below && (!oldest || module->ref < oldest->ref))
			oldest = module;
	}
	return newest ? newest : oldest;
}
