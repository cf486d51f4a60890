/*
 * trace_trim.h: takes from a trace what was never written.
 *
 * A trace is made at its full size, of which most is a hole: it takes little of the disk, until it is copied, packed or
 * uploaded. Where nobody can write to it any more the hole may go. The processes that share a trace's mapping can be
 * several, and need not be those that it names, so it is the kernel that is asked.
 */
#ifndef SOCKSAN_TRACE_TRIM_H
#define SOCKSAN_TRACE_TRIM_H

#include <stdbool.h>

/*
 * Cuts the trace off behind its last record. Returns whether it ends there now. Left as it is, without a word, where
 * somebody may still write to it, where it is damaged, where it is not ours to change, or where its file system cannot
 * tell who has it open.
 */
bool trace_trim(const char *path);

#endif
