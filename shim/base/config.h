/*
 * config.h: SOCKSAN_OPTIONS, read once, before anything is audited.
 *
 *	SOCKSAN_OPTIONS=key=value:key=value
 *
 * as the sanitizers do it; a value that holds a colon stands in single or double quotes. An unknown key, or a value
 * that cannot be read, is said once on standard error and ignored.
 */
#ifndef SOCKSAN_CONFIG_H
#define SOCKSAN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/library_options.h"

#define CONFIG_PATH_MAX 512

/* By the rows of library_options.h: text as it stands there, sizes in bytes. */
struct config {
#define TEXT(name, initial, argument, set_by, help, more) char name[CONFIG_PATH_MAX];
#define NUMBER(name, member, lowest, highest, initial, argument, help, more) uint32_t member;
#define SIZE(name, lowest, highest, initial, argument, help, more) uint64_t name;
#define SWITCH(name, initial, help, more) bool name;
	LIBRARY_OPTIONS(TEXT, NUMBER, SIZE, SWITCH)
#undef TEXT
#undef NUMBER
#undef SIZE
#undef SWITCH
};

extern struct config config __attribute__((visibility("hidden")));

/*
 * Parses `text` into `result`, which holds the defaults. What was wrong goes into `complaint` (one line without its
 * end, cut to `complaint_size`; empty where nothing was). Returns whether all of it was understood. Allocates nothing.
 */
bool config_parse(struct config *result, const char *text, char *complaint, size_t complaint_size);

/* The defaults. */
void config_default(struct config *result);

/* Puts a line of what help=1 prints into `line`; returns false where there are no more than `number` of them. */
bool config_help(unsigned number, char *line, size_t size);

#endif
