/*
 * A non-blocking connect after which the program asks nobody whether it came about: it just reads, and so finds out.
 *
 * connect_unasked WAY bad        the peer has closed: a read says so, and the program writes all the same
 * connect_unasked WAY ok         believes it, and writes nothing
 * connect_unasked WAY answered   reads what the peer sent, and closes
 * connect_unasked WAY reset      the peer has reset the connection: a read says so, and the program writes all the same
 * connect_unasked WAY filtered   the same under a seccomp filter of its own, so that no audit can ask the kernel
 * anything connect_unasked WAY refused    nobody listens: a read says so, the next one returns 0, and the program
 * writes all the same
 */
#include "tests/programs/support.h"
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static char buffer[16];
static struct iovec piece = {.iov_base = buffer, .iov_len = sizeof buffer};

SITE ssize_t learn_by_read(int fd)
{
	return read(fd, buffer, sizeof buffer);
}

SITE ssize_t learn_by_peek(int fd)
{
	return recv(fd, buffer, sizeof buffer, MSG_PEEK);
}

SITE ssize_t learn_by_recvmsg(int fd)
{
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

	return recvmsg(fd, &message, 0);
}

SITE ssize_t learn_by_recvmmsg(int fd)
{
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}};

	return recvmmsg(fd, &message, 1, 0, NULL) == 1 ? (ssize_t)message.msg_len : -1;
}

/* The peer's last byte and the end behind it, by one call. */
SITE ssize_t learn_by_both(int fd)
{
	struct mmsghdr messages[] = {
		{.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}},
		{.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}},
	};

	CHECK(recvmmsg(fd, messages, 2, 0, NULL) == 2 && messages[0].msg_len == 1);
	return (ssize_t)messages[1].msg_len;
}

SITE ssize_t learn_by_readv(int fd)
{
	return readv(fd, &piece, 1);
}

SITE ssize_t learn_by_splice(int fd)
{
	int pipes[2];
	ssize_t result;
	int error;

	CHECK(pipe(pipes) == 0);
	result = splice(fd, NULL, pipes[1], NULL, sizeof buffer, 0);
	error = errno;
	CHECK(close(pipes[0]) == 0 && close(pipes[1]) == 0);
	errno = error;
	return result;
}

SITE ssize_t learn_by_syscall(int fd)
{
	return syscall(SYS_read, fd, buffer, sizeof buffer);
}

/* Any byte it reads counts as one; the descriptor stays open. */
SITE ssize_t learn_by_fgetc(int fd)
{
	static FILE *stream;
	int byte;

	if (!stream)
		stream = fdopen(fd, "r");
	CHECK(stream);
	clearerr(stream);
	byte = fgetc(stream);
	return byte != EOF ? 1 : ferror(stream) ? -1 : 0;
}

static const struct way {
	const char *name;
	ssize_t (*learn)(int fd);
} ways[] = {
	{"read", learn_by_read},
	{"peek", learn_by_peek},
	{"recvmsg", learn_by_recvmsg},
	{"recvmmsg", learn_by_recvmmsg},
	{"both", learn_by_both},
	{"readv", learn_by_readv},
	{"splice", learn_by_splice},
	{"syscall", learn_by_syscall},
	{"fgetc", learn_by_fgetc},
};

static const struct way *way_named(const char *name)
{
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (same(ways[i].name, name))
			return &ways[i];
	CHECK(!"a way by that name");
	return NULL;
}

/* Ours has connected, and no call that the audit looks at has said so. */
static struct ends connect_unasked(void)
{
	int listener = listener_open("tcp4", 1);
	struct ends ends = {.ours = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};

	CHECK(ends.ours >= 0);
	CHECK_FAILS(connect_to(ends.ours, listener), EINPROGRESS);
	ends.theirs = accept(listener, NULL, NULL);
	CHECK(ends.theirs >= 0);
	CHECK(close(listener) == 0);
	wait_for_tcp_state(ends.ours, TCP_ESTABLISHED);
	return ends;
}

/* Its connect was refused, and no call that the audit looks at has said so. */
static int refused_unasked(void)
{
	struct sockaddr_storage address;
	int deaf = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	CHECK(bind(deaf, (struct sockaddr *)&address, any_address(AF_INET, &address)) == 0);
	CHECK_FAILS(connect_to(fd, deaf), EINPROGRESS);
	wait_for_tcp_state(fd, TCP_CLOSE);
	CHECK(close(deaf) == 0);
	return fd;
}

SITE void write_though_told(int fd, int error)
{
	ssize_t result = send(fd, "never mind", 10, MSG_NOSIGNAL);

	CHECK(error == 0 ? result == 10 : result == -1 && errno == error);
}

static void try_end(const struct way *way, bool writes)
{
	struct ends ends = connect_unasked();

	if (way->learn == learn_by_both)
		CHECK(write(ends.theirs, "1", 1) == 1);
	peer_closes(ends, "tcp4");
	CHECK(way->learn(ends.ours) == 0);
	if (writes)
		write_though_told(ends.ours, 0);
	CHECK(close(ends.ours) == 0);
}

static void try_answer(const struct way *way)
{
	struct ends ends = connect_unasked();

	CHECK(write(ends.theirs, "1", 1) == 1);
	wait_for_input(ends.ours, 1);
	CHECK(way->learn(ends.ours) == 1);
	CHECK(read(ends.ours, buffer, sizeof buffer) <= 1);
	CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
}

/* The filter allows all there is. */
static void install_filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {.len = 1, .filter = &allow};

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0) {
		fprintf(stderr, "no seccomp filter can be installed here\n");
		exit(77);
	}
}

static void try_reset(const struct way *way, bool filtered)
{
	struct ends ends = connect_unasked();

	peer_resets(ends);
	if (filtered)
		install_filter();
	CHECK_FAILS(way->learn(ends.ours), ECONNRESET);
	write_though_told(ends.ours, EPIPE);
	CHECK(close(ends.ours) == 0);
}

/*
 * The read that took the error leaves a socket that reads as one whose peer has closed (net/ipv4/tcp.c
 * tcp_recvmsg_locked).
 */
static void try_refused(const struct way *way)
{
	int fd = refused_unasked();

	CHECK_FAILS(way->learn(fd), ECONNREFUSED);
	CHECK(way->learn(fd) == 0);
	write_though_told(fd, EPIPE);
	CHECK(close(fd) == 0);
}

int main(int argc, char **argv)
{
	const struct way *way = way_named(argument(argc, argv, 1));
	const char *how = argument(argc, argv, 2);

	if (same(how, "answered"))
		try_answer(way);
	else if (same(how, "reset") || same(how, "filtered"))
		try_reset(way, same(how, "filtered"));
	else if (same(how, "refused"))
		try_refused(way);
	else
		try_end(way, same(how, "bad"));
	return 0;
}
