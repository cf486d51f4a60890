/*
 * left_by_jump.c ARGUMENT: a signal handler leaves calls on sockets by siglongjmp, the old way to give a call a time
 * limit. Afterwards the program makes the classic mistake five times, once more in a child, and all of it must be
 * reported.
 *
 * storm: a timer interrupts whatever runs, the audit's own work included. blocked: sends that wait, on connections in
 * order.
 */
#include "tests/programs/support.h"
#include <setjmp.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { ROUNDS = 400, MISTAKES = 5 };

static sigjmp_buf back;
static volatile sig_atomic_t armed;
static volatile int open_numbers[2] = {-1, -1};

static void jump(int number)
{
	if (number == SIGALRM && armed)
		siglongjmp(back, 1);
}

static void arm(int microseconds)
{
	struct itimerval timer = {.it_value.tv_usec = microseconds};

	armed = microseconds != 0;
	CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

SITE void write_after_end(void)
{
	struct ends ends = ends_open("tcp4");
	char byte;

	CHECK(close(ends.theirs) == 0);
	CHECK(recv(ends.ours, &byte, 1, 0) == 0);
	CHECK(send(ends.ours, "x", 1, MSG_NOSIGNAL) == 1);
	CHECK(close(ends.ours) == 0);
}

/* Nothing is checked here: any of these calls may be the one that is left. */
static void churn(void)
{
	for (;;) {
		int fds[2] = {-1, -1};
		char byte;

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
			return;
		open_numbers[0] = fds[0];
		open_numbers[1] = fds[1];
		close(fds[1]);
		open_numbers[1] = -1;
		recv(fds[0], &byte, 1, 0);
		send(fds[0], "x", 1, MSG_NOSIGNAL);
		close(fds[0]);
		open_numbers[0] = -1;
	}
}

static void storm(void)
{
	for (volatile int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < 2; i++) {
			if (open_numbers[i] >= 0)
				close(open_numbers[i]);
			open_numbers[i] = -1;
		}
		if (sigsetjmp(back, 1) == 0) {
			arm(200 + round);
			churn();
		}
		arm(0);
	}
}

static void block(void)
{
	static char much[1 << 20];

	for (volatile int round = 0; round < 8; round++) {
		struct ends ends = ends_open("pair");

		if (sigsetjmp(back, 1) == 0) {
			arm(2000);
			while (send(ends.ours, much, sizeof(much), MSG_NOSIGNAL) > 0)
				;
		}
		arm(0);
		CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = jump};
	pid_t child;
	int status;

	CHECK(argc == 2 && sigaction(SIGALRM, &action, NULL) == 0);
	same(argv[1], "storm") ? storm() : block();
	for (int i = 0; i < MISTAKES; i++)
		write_after_end();
	child = fork();
	if (child == 0) {
		write_after_end();
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	return 0;
}
