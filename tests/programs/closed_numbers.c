/*
 * Asks about numbers that it has closed, as programs do to find out what is open. Every call must say that they are
 * closed, also where the quarantine keeps them; none of them is a mistake.
 *
 * closed_numbers WAY
 *   flags       fcntl with F_GETFD, F_GETFL, F_SETFD, F_DUPFD of all numbers
 *   status      fstat, fstatat and statx with an empty name, fstatvfs, isatty
 *   poll        poll and ppoll: POLLNVAL
 *   select      select and pselect
 *   epoll       epoll_ctl
 *   copies      dup, dup2, dup3
 *   options     getsockopt, setsockopt, getsockname, getpeername, ioctl, listen, accept
 *   reads       read, recv, recvmsg
 *   streams     fdopen and fdopendir
 *   passing     hands it to another process
 *   listing     counts /proc/self/fd
 */
#include "tests/programs/support.h"
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { NUMBERS = 64 };

static bool closed[NUMBERS];

static void ask_flags(int fd)
{
	for (int i = 0; i < NUMBERS; i++)
		CHECK(!closed[i] || (errno = 0, fcntl(i, F_GETFD) == -1 && errno == EBADF));
	CHECK_FAILS(fcntl(fd, F_GETFL), EBADF);
	CHECK_FAILS(fcntl(fd, F_SETFD, FD_CLOEXEC), EBADF);
	CHECK_FAILS(fcntl(fd, F_SETFL, O_NONBLOCK), EBADF);
	CHECK_FAILS(fcntl(fd, F_DUPFD, 3), EBADF);
	CHECK_FAILS(fcntl(fd, F_DUPFD_CLOEXEC, 3), EBADF);
}

static void ask_status(int fd)
{
	struct stat status;
	struct stat64 status64;
	struct statx statusx;

	CHECK_FAILS(fstat(fd, &status), EBADF);
	CHECK_FAILS(fstat64(fd, &status64), EBADF);
	CHECK_FAILS(fstatat(fd, "", &status, AT_EMPTY_PATH), EBADF);
	CHECK_FAILS(statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &statusx), EBADF);
	CHECK(fstatat(fd, "/", &status, 0) == 0 && S_ISDIR(status.st_mode));
	CHECK(statx(fd, "/", 0, STATX_TYPE, &statusx) == 0);
	errno = 0;
	CHECK(isatty(fd) == 0 && errno == EBADF);
}

static void ask_poll(int fd)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN | POLLOUT};

	CHECK(poll(&polled, 1, -1) == 1 && polled.revents == POLLNVAL);
	polled.revents = 0;
	CHECK(ppoll(&polled, 1, NULL, NULL) == 1 && polled.revents == POLLNVAL);
}

static void ask_select(int fd)
{
	for (int i = 0; i < 3; i++) {
		fd_set set;
		fd_set *sets[3] = {NULL};

		FD_ZERO(&set);
		FD_SET(fd, &set);
		sets[i] = &set;
		CHECK_FAILS(select(fd + 1, sets[0], sets[1], sets[2], NULL), EBADF);
		CHECK_FAILS(pselect(fd + 1, sets[0], sets[1], sets[2], NULL, NULL), EBADF);
	}
}

static void ask_epoll(int fd)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN};

	CHECK(epoll >= 0);
	CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), EBADF);
	CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL), EBADF);
	CHECK_FAILS(epoll_ctl(fd, EPOLL_CTL_DEL, epoll, NULL), EBADF);
	CHECK_FAILS(epoll_wait(fd, &event, 1, 0), EBADF);
	CHECK(close(epoll) == 0);
}

static void ask_copies(int fd)
{
	CHECK_FAILS(dup(fd), EBADF);
	CHECK_FAILS(dup2(fd, fd), EBADF);
	CHECK_FAILS(dup2(fd, 100), EBADF);
	CHECK_FAILS(dup3(fd, 100, O_CLOEXEC), EBADF);
	CHECK_FAILS(fcntl(100, F_GETFD), EBADF);
}

static void ask_options(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof address;
	socklen_t size = sizeof(int);
	int number = 0;

	CHECK_FAILS(getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size), EBADF);
	CHECK_FAILS(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &number, sizeof number), EBADF);
	CHECK_FAILS(getsockname(fd, (struct sockaddr *)&address, &length), EBADF);
	CHECK_FAILS(getpeername(fd, (struct sockaddr *)&address, &length), EBADF);
	CHECK_FAILS(ioctl(fd, FIONREAD, &number), EBADF);
	CHECK_FAILS(listen(fd, 1), EBADF);
	CHECK_FAILS(accept(fd, NULL, NULL), EBADF);
}

static void ask_reads(int fd)
{
	char byte;
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	CHECK_FAILS(read(fd, &byte, 1), EBADF);
	CHECK_FAILS(recv(fd, &byte, 1, 0), EBADF);
	CHECK_FAILS(recvmsg(fd, &message, 0), EBADF);
}

static void ask_streams(int fd)
{
	static const char *const modes[] = {"r", "w", "r+"};

	for (int i = 0; i < 3; i++) {
		errno = 0;
		CHECK(fdopen(fd, modes[i]) == NULL && errno == EBADF);
	}
	errno = 0;
	CHECK(fdopendir(fd) == NULL && errno == EBADF);
}

static void ask_passing(int fd)
{
	struct ends ends = ends_open("pair");

	CHECK_FAILS(pass_descriptor(ends.ours, fd), EBADF);
	CHECK(pass_descriptor(ends.ours, ends.ours) == 1);
	CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
}

static void ask_listing(int fd)
{
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;

	CHECK(directory != NULL);
	while ((entry = readdir(directory)))
		CHECK(entry->d_name[0] == '.' || atoi(entry->d_name) != fd);
	CHECK(closedir(directory) == 0);
}

static const struct {
	const char *name;
	void (*ask)(int fd);
} ways[] = {
	{"flags", ask_flags},
	{"status", ask_status},
	{"poll", ask_poll},
	{"select", ask_select},
	{"epoll", ask_epoll},
	{"copies", ask_copies},
	{"options", ask_options},
	{"reads", ask_reads},
	{"streams", ask_streams},
	{"passing", ask_passing},
	{"listing", ask_listing},
};

static void close_noting(int fd)
{
	CHECK(fd < NUMBERS && close(fd) == 0);
	closed[fd] = true;
}

int main(int argc, char **argv)
{
	struct ends ends = ends_open("tcp4");
	size_t way = 0;

	while (!same(ways[way].name, argument(argc, argv, 1)))
		CHECK(++way < sizeof ways / sizeof *ways);
	/* High enough not to be used again while they are asked about. */
	int listener = fcntl(listener_open("tcp4", 1), F_DUPFD, 40);
	int copy = fcntl(ends.ours, F_DUPFD, 50);

	close_noting(listener);
	close_noting(copy);
	ways[way].ask(listener);
	ways[way].ask(copy);
	CHECK(write(ends.ours, "hello", 5) == 5);
	CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
	return 0;
}
