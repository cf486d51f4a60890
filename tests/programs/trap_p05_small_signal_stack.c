/*
 * Writes to a peer that has closed from a signal handler that runs on a stack of its own, of the 8192 bytes that
 * SIGSTKSZ was for thirty years, with an unreadable page below it. An audit has to make do with the room that the
 * program left.
 *
 * trap_p05_small_signal_stack main     in the main thread
 * trap_p05_small_signal_stack thread   in another, whose first call on a socket this is
 */
#include "tests/programs/support.h"
#include <pthread.h>
#include <sys/mman.h>

enum { STACK_BYTES = 8192, PAGE_BYTES = 4096 };

static int fd;

SITE void write_in_handler(int number)
{
	CHECK(number == SIGUSR1);
	CHECK_FAILS(send(fd, "late", 4, MSG_NOSIGNAL), EPIPE);
}

static void *be_interrupted(void *unused)
{
	char *memory = mmap(NULL, STACK_BYTES + PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_sp = memory + PAGE_BYTES, .ss_size = STACK_BYTES};

	CHECK(memory != MAP_FAILED && mprotect(stack.ss_sp, STACK_BYTES, PROT_READ | PROT_WRITE) == 0);
	CHECK(sigaltstack(&stack, NULL) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(raise(SIGUSR1) == 0);
	return unused;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = write_in_handler, .sa_flags = SA_ONSTACK};
	struct ends ends = ends_open("pair");
	pthread_t thread;

	fd = ends.ours;
	CHECK(close(ends.theirs) == 0);
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	if (same(argument(argc, argv, 1), "thread")) {
		CHECK(pthread_create(&thread, NULL, be_interrupted, NULL) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
	} else {
		be_interrupted(NULL);
	}
	return 0;
}
