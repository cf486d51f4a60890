/*
 * group.h: which incidents are the same thing happening again.
 *
 * A fingerprint survives rebuilds: it is made of the kind and the function names of the innermost frames of the
 * program's own code, never of addresses, lines or times where names are known, nor of who knew: that is a matter of
 * timing. Incidents of one fingerprint and severity form a group, which a report shows once.
 */
#ifndef SOCKSAN_GROUP_H
#define SOCKSAN_GROUP_H

#include <stddef.h>

#include "analyzer/symbols/symbolize.h"
#include "analyzer/trace/lifecycle.h"

struct group {
	size_t first; /* index of its first incident; the others follow it */
	size_t count;
};

struct groups {
	struct group *groups; /* worst first; of equal severity the earliest first */
	size_t count; /* of those to be reported */
	size_t suppressed; /* groups that follow them: of incidents that rules suppress */
};

/* Sets severity and fingerprint of every incident. */
void group_identify(struct lifecycle *lifecycle, struct symbolizer *symbolizer);

/*
 * Sets the group of every incident, once they are identified, and sorts them: by group, and in a group by time. An
 * incident with bytes lost or a fatal signal stands at the head of its group, since it is the one to show. Suppressed
 * incidents come last, in groups of their own.
 */
void group_incidents(struct lifecycle *lifecycle, struct groups *groups);
void group_free(struct groups *groups);

/* The names that a fingerprint is made of: at most three, one to a line. The caller frees them. */
char *group_names(const struct stack *stack);

#endif
