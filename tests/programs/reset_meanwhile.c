/*
 * Writes to a peer that has shut its writing half, and resets the connection when someone has asked how it stands: an
 * answer that is old by the time the write is made. The peer follows the writer's system calls (ptrace), so that this
 * comes to pass each time.
 *
 * reset_meanwhile reset    bare, the reset comes at the write itself
 * reset_meanwhile ok       it does not reset
 */
#include "tests/programs/support.h"
#include <sys/ptrace.h>
#include <sys/syscall.h>

static struct ends ends;
static bool peer_stays;

SITE ssize_t late_write(int fd)
{
	ssize_t result = send(fd, "too late?", 9, MSG_NOSIGNAL);

	CHECK(result != 0);
	return result;
}

static int be_writer(void)
{
	CHECK(close(ends.theirs) == 0);
	CHECK(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
	CHECK(raise(SIGSTOP) == 0);
	if (peer_stays)
		CHECK(late_write(ends.ours) == 9);
	else
		CHECK_FAILS(late_write(ends.ours), EPIPE);
	CHECK(close(ends.ours) == 0);
	return 0;
}

/* Whether the writer is about to write, or has just been told the state of a connection. */
static bool is_the_moment(pid_t writer)
{
	static bool asked;
	struct __ptrace_syscall_info call;

	memset(&call, 0, sizeof call);
	CHECK(ptrace(PTRACE_GET_SYSCALL_INFO, writer, (void *)sizeof call, &call) > 0);
	if (call.op == PTRACE_SYSCALL_INFO_ENTRY)
		asked = call.entry.nr == SYS_getsockopt && call.entry.args[1] == IPPROTO_TCP &&
			call.entry.args[2] == TCP_INFO;
	return call.op == PTRACE_SYSCALL_INFO_ENTRY ? call.entry.nr == SYS_sendto : asked;
}

static void follow(pid_t writer)
{
	bool done = peer_stays;
	int status = 0;

	CHECK(waitpid(writer, &status, 0) == writer && WIFSTOPPED(status));
	CHECK(ptrace(PTRACE_SETOPTIONS, writer, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) == 0);
	while (!WIFEXITED(status)) {
		CHECK(ptrace(PTRACE_SYSCALL, writer, NULL, NULL) == 0);
		CHECK(waitpid(writer, &status, 0) == writer);
		if (!done && WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80) && is_the_moment(writer)) {
			peer_resets(ends);
			done = true;
		}
	}
	CHECK(WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv)
{
	pid_t writer;

	if (ptrace(PTRACE_CONT, 0, NULL, NULL) < 0 && errno == ENOSYS) {
		fprintf(stderr, "there is no ptrace here\n");
		return 77;
	}
	peer_stays = same(argument(argc, argv, 1), "ok");
	ends = ends_open("tcp4");
	CHECK(shutdown(ends.theirs, SHUT_WR) == 0);
	wait_for_tcp_state(ends.ours, TCP_CLOSE_WAIT);
	writer = fork();
	CHECK(writer >= 0);
	if (writer == 0)
		return be_writer();
	follow(writer);
	return 0;
}
