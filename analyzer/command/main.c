/*
 * main.c: the command socksan: which function carries out a subcommand, and what belongs to all of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/base/text.h"
#include "analyzer/command/command.h"
#include "analyzer/command/command_line.h"
#include "analyzer/report/report.h"

static int command_help(int argc, char **argv);
static int command_version(int argc, char **argv);

static int (*const commands[])(int argc, char **argv) = {
#define SUBCOMMAND(ID, name, arguments, completion, brief, description, status) [SUBCOMMAND_##ID] = command_##name,
	SUBCOMMANDS(SUBCOMMAND)
#undef SUBCOMMAND
};

static int say_unknown(const char *name)
{
	text_complain("unknown subcommand \"%s\"; `socksan help` lists them", name);
	return EXIT_SOCKSAN;
}

static int command_help(int argc, char **argv)
{
	enum subcommand subcommand = SUBCOMMAND_HELP;

	if (argc > 1 && *argv[1] != '-' && !command_line_find(argv[1], &subcommand))
		return say_unknown(argv[1]);
	if (subcommand == SUBCOMMAND_HELP || subcommand == SUBCOMMAND_VERSION)
		command_line_usage(stdout);
	else
		command_line_help(stdout, subcommand);
	return EXIT_SUCCESS;
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
	enum subcommand subcommand;

	hold_standard_descriptors();
	if (argc < 2) {
		command_line_usage(stderr);
		return EXIT_SOCKSAN;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return flush_output(command_help(argc - 1, argv + 1));
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return flush_output(command_version(argc - 1, argv + 1));
	if (!command_line_find(argv[1], &subcommand))
		return say_unknown(argv[1]);
	return flush_output(commands[subcommand](argc - 1, argv + 1));
}
