/*
 * The first socket of the whole process is made in a signal handler that has interrupted malloc, as a handler for
 * crashes does that tells somebody of it. Whatever an audit sets up then, it must not come from malloc, nor from the
 * loader, which calls malloc. The malloc here is the program's own and cannot be entered twice, like any other; and the
 * signal comes inside it.
 *
 * trap_p05_first_socket_in_handler same     on the stack that was interrupted
 * trap_p05_first_socket_in_handler other    on a stack for signal handlers
 */
#include "tests/programs/support.h"

static volatile bool busy, due, written;
static char blocks[4 << 20] __attribute__((aligned(16)));
static size_t used;
static void *volatile block;

/* Never gives anything back: 16 bytes before each block hold its size. */
void *malloc(size_t bytes)
{
	char *made;

	CHECK(!busy);
	busy = true;
	made = blocks + used + 16;
	used += (bytes + 31) / 16 * 16;
	CHECK(used <= sizeof blocks);
	memcpy(made - 16, &bytes, sizeof bytes);
	if (due) {
		due = false;
		CHECK(raise(SIGUSR1) == 0);
	}
	busy = false;
	return made;
}

void free(void *old)
{
	CHECK(!busy || !old);
}

void *calloc(size_t count, size_t bytes)
{
	return malloc(count * bytes); /* from .bss, used once */
}

void *realloc(void *old, size_t bytes)
{
	void *larger = malloc(bytes);
	size_t before = 0;

	if (old)
		memcpy(&before, (char *)old - 16, sizeof before);
	return old ? memcpy(larger, old, before < bytes ? before : bytes) : larger;
}

SITE void write_in_handler(int number)
{
	struct ends ends = ends_open("pair");

	CHECK(number == SIGUSR1);
	CHECK(close(ends.theirs) == 0);
	CHECK_FAILS(send(ends.ours, "late", 4, MSG_NOSIGNAL), EPIPE);
	written = true;
}

SITE void write_afterwards(void)
{
	struct ends more = ends_open("pair");

	CHECK(close(more.theirs) == 0);
	CHECK_FAILS(send(more.ours, "later", 5, MSG_NOSIGNAL), EPIPE);
}

int main(int argc, char **argv)
{
	static char other_stack[256 << 10];
	struct sigaction action = {.sa_handler = write_in_handler, .sa_flags = SA_ONSTACK};

	if (same(argument(argc, argv, 1), "other"))
		CHECK(sigaltstack(&(stack_t){.ss_sp = other_stack, .ss_size = sizeof other_stack}, NULL) == 0);
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	due = true;
	block = malloc(100);
	CHECK(block != NULL);
	free(block);
	CHECK(written);
	write_afterwards();
	return 0;
}
