/*
 * Hands a connection to another process over an AF_UNIX socket (SCM_RIGHTS) and closes its own descriptor, which
 * is no disconnect. The receiver, which saw neither its opening nor its past, writes to it.
 *
 * scm_rights bad    the peer has closed
 * scm_rights ok     the peer is there
 */
#include "tests/programs/support.h"

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static int take_over(int channel)
{
	union control control;
	char byte;
	struct iovec piece = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof control.space};
	int fd = -1;

	CHECK(recvmsg(channel, &message, MSG_CMSG_CLOEXEC) == 1);
	CHECK(CMSG_FIRSTHDR(&message) != NULL && control.header.cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
	return fd;
}

SITE void write_on_passed_descriptor(int fd)
{
	CHECK(write(fd, "by proxy", 8) == 8);
}

int main(int argc, char **argv)
{
	bool bad = same(argument(argc, argv, 1), "bad");
	char buffer[8];
	int channel[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, channel) == 0);
	pid_t child = fork();

	if (child == 0) {
		CHECK(close(channel[0]) == 0);
		int fd = take_over(channel[1]);

		write_on_passed_descriptor(fd);
		CHECK(close(fd) == 0);
		exit(0);
	}
	CHECK(close(channel[1]) == 0);
	struct ends ends = ends_open("tcp4");

	if (bad)
		peer_closes(ends, "tcp4");
	CHECK(pass_descriptor(channel[0], ends.ours) == 1);
	CHECK(close(ends.ours) == 0);
	if (!bad) {
		CHECK(recv(ends.theirs, buffer, sizeof buffer, MSG_WAITALL) == sizeof buffer);
		CHECK(close(ends.theirs) == 0);
	}
	child_succeeds(child);
	CHECK(close(channel[0]) == 0);
	return 0;
}
