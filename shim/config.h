/*
 * config.h: SOCKSAN_OPTIONS, read once, before anything is audited.
 *
 *	SOCKSAN_OPTIONS=key=value:key=value
 *
 * as the sanitizers do it; a value that holds a colon stands in single or double quotes. An unknown key, or a value that
 * cannot be read, is said once on standard error and ignored.
 */
#ifndef SOCKSAN_CONFIG_H
#define SOCKSAN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_PATH_MAX 512

struct config {
	char log_path[CONFIG_PATH_MAX]; /* prefix of the trace's name; a directory where it ends in a slash */
	char roster[CONFIG_PATH_MAX]; /* empty: none */
	char suppressions[CONFIG_PATH_MAX]; /* read by the analyzer */
	uint64_t max_trace; /* bytes */
	uint32_t stack_depth; /* frames */
	uint32_t verbosity;
	uint32_t quarantine; /* descriptor numbers parked at most */
	uint32_t preview; /* bytes of payload kept */
	uint32_t silent_after_ms;
	uint32_t exitcode;
	bool halt_on_error;
	bool help;
	bool python;
};

extern struct config config __attribute__((visibility("hidden")));

/*
 * Parses `text` into `result`, which holds the defaults. What was wrong goes into `complaint` (one line without its end, cut
 * to `complaint_size`; empty where nothing was). Returns whether all of it was understood. Allocates nothing.
 */
bool config_parse(struct config *result, const char *text, char *complaint, size_t complaint_size);

/* The defaults. */
void config_default(struct config *result);

/* The text that help=1 prints. */
const char *config_help(void);

#endif
