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

static void hand_on(int signal_number, siginfo_t *info, void *context);

/*
 * Each is handed on even where it was ignored before: the command, which ignores it too at first, may have changed
 * that. SIGCHLD is only put back: ignored, it would take the command's exit status away.
 */
static const int handled_signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF,
	SIGIO, SIGPWR, SIGWINCH, SIGCHLD};

#define HANDLED_SIGNALS (sizeof(handled_signals) / sizeof(*handled_signals))

/* What the signals did before the launch. */
static struct {
	struct sigaction actions[HANDLED_SIGNALS];
	sigset_t mask;
} before_launch;

/* To whom signals are handed on. 0 where nobody is there, or nobody any more: the number may soon be another's. */
static volatile sig_atomic_t command_pid;

/* What is said when the report is interrupted. */
static const char *volatile last_words;

/* A terminal sends these to the whole group in its foreground: the command has them already. */
static bool is_from_terminal(int signal_number, const siginfo_t *info)
{
	return info->si_code > 0 && (signal_number == SIGINT || signal_number == SIGQUIT || signal_number == SIGWINCH);
}

static void hand_on(int signal_number, siginfo_t *info, void *context)
{
	int error = errno;
	pid_t pid = command_pid;
	bool is_its_own = (info->si_code == SI_USER || info->si_code == SI_QUEUE) && info->si_pid == pid;

	(void)context;
	if (pid && !is_its_own && !is_from_terminal(signal_number, info))
		kill(pid, signal_number);
	errno = error;
}

/* The report is given up; the traces are still there. */
static void end_early(int signal_number)
{
	const char *words = last_words;
	ssize_t written = write(STDERR_FILENO, words, strlen(words));

	(void)written;
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* Blocks the handled signals and returns the mask before that. */
static sigset_t block_signals(void)
{
	sigset_t blocked;
	sigset_t before;

	sigemptyset(&blocked);
	for (size_t i = 0; i < HANDLED_SIGNALS; i++)
		sigaddset(&blocked, handled_signals[i]);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	return before;
}

static void take_signals(void)
{
	before_launch.mask = block_signals();
	for (size_t i = 0; i < HANDLED_SIGNALS; i++) {
		struct sigaction action = {.sa_sigaction = hand_on, .sa_flags = SA_RESTART | SA_SIGINFO};

		if (handled_signals[i] == SIGCHLD)
			action = (struct sigaction){.sa_handler = SIG_DFL};
		sigemptyset(&action.sa_mask);
		sigaction(handled_signals[i], &action, &before_launch.actions[i]);
	}
}

static void give_back_signals(void)
{
	for (size_t i = 0; i < HANDLED_SIGNALS; i++)
		sigaction(handled_signals[i], &before_launch.actions[i], NULL);
	sigprocmask(SIG_SETMASK, &before_launch.mask, NULL);
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
static void become(const char *path, char *const argv[], char *const environment[], int pipe_end)
{
	ssize_t written;
	int error;

	give_back_signals();
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

void launch_report_begins(const char *words)
{
	last_words = words;
	for (size_t i = 0; i < HANDLED_SIGNALS; i++) {
		struct sigaction action = {.sa_handler = end_early};
		int number = handled_signals[i];

		sigemptyset(&action.sa_mask);
		if ((number == SIGINT || number == SIGQUIT) && before_launch.actions[i].sa_handler != SIG_IGN)
			sigaction(number, &action, NULL);
	}
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
	int pipe_ends[2];

	*launch = (struct launch){0};
	if (pipe2(pipe_ends, O_CLOEXEC)) {
		fail(launch, LAUNCH_CANNOT_START, errno);
		return;
	}
	take_signals();
	launch->pid = fork();
	if (!launch->pid)
		become(path, argv, environment, pipe_ends[1]);
	if (launch->pid < 0)
		fail(launch, LAUNCH_CANNOT_START, errno);
	close(pipe_ends[1]);
	if (launch->pid > 0) {
		command_pid = launch->pid;
		sigprocmask(SIG_SETMASK, &before_launch.mask, NULL);
		read_failure(launch, pipe_ends[0]);
		await_end(launch);
	}
	close(pipe_ends[0]);
	if (launch->failure)
		give_back_signals();
	else
		sigprocmask(SIG_SETMASK, &before_launch.mask, NULL);
}
