/*
 * support.h: what the test programs share: connections over loopback, waiting for a state, checking a result.
 *
 * A program checks its own view of every call and exits 0 only when all was as the kernel promises. The runner
 * runs it bare and audited, so the same checks also show that the audit changed nothing. Nothing here waits for
 * time to pass: a state is waited for, with a bound, and asked for by TCP_INFO, SIOCOUTQ, FIONREAD of a socket that
 * has data, or a system call past libc, none of which tells a program that its peer has gone.
 */
#ifndef SOCKSAN_TEST_SUPPORT_H
#define SOCKSAN_TEST_SUPPORT_H

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A function that stands in a report by its name. Its call must not be its last act, or its frame would be gone. */
#define SITE __attribute__((noinline)) static

enum { WAIT_BOUND_MS = 5000 };

/* Ends the program with status 98, saying where and what, unless `condition` holds. */
#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition, errno))

/* The call must fail with `error`. */
#define CHECK_FAILS(call, error) CHECK((errno = 0, (call) == -1 && errno == (error)))

/* Two connected sockets. */
struct ends {
	int ours; /* the one that the program misuses */
	int theirs; /* the one that goes */
};

static inline void check_failed(const char *file, int line, const char *condition, int error)
{
	fprintf(stderr, "%s:%d: not so: %s (errno %d, %s)\n", file, line, condition, error, strerror(error));
	_exit(98);
}

/* Argument number `index`, or "" where there is none. */
static inline const char *argument(int argc, char **argv, int index)
{
	return index < argc ? argv[index] : "";
}

static inline bool same(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline void pause_1ms(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static inline bool is_tcp(const char *family)
{
	return strncmp(family, "tcp", 3) == 0;
}

static inline int socket_domain(const char *family)
{
	return same(family, "tcp4") ? AF_INET : same(family, "tcp6") ? AF_INET6 : AF_UNIX;
}

static inline int socket_type(const char *family)
{
	return strncmp(family, "seq", 3) == 0 ? SOCK_SEQPACKET : SOCK_STREAM;
}

/* A loopback address whose port (or name, for AF_UNIX) the kernel is to choose. Returns its length. */
static inline socklen_t any_address(int domain, struct sockaddr_storage *address)
{
	memset(address, 0, sizeof *address);
	address->ss_family = (sa_family_t)domain;
	if (domain == AF_INET) {
		((struct sockaddr_in *)address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(struct sockaddr_in);
	}
	if (domain == AF_INET6) {
		((struct sockaddr_in6 *)address)->sin6_addr = in6addr_loopback;
		return sizeof(struct sockaddr_in6);
	}
	return sizeof(sa_family_t);
}

/* A listening socket of "tcp4", "tcp6", "unix" or "seqpacket". */
static inline int listener_open(const char *family, int backlog)
{
	struct sockaddr_storage address;
	socklen_t length = any_address(socket_domain(family), &address);
	int fd = socket(socket_domain(family), socket_type(family), 0);

	CHECK(fd >= 0);
	CHECK(bind(fd, (struct sockaddr *)&address, length) == 0);
	CHECK(listen(fd, backlog) == 0);
	return fd;
}

/* Connects the unconnected socket `fd` to where `listener` listens. Returns what connect returned. */
static inline int connect_to(int fd, int listener)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof address;

	CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	return connect(fd, (struct sockaddr *)&address, length);
}

/* A connected pair over "tcp4", "tcp6", "unix", "seqpacket", or made by socketpair: "pair", "seqpair". */
static inline struct ends ends_open(const char *family)
{
	struct ends ends;

	if (same(family, "pair") || same(family, "seqpair")) {
		int fds[2];

		CHECK(socketpair(AF_UNIX, socket_type(family), 0, fds) == 0);
		return (struct ends){.ours = fds[0], .theirs = fds[1]};
	}
	int listener = listener_open(family, 1);

	ends.ours = socket(socket_domain(family), socket_type(family), 0);
	CHECK(ends.ours >= 0);
	CHECK(connect_to(ends.ours, listener) == 0);
	ends.theirs = accept(listener, NULL, NULL);
	CHECK(ends.theirs >= 0);
	CHECK(close(listener) == 0);
	return ends;
}

static inline struct tcp_info tcp_information(int fd)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof info;

	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0);
	return info;
}

static inline void wait_for_tcp_state(int fd, int state)
{
	for (int i = 0; i < WAIT_BOUND_MS; i++) {
		if (tcp_information(fd).tcpi_state == state)
			return;
		pause_1ms();
	}
	CHECK(!"reached the TCP state in time");
}

/* Waits until `bytes` lie ready to be read from `fd`. */
static inline void wait_for_input(int fd, int bytes)
{
	int ready = 0;

	for (int i = 0; i < WAIT_BOUND_MS; i++) {
		CHECK(ioctl(fd, FIONREAD, &ready) == 0);
		if (ready >= bytes)
			return;
		pause_1ms();
	}
	CHECK(!"received in time");
}

/* Waits until the peer's TCP has acknowledged all that was sent on `fd`. */
static inline void wait_for_acknowledgement(int fd)
{
	int unsent = -1;

	for (int i = 0; i < WAIT_BOUND_MS; i++) {
		CHECK(ioctl(fd, SIOCOUTQ, &unsent) == 0);
		if (unsent == 0)
			return;
		pause_1ms();
	}
	CHECK(!"acknowledged in time");
}

/*
 * A system call past libc, of up to four arguments: no hook sees it. Returns what the kernel returns, -errno where it
 * failed.
 */
static inline long call_unseen(long number, long a, long b, long c, long d)
{
#if defined(__x86_64__)
	register long fourth __asm__("r10") = d;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
#else
#error "no system call is written for this architecture yet"
#endif
}

/*
 * Waits until the peer of an AF_UNIX socket is gone. A close leaves it alive for another instant where somebody reads
 * /proc/PID/fd, which holds the file for as long (fs/proc/fd.c, proc_fd_link). Asked without libc: poll would tell the
 * program, and the audit.
 */
static inline void wait_for_hangup(int fd)
{
	struct pollfd end = {.fd = fd};

	for (int i = 0; i < WAIT_BOUND_MS; i++) {
		struct timespec now = {0};

		if (call_unseen(SYS_ppoll, (long)&end, 1, (long)&now, 0) == 1 && end.revents & POLLHUP)
			return;
		pause_1ms();
	}
	CHECK(!"hung up in time");
}

/* Closes the other end and waits until the kernel knows it on ours. */
static inline void peer_closes(struct ends ends, const char *family)
{
	CHECK(close(ends.theirs) == 0);
	if (is_tcp(family))
		wait_for_tcp_state(ends.ours, TCP_CLOSE_WAIT);
	else
		wait_for_hangup(ends.ours);
}

/* Closes the other end with a reset, and waits for it. */
static inline void peer_resets(struct ends ends)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	CHECK(setsockopt(ends.theirs, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
	CHECK(close(ends.theirs) == 0);
	wait_for_tcp_state(ends.ours, TCP_CLOSE);
}

static volatile sig_atomic_t sigpipe_count;

static inline void sigpipe_handler(int number)
{
	(void)number;
	sigpipe_count++;
}

/* From here on SIGPIPE is counted in sigpipe_count rather than fatal. */
static inline void count_sigpipe(void)
{
	struct sigaction action = {.sa_handler = sigpipe_handler};

	CHECK(sigaction(SIGPIPE, &action, NULL) == 0);
}

/* Sends a byte with a descriptor over an AF_UNIX socket; returns what sendmsg returns. */
static inline ssize_t pass_descriptor(int channel, int fd)
{
	struct iovec piece = {.iov_base = (char[]){'x'}, .iov_len = 1};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.header = {CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS}};
	struct msghdr message = {.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof control.space};

	memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
	return sendmsg(channel, &message, 0);
}

/* Waits for a child and checks that it exited with 0. */
static inline void child_succeeds(pid_t child)
{
	int status = -1;

	CHECK(child > 0);
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#endif
