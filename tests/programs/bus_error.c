/*
 * bus_error.c: SIGBUS is the program's own, though the library has a handler for it from the first trace on. It makes a
 * trace with a write after the peer's end, and then touches a page behind the end of a file of its own.
 *
 *   handler  with a handler by sigaction, which has a mask and learns the address; asks what is set, and sets the one
 *   before again
 *   signal   with a handler by signal(), set before the trace was made
 *   once     with SA_RESETHAND: the second time kills
 *   fatal    without a handler
 *   sent     sent by kill(), without a handler
 *   ignored  ignored and sent by kill()
 */
#include <setjmp.h>
#include <sys/mman.h>

#include "tests/programs/support.h"

static sigjmp_buf back;
static char *page;
static int handled;

SITE void write_too_late(void)
{
	int ends[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	CHECK(close(ends[1]) == 0);
	CHECK_FAILS(send(ends[0], "late", 4, MSG_NOSIGNAL), EPIPE);
	CHECK(close(ends[0]) == 0);
}

static void touch(void)
{
	*(volatile char *)page = 1;
}

static void with_address(int number, siginfo_t *info, void *context)
{
	sigset_t mask;

	CHECK(number == SIGBUS && info->si_signo == SIGBUS && info->si_code == BUS_ADRERR && context);
	CHECK(info->si_addr == page);
	CHECK(sigprocmask(SIG_BLOCK, NULL, &mask) == 0);
	CHECK(sigismember(&mask, SIGBUS) && sigismember(&mask, SIGUSR2) && !sigismember(&mask, SIGUSR1));
	handled++;
	siglongjmp(back, 1);
}

static void plain(int number)
{
	handled += number == SIGBUS;
	siglongjmp(back, 1);
}

static void set_and_touch(void)
{
	struct sigaction wanted = {.sa_sigaction = with_address, .sa_flags = SA_SIGINFO};
	struct sigaction found;

	CHECK(sigaction(SIGBUS, NULL, &found) == 0 && found.sa_handler == SIG_DFL);
	sigaddset(&wanted.sa_mask, SIGUSR2);
	CHECK(sigaction(SIGBUS, &wanted, &found) == 0 && found.sa_handler == SIG_DFL);
	for (volatile int i = 0; i < 2; i++)
		if (!sigsetjmp(back, 1))
			touch();
	CHECK(handled == 2);
	CHECK(sigaction(SIGBUS, &found, &wanted) == 0);
	CHECK(wanted.sa_sigaction == with_address && wanted.sa_flags & SA_SIGINFO && !(wanted.sa_flags & SA_ONSTACK));
	CHECK(sigismember(&wanted.sa_mask, SIGUSR2) && !sigismember(&wanted.sa_mask, SIGUSR1));
	CHECK(signal(SIGBUS, plain) == SIG_DFL && signal(SIGBUS, SIG_DFL) == plain);
}

static void touch_once(void)
{
	const struct sigaction wanted = {.sa_handler = plain, .sa_flags = (int)SA_RESETHAND};
	struct sigaction found;

	CHECK(sigaction(SIGBUS, &wanted, NULL) == 0);
	if (!sigsetjmp(back, 1))
		touch();
	CHECK(handled == 1);
	CHECK(sigaction(SIGBUS, NULL, &found) == 0 && found.sa_handler == SIG_DFL);
	touch();
}

int main(int argc, char **argv)
{
	const char *what = argument(argc, argv, 1);
	FILE *empty = tmpfile();

	CHECK(empty);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(empty), 0);
	CHECK(page != MAP_FAILED);
	if (same(what, "signal"))
		CHECK(signal(SIGBUS, plain) == SIG_DFL);
	write_too_late();
	if (same(what, "handler")) {
		set_and_touch();
	} else if (same(what, "signal")) {
		if (!sigsetjmp(back, 1))
			touch();
		CHECK(handled == 1 && signal(SIGBUS, SIG_IGN) == plain && signal(SIGBUS, SIG_DFL) == SIG_IGN);
	} else if (same(what, "once")) {
		touch_once();
	} else if (same(what, "fatal")) {
		touch();
	} else if (same(what, "sent")) {
		kill(getpid(), SIGBUS);
	} else if (same(what, "ignored")) {
		CHECK(signal(SIGBUS, SIG_IGN) == SIG_DFL);
		CHECK(kill(getpid(), SIGBUS) == 0);
	} else {
		CHECK(!"what to do");
	}
	return 0;
}
