/*
 * start_up.c: what loading the library adds to the start of a program that has no socket.
 *
 *	start_up GROUPS COMMAND [NAME=VALUE...]
 *
 * Runs COMMAND with an empty environment and with the one given, in turn, GROUPS times PER_GROUP times each. Of a group
 * the fastest counts, since nothing but noise makes one slower than it must be; of the groups, the median. Prints both,
 * in nanoseconds from posix_spawn to the end of waitpid.
 */
#include <spawn.h>

#include "tests/programs/support.h"

enum { PER_GROUP = 10 };

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double run_ns(char *command, char **environment)
{
	char *arguments[] = {command, NULL};
	double start = now_ns();
	pid_t child;
	int status;

	CHECK(posix_spawn(&child, command, NULL, NULL, arguments, environment) == 0);
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return now_ns() - start;
}

static double group_ns(char *command, char **environment)
{
	double best = run_ns(command, environment);

	for (int i = 1; i < PER_GROUP; i++) {
		double took = run_ns(command, environment);

		if (took < best)
			best = took;
	}
	return best;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	size_t groups = (size_t)strtoul(argument(argc, argv, 1), NULL, 10);
	char *empty[] = {NULL};

	if (argc < 3 || groups == 0) {
		fprintf(stderr, "usage: start_up GROUPS COMMAND [NAME=VALUE...]\n");
		return 2;
	}

	double *bare = calloc(groups, sizeof *bare);
	double *audited = calloc(groups, sizeof *audited);

	CHECK(bare != NULL && audited != NULL);
	for (size_t i = 0; i < groups; i++) {
		bare[i] = group_ns(argv[2], empty);
		audited[i] = group_ns(argv[2], argv + 3);
	}
	qsort(bare, groups, sizeof *bare, compare);
	qsort(audited, groups, sizeof *audited, compare);
	printf("%.0f %.0f\n", bare[groups / 2], audited[groups / 2]);
	free(bare);
	free(audited);
	return 0;
}
