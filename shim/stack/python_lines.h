/*
 * python_lines.h: the line of an instruction, by the location table of its code object (co_linetable, CPython 3.11 and
 * later).
 *
 * The table is a sequence of entries, each for 1 to 8 instructions of 2 bytes: a byte with the highest bit set (a kind
 * in bits 3 to 6, the number of instructions less one below), then bytes without it (Objects/locations.md). Nothing but
 * the kind, and what follows it first, says anything of lines.
 */
#ifndef SOCKSAN_PYTHON_LINES_H
#define SOCKSAN_PYTHON_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "shim/base/kernel.h"

#define PYTHON_LINES_UNREADABLE (-1)

/*
 * The line of instruction number `instruction` by the table of `bytes` at `table`, for code that begins in
 * `first_line`. 0 where the instruction has no line, the table ends before it, or is longer than any that a stack is
 * worth; PYTHON_LINES_UNREADABLE where the table is not there.
 */
long python_lines_find(struct kernel_tried *tried, uintptr_t table, size_t bytes, long first_line, size_t instruction);

#endif
