/*
 * launch.c: see launch.h.
 */
#include "analyzer/run/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyzer/base/text.h"

static void hand_on(int signal_number);

/* Whether a signal that was ignored (nohup) stays so: it would not reach the command either. */
static const struct {
	void (*handler)(int);
	int number;
	bool stays_ignored;
} handled_signals[] = {
	{SIG_IGN, SIGINT, true},
	{SIG_IGN, SIGQUIT, true},
	{hand_on, SIGTERM, true},
	{hand_on, SIGHUP, true},
	/* Ignored, it would take the command's exit status away. */
	{SIG_DFL, SIGCHLD, false},
};

#define HANDLED_SIGNALS (sizeof(handled_signals) / sizeof(*handled_signals))

/* What the signals did before. */
struct dispositions {
	struct sigaction actions[HANDLED_SIGNALS];
	sigset_t mask;
};

/* To whom signals are handed on. 0 where nobody is there, or nobody any more: the number may soon be another's. */
static volatile sig_atomic_t command_pid;

static void hand_on(int signal_number)
{
	int error = errno;

	if (command_pid)
		kill(command_pid, signal_number);
	errno = error;
}

/* Blocks the handled signals and returns the mask before that. */
static sigset_t block_signals(void)
{
	sigset_t blocked;
	sigset_t before;

	sigemptyset(&blocked);
	for (size_t i = 0; i < HANDLED_SIGNALS; i++)
		sigaddset(&blocked, handled_signals[i].number);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	return before;
}

static void take_signals(struct dispositions *before)
{
	before->mask = block_signals();
	for (size_t i = 0; i < HANDLED_SIGNALS; i++) {
		struct sigaction action = {.sa_handler = handled_signals[i].handler, .sa_flags = SA_RESTART};

		sigemptyset(&action.sa_mask);
		sigaction(handled_signals[i].number, NULL, &before->actions[i]);
		if (before->actions[i].sa_handler != SIG_IGN || !handled_signals[i].stays_ignored)
			sigaction(handled_signals[i].number, &action, NULL);
	}
}

static void give_back_signals(const struct dispositions *before)
{
	for (size_t i = 0; i < HANDLED_SIGNALS; i++)
		sigaction(handled_signals[i].number, &before->actions[i], NULL);
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

/* What execvp() does with a file that has no format: "sh FILE ARGUMENTS". */
static void execute_shell(const char *path, char *const argv[], char *const environment[])
{
	size_t count = 0;
	char **shell_argv;

	while (argv[count])
		count++;
	shell_argv = text_allocate((count + 2) * sizeof(*shell_argv));
	shell_argv[0] = (char *)"/bin/sh";
	shell_argv[1] = (char *)path;
	for (size_t i = 1; i < count; i++)
		shell_argv[i + 1] = argv[i];
	execve(shell_argv[0], shell_argv, environment);
}

/* In the child. The pipe closes by itself where the exec succeeds; otherwise it carries errno. */
static void become(const char *path, char *const argv[], char *const environment[], const struct dispositions *before,
	int pipe_end)
{
	ssize_t written;
	int error;

	give_back_signals(before);
	execve(path, argv, environment);
	if (errno == ENOEXEC)
		execute_shell(path, argv, environment);
	error = errno;
	do {
		written = write(pipe_end, &error, sizeof(error));
	} while (written < 0 && errno == EINTR);
	_exit(127);
}

/*
 * Waits for the end without taking it, so that the pid stays the command's until no signal is handed on any more.
 */
static void await_end(struct launch *launch)
{
	siginfo_t info;

	while (waitid(P_PID, (id_t)launch->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	block_signals();
	command_pid = 0;
	while (waitpid(launch->pid, &launch->wait_status, 0) < 0 && errno == EINTR)
		;
}

static void fail(struct launch *launch, enum launch_failure failure, int error)
{
	launch->failure = failure;
	launch->error = error;
}

/* In the parent: learns whether the exec succeeded. */
static void read_failure(struct launch *launch, int pipe_end)
{
	ssize_t length;
	int error;

	do {
		length = read(pipe_end, &error, sizeof(error));
	} while (length < 0 && errno == EINTR);
	if (length == sizeof(error))
		fail(launch, LAUNCH_CANNOT_EXECUTE, error);
}

void launch_wait(struct launch *launch, const char *path, char *const argv[], char *const environment[])
{
	struct dispositions before;
	int pipe_ends[2];

	*launch = (struct launch){0};
	if (pipe2(pipe_ends, O_CLOEXEC)) {
		fail(launch, LAUNCH_CANNOT_START, errno);
		return;
	}
	take_signals(&before);
	launch->pid = fork();
	if (!launch->pid)
		become(path, argv, environment, &before, pipe_ends[1]);
	if (launch->pid < 0)
		fail(launch, LAUNCH_CANNOT_START, errno);
	close(pipe_ends[1]);
	if (launch->pid > 0) {
		command_pid = launch->pid;
		sigprocmask(SIG_SETMASK, &before.mask, NULL);
		read_failure(launch, pipe_ends[0]);
		await_end(launch);
	}
	close(pipe_ends[0]);
	give_back_signals(&before);
}
