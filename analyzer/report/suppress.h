/*
 * suppress.h: rules for incidents that are known and not to be reported, as the sanitizers have them.
 *
 *	# the vendor's library answers late; ticket 4711
 *	write-after-peer-close:libvendor
 *	double-close:^pool_release$
 *	*:10.0.0.7:9200
 *
 * One rule a line: a kind of incident (as `socksan explain` lists them, `*` for any) and a pattern, which is held
 * against the functions, modules and source files of the stack, the peer's address and the label. A `*` in a pattern
 * stands for anything; there is one at both ends, unless `^` and `$` say that the text begins and ends there. Empty
 * lines and those that begin with a # mean nothing.
 */
#ifndef SOCKSAN_SUPPRESS_H
#define SOCKSAN_SUPPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct suppression {
	const char *file; /* as it was named */
	unsigned line;
	char *text; /* the rule as it is written: "kind:pattern" */
	const char *kind; /* the id of a kind; NULL: any */
	const char *pattern; /* NULL: matches nothing by itself (suppressions_add_name) */
	uint64_t used; /* incidents that it suppressed */
};

struct suppressions {
	struct suppression *rules; /* in the order of the files and their lines */
	size_t count;
	char **files;
	size_t file_count;
};

/*
 * Adds the rules of a file; one that was read before is not read again. Returns false, with every bad line told on
 * standard error, where the file cannot be read or holds something that is no rule.
 */
bool suppressions_read(struct suppressions *suppressions, const char *path);
void suppressions_free(struct suppressions *suppressions);

/* Adds a rule that only has a name, for what is suppressed for another reason; returns its number, from 1. */
uint32_t suppressions_add_name(struct suppressions *suppressions, const char *name, const char *file);

/* Whether a text of an incident of that kind makes this rule apply. */
bool suppression_matches(const struct suppression *rule, const char *kind, const char *text);

/* Whether `pattern` matches `text`, as said above. */
bool suppress_match(const char *pattern, const char *text);

#endif
