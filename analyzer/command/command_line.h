/*
 * command_line.h: the one parser of the command line, and --help, both by the rows of command_table.h.
 */
#ifndef SOCKSAN_COMMAND_LINE_H
#define SOCKSAN_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "analyzer/report/command_table.h"

/* What a command line came to. */
enum command_line_end {
	COMMAND_LINE_READ, /* the subcommand is to be carried out */
	COMMAND_LINE_DONE, /* --help or --version was asked for, and answered */
	COMMAND_LINE_WRONG, /* said so on standard error, in one line */
};

struct command_line {
	enum subcommand subcommand;
	/*
	 * Takes one option that the subcommand has, with its argument ("" where it takes none), which lives as long as argv.
	 * Returns false, having said why on standard error, where the argument is wrong. WORD and WORDS have been held against
	 * the row.
	 */
	bool (*take)(void *context, enum option_id option, const char *argument);
	void *context;
	/* Set by command_line_read: what follows the options, and how many, up to NULL. */
	char **rest;
	size_t rest_count;
};

/*
 * Reads what follows the subcommand's name, argv[0]. Options and other arguments may be mixed, but for `run`, where the
 * first word that is no option begins the command.
 */
enum command_line_end command_line_read(struct command_line *line, int argc, char **argv);

/* What `socksan help SUBCOMMAND` prints. */
void command_line_help(FILE *stream, enum subcommand subcommand);

/* What `socksan help` prints. */
void command_line_usage(FILE *stream);

/* Finds a subcommand by its name. */
bool command_line_find(const char *name, enum subcommand *subcommand);

#endif
