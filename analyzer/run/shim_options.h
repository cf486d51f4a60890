/*
 * shim_options.h: the text in SOCKSAN_OPTIONS, "key=value:key=value", that `socksan run` hands to the shim.
 *
 * A value that holds a colon stands in double or single quotes. Of a key that is given twice the last counts.
 */
#ifndef SOCKSAN_SHIM_OPTIONS_H
#define SOCKSAN_SHIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct shim_option {
	char *key;
	char *value;
};

struct shim_options {
	struct shim_option *items;
	size_t count;
};

/* Sets one option, in the place of an earlier one with the same key. */
void shim_options_set(struct shim_options *options, const char *key, const char *value);

/* The value of an option, NULL where it is not set. Valid until it is set anew. */
const char *shim_options_get(const struct shim_options *options, const char *key);

/*
 * Adds the options in `text`, which came with --options. Returns false, having said why on standard error, where a
 * key is unknown or set by socksan itself, or a value is missing or not of its key's kind.
 */
bool shim_options_add(struct shim_options *options, const char *text);

/*
 * Adds those of an inherited SOCKSAN_OPTIONS. What shim_options_add() would refuse is said on standard error and
 * left out; where traces and roster go is left out silently, since each run decides that for itself.
 */
void shim_options_inherit(struct shim_options *options, const char *text);

/* The text for the environment, which the caller frees. Values must not hold both kinds of quotes with a colon. */
char *shim_options_text(const struct shim_options *options);

void shim_options_free(struct shim_options *options);

#endif
