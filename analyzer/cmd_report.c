/*
 * cmd_report.c: `socksan report`: summarizes traces that were kept.
 */
#include <getopt.h>

#include "analyzer/command.h"
#include "analyzer/options.h"
#include "analyzer/report.h"
#include "analyzer/text.h"

static void help(void)
{
	fputs("Usage: socksan report [options] TRACE...\n"
	      "\n"
	      "Summarizes traces: files, or directories searched for *.trace.\n"
	      "\n"
	      "Options:\n",
		stdout);
	options_help(stdout);
	fputs("  --help                  this text\n"
	      "\n"
	      "Exit status: 0; 66 (--error-exitcode) where incidents of a severity in --fail-on\n"
	      "remain; 3 where no trace was found; 125 where a report could not be written.\n",
		stdout);
}

static int report(struct report_options *options, int argc, char **argv)
{
	enum options_read read = options_read(options, "report", argc, argv);

	if (read == OPTIONS_HELP)
		help();
	if (read != OPTIONS_READ)
		return read == OPTIONS_HELP ? 0 : EXIT_SOCKSAN;
	if (!options_finish(options))
		return EXIT_SOCKSAN;
	if (optind == argc) {
		text_complain("report needs a trace: a file, or a directory that holds *.trace");
		return EXIT_SOCKSAN;
	}
	return report_traces(options, NULL, argv + optind, (size_t)(argc - optind));
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
