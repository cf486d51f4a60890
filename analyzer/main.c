/*
 * main.c: the command socksan: one table of subcommands, and what belongs to all of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/command.h"
#include "analyzer/report.h"
#include "analyzer/text.h"

struct subcommand {
	const char *name;
	const char *synopsis; /* what follows the name */
	const char *summary;
	int (*run)(int argc, char **argv);
};

static int command_help(int argc, char **argv);
static int command_version(int argc, char **argv);

static const struct subcommand subcommands[] = {
	{"run", "[options] [--] COMMAND [ARG...]", "audit a command and all its children, then report", command_run},
	{"report", "[options] TRACE...", "summarize traces (files or directories)", command_report},
	{"sockets", "[options] TRACE...", "every connection: endpoints, bytes, duration, how it ended",
		command_sockets},
	{"diff", "[options] BASE NEW", "incidents that are new, gone and still there", command_diff},
	{"explain", "[KIND]", "what a kind of incident means, usual causes, how to fix it", command_explain},
	{"help", "[SUBCOMMAND]", "this list, or the options of a subcommand", command_help},
	{"version", "", "the version of socksan", command_version},
};

#define SUBCOMMANDS (sizeof(subcommands) / sizeof(*subcommands))

static const struct subcommand *find_subcommand(const char *name)
{
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		if (!strcmp(subcommands[i].name, name))
			return &subcommands[i];
	return NULL;
}

static void print_usage(FILE *stream)
{
	fputs("Usage: socksan SUBCOMMAND [ARGUMENT...]\n\n"
	      "socksan reports writes to sockets that could not reach anyone: after the peer had closed or reset the\n"
	      "connection, after the program's own shutdown or close, or before the connection stood.\n\n",
		stream);
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		fprintf(stream, "  socksan %s%s%s\n          %s\n", subcommands[i].name,
			*subcommands[i].synopsis ? " " : "", subcommands[i].synopsis, subcommands[i].summary);
	fputs("\n`socksan help SUBCOMMAND` describes the options of one.\n", stream);
}

static int say_unknown(const char *name)
{
	text_complain("unknown subcommand \"%s\"; `socksan help` lists them", name);
	return EXIT_SOCKSAN;
}

static int command_help(int argc, char **argv)
{
	static char help_option[] = "--help";
	const struct subcommand *subcommand = argc > 1 ? find_subcommand(argv[1]) : NULL;

	if (argc > 1 && !subcommand && *argv[1] != '-')
		return say_unknown(argv[1]);
	if (!subcommand || subcommand->run == command_help || subcommand->run == command_version) {
		print_usage(stdout);
		return EXIT_SUCCESS;
	}
	return subcommand->run(2, (char *[]){argv[1], help_option, NULL});
}

static int command_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("socksan " SOCKSAN_VERSION);
	return EXIT_SUCCESS;
}

/*
 * Takes the numbers 0 to 2 where they are closed, so that no file that is opened later gets one of them and with it
 * what is meant for a standard stream. Each is opened for the wrong direction, which fails as a closed one does,
 * and closes when the command is executed, which thus finds it as it was.
 */
static void hold_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", (fd ? O_RDONLY : O_WRONLY) | O_CLOEXEC) != fd)
			_exit(EXIT_SOCKSAN);
}

/* A report or a help text that did not reach its reader is a failure, as in any other tool. */
static int flush_output(int status)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	text_complain("cannot write to standard output: %s", errno ? strerror(errno) : "an earlier write failed");
	return status ? status : EXIT_SOCKSAN;
}

int main(int argc, char **argv)
{
	const struct subcommand *subcommand;

	hold_standard_descriptors();
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_SOCKSAN;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return flush_output(command_help(argc - 1, argv + 1));
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return flush_output(command_version(argc - 1, argv + 1));
	subcommand = find_subcommand(argv[1]);
	if (!subcommand)
		return say_unknown(argv[1]);
	return flush_output(subcommand->run(argc - 1, argv + 1));
}
