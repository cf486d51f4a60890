/*
 * launch.h: runs the command as if socksan were not there.
 *
 * The command gets this process's standard streams, signal dispositions, signal mask, process group and limits as
 * they were when launch_wait() was called. Signals that this process is sent meanwhile are handed on to it, but for
 * those that it sends itself, and for those of a terminal, which sends them to both.
 */
#ifndef SOCKSAN_LAUNCH_H
#define SOCKSAN_LAUNCH_H

#include <sys/types.h>

enum launch_failure {
	LAUNCH_NO_FAILURE,
	LAUNCH_CANNOT_START, /* socksan had no process or no descriptor for it */
	LAUNCH_CANNOT_EXECUTE, /* the kernel refused to execute it */
};

struct launch {
	pid_t pid;
	int wait_status; /* as waitpid gave it */
	enum launch_failure failure;
	int error; /* errno of that failure */
};

/*
 * Starts the program `path` with `argv` and `environment` and waits until it ends. Where the kernel does not know
 * its format, it is given to the shell, as execvp() does. Not for programs with threads.
 *
 * Afterwards the signals that ended the command do not end this process: whoever stops a whole group (timeout, a
 * service manager) may send them once more. Where it was not started, all is as before the call.
 */
void launch_wait(struct launch *launch, const char *path, char *const argv[], char *const environment[]);

/*
 * From now on SIGINT and SIGQUIT end this process, unless they were ignored, once `words` are on standard error. These
 * have to stay.
 */
void launch_report_begins(const char *words);

#endif
