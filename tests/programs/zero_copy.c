/*
 * Sends with MSG_ZEROCOPY. The kernel says by the socket's error queue, and by POLLERR, when it is done with the
 * memory: that is no error, and tells nothing about the peer.
 *
 * zero_copy ok        sends, is told by poll and by epoll, reads the notices from the error queue, and sends on
 * zero_copy closed    the same, and then the peer closes: a write by zero copy that is lost, of which it had not been
 * told zero_copy told      the same, and a read returns 0 before that write
 * zero_copy reset     the peer resets: poll says POLLERR, as it does of a notice, and the write is refused
 */
#include "tests/programs/support.h"
#include <linux/errqueue.h>
#include <poll.h>
#include <sys/epoll.h>

enum { LENGTH = 10000 };

static char bytes[LENGTH];

SITE ssize_t send_without_copy(int fd)
{
	ssize_t result = send(fd, bytes, sizeof bytes, MSG_ZEROCOPY | MSG_NOSIGNAL);

	CHECK(errno != EINTR);
	return result;
}

/* Waits until the error queue has a notice, in both ways that there are, and reads it. */
static void take_notice(int fd)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	union {
		struct cmsghdr header;
		char bytes[512];
	} control;
	struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof control};
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	CHECK(poll(&polled, 1, WAIT_BOUND_MS) == 1 && polled.revents == POLLERR);
	CHECK(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
	CHECK(epoll_wait(epoll, &event, 1, WAIT_BOUND_MS) == 1 && event.events == EPOLLERR);
	CHECK(close(epoll) == 0);
	CHECK(recvmsg(fd, &message, MSG_ERRQUEUE) == 0 && message.msg_flags & MSG_ERRQUEUE);
	for (const struct cmsghdr *part = CMSG_FIRSTHDR(&message); part;
		part = CMSG_NXTHDR(&message, (struct cmsghdr *)part)) {
		const struct sock_extended_err *notice = (const struct sock_extended_err *)CMSG_DATA(part);

		CHECK(notice->ee_errno == 0 && notice->ee_origin == SO_EE_ORIGIN_ZEROCOPY);
	}
}

static void receive(int fd)
{
	size_t length = 0;

	while (length < LENGTH) {
		ssize_t count = read(fd, bytes, sizeof bytes);

		CHECK(count > 0);
		length += (size_t)count;
	}
}

static void send_well(struct ends ends)
{
	CHECK(send_without_copy(ends.ours) == LENGTH);
	receive(ends.theirs);
	take_notice(ends.ours);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	struct ends ends = ends_open("tcp4");
	struct pollfd polled = {.fd = ends.ours, .events = POLLIN};
	char byte;
	int one = 1;

	CHECK(setsockopt(ends.ours, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one) == 0);
	send_well(ends);
	send_well(ends);
	if (same(how, "reset")) {
		peer_resets(ends);
		CHECK(poll(&polled, 1, 0) == 1 && polled.revents & POLLERR);
		CHECK(send_without_copy(ends.ours) == -1 && errno == ECONNRESET);
	} else if (!same(how, "ok")) {
		peer_closes(ends, "tcp4");
		if (same(how, "told"))
			CHECK(read(ends.ours, &byte, 1) == 0);
		CHECK(send_without_copy(ends.ours) == LENGTH);
	}
	CHECK(close(ends.ours) == 0);
	return 0;
}
