/*
 * launch.h: runs the command as if socksan were not there.
 *
 * The command gets this process's standard streams, signal dispositions, signal mask, process group and limits as
 * they were when launch_wait() was called. Meanwhile SIGINT and SIGQUIT are left to the command (a terminal sends
 * them to both), and SIGTERM and SIGHUP are handed on to it.
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
 */
void launch_wait(struct launch *launch, const char *path, char *const argv[], char *const environment[]);

#endif
