/*
 * Children that share the memory of their parent, or leave no word of having been made, close and use numbers by libc's
 * functions. None of that is the parent's doing: its connections live on, and what a child misuses in a process of its
 * own is the child's.
 *
 * trap_p07_borrowed_memory vfork     close, close_range, dup2 and shutdown of the child's own, in the parent's memory
 * trap_p07_borrowed_memory clone     the same after clone(CLONE_VM | CLONE_VFORK), on a stack of its own
 * trap_p07_borrowed_memory raw       a child by the bare system call, which tells no fork handler; it misuses a socket
 * of its own
 */
#include "tests/programs/support.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static struct ends ends[3];

static int in_borrowed_memory(void *unused)
{
	int pair[2];

	(void)unused;
	if (close(ends[0].ours) != 0 || dup2(ends[2].theirs, ends[1].ours) < 0)
		_exit(1);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || close(pair[1]) != 0)
		_exit(2);
	if (close_range(3, ~0U, 0) != 0 || write(ends[0].theirs, "no", 2) != -1)
		_exit(3);
	_exit(0);
}

SITE void write_in_child(int fd)
{
	CHECK_FAILS(send(fd, "late", 4, MSG_NOSIGNAL), EPIPE);
}

static void in_own_memory(void)
{
	struct ends own = ends_open("pair");

	CHECK(close(own.theirs) == 0);
	write_in_child(own.ours);
	CHECK(close(own.ours) == 0);
	_exit(0);
}

static pid_t start(const char *way)
{
	enum { BYTES = 1 << 16 };
	char *stack = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t child;

	CHECK(stack != MAP_FAILED);
	if (same(way, "clone"))
		return clone(in_borrowed_memory, stack + BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	if (same(way, "vfork")) {
		child = vfork();
		if (child == 0)
			in_borrowed_memory(NULL);
		return child;
	}
	child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		in_own_memory();
	return child;
}

int main(int argc, char **argv)
{
	char buffer[5];

	for (int i = 0; i < 3; i++)
		ends[i] = ends_open(i == 1 ? "tcp4" : "pair");
	for (int i = 0; i < 5; i++)
		child_succeeds(start(argument(argc, argv, 1)));
	for (int i = 0; i < 3; i++) {
		CHECK(write(ends[i].ours, "alive", 5) == 5);
		CHECK(recv(ends[i].theirs, buffer, 5, MSG_WAITALL) == 5 && memcmp(buffer, "alive", 5) == 0);
		CHECK(close(ends[i].ours) == 0 && close(ends[i].theirs) == 0);
	}
	return 0;
}
