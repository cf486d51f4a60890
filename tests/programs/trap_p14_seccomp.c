/*
 * Puts itself into a sandbox after which a system call that it does not make itself kills it, and goes on with its
 * connections, one of which is dead. It ends as well as without an audit.
 *
 * trap_p14_seccomp filter    a filter that allows what this program does, and kills for anything else
 * trap_p14_seccomp strict    SECCOMP_MODE_STRICT: read, write and exit
 * trap_p14_seccomp raw       the filter by the system call itself, and a thread that was there before
 */
#include "tests/programs/support.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static struct ends dead;
static struct ends alive;

#define ALLOW(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter rules[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	ALLOW(SYS_write),
	ALLOW(SYS_read),
	ALLOW(SYS_sendto),
	ALLOW(SYS_recvfrom),
	ALLOW(SYS_close),
	ALLOW(SYS_exit),
	ALLOW(SYS_exit_group),
	ALLOW(SYS_futex),
	ALLOW(SYS_rt_sigprocmask),
	ALLOW(SYS_madvise),
	ALLOW(SYS_rseq),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

static struct sock_fprog program = {.len = sizeof rules / sizeof *rules, .filter = rules};

SITE void write_in_sandbox(void)
{
	for (int i = 0; i < 3; i++)
		CHECK_FAILS(write(dead.ours, "late", 4), EPIPE);
}

static void go_on(void)
{
	char bytes[5];

	write_in_sandbox();
	CHECK(write(alive.ours, "alive", 5) == 5);
	CHECK(read(alive.theirs, bytes, 5) == 5);
}

static _Atomic bool started;

static void *go_on_and_end(void *entered)
{
	struct ends before = ends_open("pair");

	/* whatever an audit keeps for a thread that used sockets, it cannot give back by a call of its own later on */
	CHECK(close(before.ours) == 0 && close(before.theirs) == 0);
	started = true;
	while (!*(_Atomic bool *)entered)
		continue;
	go_on();
	return NULL;
}

int main(int argc, char **argv)
{
	static _Atomic bool entered;
	const char *way = argument(argc, argv, 1);
	pthread_t thread;

	signal(SIGPIPE, SIG_IGN);
	dead = ends_open("pair");
	alive = ends_open("tcp4");
	CHECK(close(dead.theirs) == 0);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (same(way, "raw")) {
		CHECK(pthread_create(&thread, NULL, go_on_and_end, &entered) == 0);
		while (!started) /* its start makes calls of libc's that the filter does not allow */
			continue;
		CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0);
		entered = true;
		CHECK(pthread_join(thread, NULL) == 0);
	} else if (same(way, "filter")) {
		CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
	} else {
		CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) == 0);
	}
	go_on();
	syscall(SYS_exit, 0);
	return 1;
}
