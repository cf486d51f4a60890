/*
 * unit_ranges.h: which compilation unit covers an address, as the units themselves say.
 *
 * libdw finds units by .debug_aranges, which clang does not write by default, nor do some assemblers and linkers. The
 * units' own DW_AT_ranges say the same. They are read once, when an address was not found the usual way.
 */
#ifndef SOCKSAN_UNIT_RANGES_H
#define SOCKSAN_UNIT_RANGES_H

#include <elfutils/libdw.h>
#include <stdbool.h>

struct unit_ranges;

/* Reads the ranges of all units. Never NULL: what cannot be read covers nothing. */
struct unit_ranges *unit_ranges_read(Dwarf *dwarf);
void unit_ranges_free(struct unit_ranges *ranges);

/*
 * Sets *unit to the unit that covers `address` (as DWARF counts, without a bias); of several, the one with the least
 * range.
 */
bool unit_ranges_find(const struct unit_ranges *ranges, Dwarf_Addr address, Dwarf_Die *unit);

#endif
