/*
 * A signal handler that leaves by siglongjmp comes while sockets are made: descriptors that no caller was told of must
 * not pile up. The kernel runs the handler before socket() has returned if the signal came in its midst, so some are
 * lost in any case; but the audit of it takes longer than the call, and must not make it more.
 */
#include "tests/programs/support.h"
#include <dirent.h>
#include <setjmp.h>
#include <sys/time.h>

enum { ROUNDS = 600, LOST_MAX = ROUNDS / 6, OTHER_CALLS = 800 };

static sigjmp_buf start;
static volatile sig_atomic_t armed;

static void jump(int number)
{
	CHECK(number == SIGALRM);
	if (armed)
		siglongjmp(start, 1);
}

static int open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	CHECK(directory);
	while (readdir(directory))
		count++;
	CHECK(closedir(directory) == 0);
	return count;
}

static void arm(long us)
{
	struct itimerval timer = {{0, 0}, {0, us}};

	CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

int main(void)
{
	struct sigaction action = {.sa_handler = jump};
	static volatile int fd = -1;
	int before;

	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	before = open_descriptors();
	for (int round = 0; round < ROUNDS; round++) {
		if (sigsetjmp(start, 1) == 0) {
			armed = 1;
			arm(50 + 3 * round % 900);
			for (;;) {
				int made;

				fd = socket(AF_INET, SOCK_STREAM, 0);
				made = fd;
				fd = -1; /* before the close: it may not come back */
				close(made);
				for (int i = 0; i < OTHER_CALLS; i++)
					getppid();
			}
		}
		armed = 0;
		arm(0);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	before = open_descriptors() - before;
	CHECK(before < LOST_MAX);
	return 0;
}
