/*
 * unit_ranges.c: see unit_ranges.h.
 */
#include "analyzer/symbols/unit_ranges.h"

#include <dwarf.h>
#include <stdlib.h>

#include "analyzer/base/search.h"
#include "analyzer/base/text.h"

struct range {
	Dwarf_Addr start;
	Dwarf_Addr end; /* first address behind it */
	Dwarf_Addr reach; /* the greatest end of this range and those before it: further back there is nothing */
	Dwarf_Off unit; /* of its DIE in .debug_info */
};

struct unit_ranges {
	Dwarf *dwarf;
	struct range *ranges; /* by start */
	size_t count;
};

static void add_unit(struct unit_ranges *all, Dwarf_Die *unit)
{
	Dwarf_Addr base;
	Dwarf_Addr start;
	Dwarf_Addr end;
	ptrdiff_t next = 0;

	while ((next = dwarf_ranges(unit, next, &base, &start, &end)) > 0) {
		/* Functions that the linker threw away are left at 0, or at what it puts there instead. */
		if (start == 0 || start >= end)
			continue;
		all->ranges = text_grow(all->ranges, all->count, sizeof(*all->ranges));
		all->ranges[all->count++] = (struct range){.start = start, .end = end, .unit = dwarf_dieoffset(unit)};
	}
}

static int compare(const void *a, const void *b)
{
	const struct range *left = a;
	const struct range *right = b;

	return (left->start > right->start) - (left->start < right->start);
}

struct unit_ranges *unit_ranges_read(Dwarf *dwarf)
{
	struct unit_ranges *all = text_allocate(sizeof(*all));
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	Dwarf_Half version;
	uint8_t type;
	Dwarf_Addr reach = 0;

	all->dwarf = dwarf;
	/* A skeleton's ranges are here; what it stands for is in another file, where libdw finds it. */
	while (dwarf_get_units(dwarf, unit, &unit, &version, &type, &die, NULL) == 0)
		if (type == DW_UT_compile || type == DW_UT_skeleton)
			add_unit(all, &die);
	if (all->count)
		qsort(all->ranges, all->count, sizeof(*all->ranges), compare);
	for (size_t i = 0; i < all->count; i++) {
		reach = all->ranges[i].end > reach ? all->ranges[i].end : reach;
		all->ranges[i].reach = reach;
	}
	return all;
}

void unit_ranges_free(struct unit_ranges *ranges)
{
	free(ranges->ranges);
	free(ranges);
}

bool unit_ranges_find(const struct unit_ranges *ranges, Dwarf_Addr address, Dwarf_Die *unit)
{
	const struct range *best = NULL;
	size_t at = search_count_to(
		ranges->ranges, ranges->count, sizeof(*ranges->ranges), offsetof(struct range, start), address);

	for (; at > 0 && ranges->ranges[at - 1].reach > address; at--) {
		const struct range *range = &ranges->ranges[at - 1];

		if (address < range->end && (!best || range->end - range->start < best->end - best->start))
			best = range;
	}
	return best && dwarf_offdie(ranges->dwarf, best->unit, unit);
}
