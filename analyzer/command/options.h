/*
 * options.h: what the options of reports mean, which `run`, `report` and `diff` share.
 *
 *	options_init(&options, stderr);
 *	...command_line_read with options_take, or options_parse for each...
 *	if (!options_finish(&options))
 *		return EXIT_SOCKSAN;
 *	...
 *	options_free(&options);
 *
 * Every function that returns false has written one line, "socksan: ...", to standard error.
 */
#ifndef SOCKSAN_OPTIONS_H
#define SOCKSAN_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "analyzer/report/command_table.h"
#include "analyzer/report/report.h"

/* Sets the defaults; text goes to `default_stream` where no --output names a file. */
void options_init(struct report_options *options, FILE *default_stream);

/*
 * Takes one option. `argument` must live as long as `options`; it is "" where the option takes none. Returns false
 * where its argument is wrong; of a word that is not in the option's row, command_line.c has complained. One that needs
 * nothing but to be looked up later stays in `given`.
 */
bool options_parse(struct report_options *options, enum option_id option, const char *argument);

/* The same for command_line_read, whose `context` is the struct report_options. */
bool options_take(void *options, enum option_id option, const char *argument);

/*
 * Checks, before anything has been started, what the options mean together: that no two outputs go to the same place,
 * and that each named file can be written. Reads the baseline where there is one.
 */
bool options_finish(struct report_options *options);

void options_free(struct report_options *options);

/* Adds a file of suppressions (suppress.h). Returns false where it cannot be read or is none. */
bool options_add_suppressions(struct report_options *options, const char *path);

#endif
