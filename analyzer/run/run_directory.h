/*
 * run_directory.h: where the traces of one `socksan run` live.
 *
 * Either a private directory below TMPDIR (or /tmp), which goes when the report has been written, or the directory
 * that --log-dir names. That one may hold the traces of earlier runs, or of others at this moment, so each run's
 * files begin with a name of its own, and only those are ever reported or removed.
 */
#ifndef SOCKSAN_RUN_DIRECTORY_H
#define SOCKSAN_RUN_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

struct run_directory {
	char *path; /* absolute, without links */
	char *log_path; /* the prefix that all traces of this run begin with */
	char *roster; /* an empty file, for the audited processes to sign in */
	bool temporary;
};

/*
 * Makes the directory and the roster in it. `log_dir` is created with mode 0700, whatever the umask, where it is
 * missing; NULL asks for a temporary directory. Returns false, having said why on standard error, where that fails:
 * nothing is left behind then.
 */
bool run_directory_open(struct run_directory *directory, const char *log_dir);

/*
 * The traces of this run, sorted by name, NULL-terminated. Their number goes to `*count`.
 * run_directory_free_traces() ends it.
 */
char **run_directory_traces(const struct run_directory *directory, size_t *count);

void run_directory_free_traces(char **traces);

/* Removes the roster, and a temporary directory with all that is in it. */
void run_directory_remove(const struct run_directory *directory);

void run_directory_free(struct run_directory *directory);

#endif
