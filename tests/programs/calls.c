/*
 * One write by each call that can make one: to a peer that has closed, after the program's own shutdown, or well.
 *
 * calls closed CALL     returns success, the bytes are lost
 * calls shutdown CALL   fails with EPIPE
 * calls ok CALL         to a peer that reads them
 */
#include "tests/programs/support.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum { LENGTH = 10 };

ssize_t __write(int fd, const void *buffer, size_t length);
/* A name that libc has kept from before arm64 came: not there. */
ssize_t __send(int fd, const void *buffer, size_t length, int flags) __attribute__((weak));

static char bytes[LENGTH] = "0123456789";
static struct iovec halves[2] = {{bytes, 4}, {bytes + 4, LENGTH - 4}};

SITE ssize_t write_by_write(int fd)
{
	ssize_t result = write(fd, bytes, LENGTH);

	CHECK(errno != EINTR);
	return result;
}

SITE ssize_t write_by_write_alias(int fd)
{
	ssize_t result = __write(fd, bytes, LENGTH);

	CHECK(errno != EINTR);
	return result;
}

SITE ssize_t write_by_writev(int fd)
{
	ssize_t result = writev(fd, halves, 2);

	CHECK(errno != EINTR);
	return result;
}

SITE ssize_t write_by_pwritev2(int fd)
{
	ssize_t result = pwritev2(fd, halves, 2, -1, 0);

	CHECK(errno != EINTR);
	return result;
}

SITE ssize_t write_by_send(int fd)
{
	ssize_t result = send(fd, bytes, LENGTH, 0);

	CHECK(errno != EINTR);
	return result;
}

SITE ssize_t write_by_send_alias(int fd)
{
	ssize_t result = __send(fd, bytes, LENGTH, 0);

	CHECK(errno != EINTR);
	return result;
}

SITE ssize_t write_by_sendto(int fd)
{
	ssize_t result = sendto(fd, bytes, LENGTH, 0, NULL, 0);

	CHECK(errno != EINTR);
	return result;
}

SITE ssize_t write_by_sendmsg(int fd)
{
	struct msghdr message = {.msg_iov = halves, .msg_iovlen = 2};
	ssize_t result = sendmsg(fd, &message, 0);

	CHECK(errno != EINTR);
	return result;
}

SITE ssize_t write_by_sendmmsg(int fd)
{
	struct mmsghdr message = {.msg_hdr = {.msg_iov = halves, .msg_iovlen = 2}};
	int sent = sendmmsg(fd, &message, 1, 0);

	CHECK(sent == -1 || (sent == 1 && message.msg_len == LENGTH));
	return sent == 1 ? (ssize_t)message.msg_len : -1;
}

SITE ssize_t write_by_sendfile(int fd)
{
	int file = memfd_create("bytes", MFD_CLOEXEC);
	off_t offset = 0;

	CHECK(file >= 0 && pwrite(file, bytes, LENGTH, 0) == LENGTH);
	ssize_t result = sendfile(fd, file, &offset, LENGTH);
	int error = errno;

	CHECK(close(file) == 0);
	errno = error;
	return result;
}

SITE ssize_t write_by_splice(int fd)
{
	int channel[2];

	CHECK(pipe(channel) == 0 && write(channel[1], bytes, LENGTH) == LENGTH);
	ssize_t result = splice(channel[0], NULL, fd, NULL, LENGTH, 0);
	int error = errno;

	CHECK(close(channel[0]) == 0 && close(channel[1]) == 0);
	errno = error;
	return result;
}

SITE ssize_t write_by_syscall_write(int fd)
{
	ssize_t result = syscall(SYS_write, fd, bytes, (size_t)LENGTH);

	CHECK(errno != EINTR);
	return result;
}

SITE ssize_t write_by_syscall_sendto(int fd)
{
	ssize_t result = syscall(SYS_sendto, fd, bytes, (size_t)LENGTH, 0, NULL, 0);

	CHECK(errno != EINTR);
	return result;
}

static const struct {
	const char *name;
	ssize_t (*write)(int fd);
} calls[] = {
	{"write", write_by_write},
	{"write_alias", write_by_write_alias},
	{"writev", write_by_writev},
	{"pwritev2", write_by_pwritev2},
	{"send", write_by_send},
	{"send_alias", write_by_send_alias},
	{"sendto", write_by_sendto},
	{"sendmsg", write_by_sendmsg},
	{"sendmmsg", write_by_sendmmsg},
	{"sendfile", write_by_sendfile},
	{"splice", write_by_splice},
	{"syscall_write", write_by_syscall_write},
	{"syscall_sendto", write_by_syscall_sendto},
};

int main(int argc, char **argv)
{
	const char *state = argument(argc, argv, 1);
	struct ends ends = ends_open("tcp4");
	char received[LENGTH];
	size_t call = 0;

	while (!same(calls[call].name, argument(argc, argv, 2)))
		CHECK(++call < sizeof calls / sizeof *calls);
	if (calls[call].write == write_by_send_alias && !__send) {
		fprintf(stderr, "this libc has no __send\n");
		return 77;
	}
	count_sigpipe();
	if (same(state, "closed"))
		peer_closes(ends, "tcp4");
	if (same(state, "shutdown"))
		CHECK(shutdown(ends.ours, SHUT_WR) == 0);

	ssize_t result = calls[call].write(ends.ours);

	if (same(state, "shutdown"))
		CHECK(result == -1 && errno == EPIPE && sigpipe_count == 1);
	else
		CHECK(result == LENGTH && sigpipe_count == 0);
	if (same(state, "ok")) {
		wait_for_input(ends.theirs, LENGTH);
		CHECK(read(ends.theirs, received, LENGTH) == LENGTH && memcmp(received, bytes, LENGTH) == 0);
	}
	CHECK(close(ends.ours) == 0);
	return 0;
}
