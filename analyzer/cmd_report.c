/*
 * cmd_report.c: `socksan report`: summarizes traces that were kept.
 */
#include <getopt.h>

#include "analyzer/command.h"
#include "analyzer/options.h"
#include "analyzer/report.h"
#include "analyzer/text.h"

enum { OPTION_HELP = OPTION_OWN };

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
	static const struct option long_options[] = {
		OPTIONS_SHARED,
		{"help", no_argument, NULL, OPTION_HELP},
		{0},
	};
	int option;

	optind = 1;
	opterr = 0;
	while ((option = getopt_long(argc, argv, OPTIONS_SHARED_SHORT, long_options, NULL)) != -1) {
		if (option == OPTION_HELP) {
			help();
			return 0;
		}
		if (!options_is_shared(option)) {
			text_complain("report: \"%s\" is no option, or lacks its argument; `socksan report --help` "
				      "lists them",
				argv[optind - 1]);
			return EXIT_SOCKSAN;
		}
		if (!options_parse(options, option, optarg))
			return EXIT_SOCKSAN;
	}
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
