/*
 * suppress_incidents.h: which incidents the rules of suppress.h apply to, and rules for those that are left.
 */
#ifndef SOCKSAN_SUPPRESS_INCIDENTS_H
#define SOCKSAN_SUPPRESS_INCIDENTS_H

#include "analyzer/report/suppress.h"
#include "analyzer/symbols/symbolize.h"
#include "analyzer/trace/lifecycle.h"

/*
 * Sets suppressed_by of every incident, to the first rule that applies, and counts what each rule is used for. The
 * texts that a rule is held against are those of the write's stack or, where there is none, of the one that opened the
 * connection, the peer's address and the label.
 */
void suppress_incidents(struct lifecycle *lifecycle, struct symbolizer *symbolizer, struct suppressions *suppressions);

/*
 * A rule for an incident of `kind` with this stack, "write-after-close:^send_reply$"; NULL where nothing in it has a
 * name. The caller frees it.
 */
char *suppress_propose(const char *kind, const struct stack *stack);

#endif
