/*
 * options.h: the command line options that `run` and `report` share, for use with getopt_long.
 *
 *	static const struct option long_options[] = {
 *		OPTIONS_SHARED,
 *		{"log-dir", required_argument, NULL, OPTION_OWN},
 *		{0},
 *	};
 *
 *	options_init(&options, stderr);
 *	while ((option = getopt_long(argc, argv, "+" OPTIONS_SHARED_SHORT, long_options, NULL)) != -1) {
 *		if (!options_is_shared(option)) {
 *			...its own options...
 *		} else if (!options_parse(&options, option, optarg)) {
 *			return EXIT_SOCKSAN;
 *		}
 *	}
 *	if (!options_finish(&options))
 *		return EXIT_SOCKSAN;
 *	...
 *	options_free(&options);
 *
 * getopt_long complains on its own (with argv[0]) of options that it does not know.
 * Every function that returns false has written one line, "socksan: ...", to standard error.
 */
#ifndef SOCKSAN_OPTIONS_H
#define SOCKSAN_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "analyzer/report.h"

/* The values that getopt_long gives for the shared options. A command's own begin at OPTION_OWN. */
enum shared_option {
	OPTION_QUIET = 'q',
	OPTION_FORMAT = 1000,
	OPTION_OUTPUT,
	OPTION_FAIL_ON,
	OPTION_ERROR_EXITCODE,
	OPTION_COLOR,
	OPTION_MAX_INCIDENTS,
	OPTION_SUPPRESSIONS,
	OPTION_GEN_SUPPRESSIONS,
	OPTION_BASELINE,
	OPTION_SOURCE_ROOT,
	OPTION_OWN = 1100,
};

#define OPTIONS_SHARED_SHORT "q"

/* clang-format off */
#define OPTIONS_SHARED                                                          \
	{"format", required_argument, NULL, OPTION_FORMAT},                     \
	{"output", required_argument, NULL, OPTION_OUTPUT},                     \
	{"fail-on", required_argument, NULL, OPTION_FAIL_ON},                   \
	{"error-exitcode", required_argument, NULL, OPTION_ERROR_EXITCODE},     \
	{"color", required_argument, NULL, OPTION_COLOR},                       \
	{"max-incidents", required_argument, NULL, OPTION_MAX_INCIDENTS},       \
	{"suppressions", required_argument, NULL, OPTION_SUPPRESSIONS},         \
	{"gen-suppressions", no_argument, NULL, OPTION_GEN_SUPPRESSIONS},       \
	{"baseline", required_argument, NULL, OPTION_BASELINE},                 \
	{"source-root", required_argument, NULL, OPTION_SOURCE_ROOT},           \
	{"quiet", no_argument, NULL, OPTION_QUIET}
/* clang-format on */

/* Writes the lines of --help that describe the shared options. */
void options_help(FILE *stream);

/* Sets the defaults; text goes to `default_stream` where no --output names a file. */
void options_init(struct report_options *options, FILE *default_stream);

/* Whether `option`, a value that getopt_long returned, is for options_parse. */
bool options_is_shared(int option);

/* Takes one shared option. `argument` must live as long as `options`. Returns false where its argument is wrong. */
bool options_parse(struct report_options *options, int option, const char *argument);

/* What a command line came to. */
enum options_read {
	OPTIONS_READ, /* optind tells where the other arguments begin */
	OPTIONS_HELP, /* --help was asked for */
	OPTIONS_WRONG, /* said so */
};

/*
 * Reads the options of a subcommand (`command`, as it is called) that takes the shared ones and --help. To be followed by
 * options_finish.
 */
enum options_read options_read(struct report_options *options, const char *command, int argc, char **argv);

/*
 * Checks, before anything has been started, what the options mean together: that no two outputs go to the same place, and
 * that each named file can be written. Reads the baseline where there is one.
 */
bool options_finish(struct report_options *options);

void options_free(struct report_options *options);

/* Adds a file of suppressions (suppress.h). Returns false where it cannot be read or is none. */
bool options_add_suppressions(struct report_options *options, const char *path);

#endif
