/*
 * cmd_report.c: `socksan report`: summarizes traces that were kept.
 */
#include "analyzer/base/text.h"
#include "analyzer/command/command.h"
#include "analyzer/command/command_line.h"
#include "analyzer/command/options.h"
#include "analyzer/report/report.h"

static int report(struct report_options *options, int argc, char **argv)
{
	struct command_line line = {.subcommand = SUBCOMMAND_REPORT, .take = options_take, .context = options};
	enum command_line_end end = command_line_read(&line, argc, argv);

	if (end != COMMAND_LINE_READ)
		return end == COMMAND_LINE_DONE ? 0 : EXIT_SOCKSAN;
	if (!options_finish(options))
		return EXIT_SOCKSAN;
	if (!line.rest_count) {
		text_complain("report needs a trace: a file, or a directory that holds *.trace");
		return EXIT_SOCKSAN;
	}
	return report_traces(options, NULL, line.rest, line.rest_count);
}

int command_report(int argc, char **argv)
{
	struct report_options options;
	int status;

	options_init(&options, stdout);
	status = report(&options, argc, argv);
	options_free(&options);
	return status;
}
