/*
 * audit_flush_all.h: the way of a call that writes what is in all streams at once, as a write of each that has a
 * socket. At exit libc does so itself, where no hook sees it.
 *
 * libc's list of streams is locked while it is gone through, as in any such call. Otherwise as audit_stdio.h.
 */
#ifndef SOCKSAN_AUDIT_FLUSH_ALL_H
#define SOCKSAN_AUDIT_FLUSH_ALL_H

#include "shim/stdio/audit_stdio.h"

#define AUDIT_FLUSH_ALL 16 /* streams that one call is audited for; what more there are is counted as lost */

struct audit_flush_all {
	unsigned count;
	struct audit_output *outputs; /* in memory of its own, since the program's stack may be small */
};

/* Around a call that flushes all streams, or all line-buffered ones; or the first alone, before the process ends. */
void audit_flush_all_begin(struct audit_flush_all *all, const struct hook *hook);
void audit_flush_all_end(struct audit_flush_all *all, bool failed);

/*
 * At exit, where libc is about to flush this stream itself and no hook will see it: whether we may do that in its
 * stead, without anybody being able to tell. If so the stream is locked, and the caller unlocks it.
 */
bool audit_flush_claim(const struct audit_output *output);

/* Whether the flush is going to kill the process, as far as can be foreseen. */
bool audit_flush_is_fatal(const struct audit_output *output);

#endif
