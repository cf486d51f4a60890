/* probe.c: one system call a question. */
#include "shim/socket/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "shim/base/kernel.h"
#include "shim/base/older_headers.h"
#include "shim/trace/trace_log.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif
#define COOKIE_IS_INODE (1ull << 63) /* cookies are counted from 1 (net/core/sock_diag.c) */

/*
 * Passes on what a question to the kernel returned. Most errors are an answer: they say what the descriptor is. Any
 * other means that something stays unknown, which is counted.
 */
static long answer(long result)
{
	if (__builtin_expect(result >= 0, 1))
		return result;
	switch (-result) {
	case EBADF:
	case EINVAL:
	case ENODATA:
	case ENOPROTOOPT:
	case ENOSYS:
	case ENOTCONN:
	case ENOTSOCK:
	case ENOTTY:
	case EOPNOTSUPP:
	case ERANGE: return result;
	default: trace_log_lost(TRACE_LOST_NO_ANSWER); return result;
	}
}

static long poll_now(struct pollfd *polls, unsigned count)
{
#ifdef SYS_poll
	return kernel_call3(SYS_poll, polls, count, 0);
#else
	struct timespec now = {0, 0};

	return kernel_call5(SYS_ppoll, polls, count, &now, NULL, 0);
#endif
}

short probe_poll(int fd)
{
	struct pollfd poll = {.fd = fd, .events = PROBE_EVENTS};

	return answer(poll_now(&poll, 1)) > 0 ? poll.revents : 0;
}

bool probe_poll_all(struct pollfd *polls, unsigned count)
{
	return poll_now(polls, count) >= 0;
}

static long get_option(int fd, int level, int name, void *value, socklen_t length)
{
	return answer(kernel_call5(SYS_getsockopt, fd, level, name, value, &length));
}

static uint64_t inode_cookie(int fd)
{
	struct stat status;

	status.st_mode = 0;
	if (answer(kernel_call4(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH)) < 0 || !S_ISSOCK(status.st_mode))
		return 0;
	return COOKIE_IS_INODE | status.st_ino;
}

uint64_t probe_cookie(int fd)
{
	uint64_t cookie = 0;
	long result = get_option(fd, SOL_SOCKET, SO_COOKIE, &cookie, sizeof(cookie));

	/*
	 * EINVAL is for fewer than 8 bytes (net/core/sock.c sk_getsockopt): qemu-user asks for 4, as it does for what it does
	 * not know
	 */
	if (result == -ENOPROTOOPT || result == -EOPNOTSUPP || result == -EINVAL)
		return inode_cookie(fd);
	return result < 0 ? 0 : cookie;
}

int probe_identity(int fd, struct probe_identity *identity)
{
	long result = get_option(fd, SOL_SOCKET, SO_TYPE, &identity->type, sizeof(identity->type));

	if (result < 0)
		return (int)result;
	identity->cookie = probe_cookie(fd);
	identity->protocol = 0;
	get_option(fd, SOL_SOCKET, SO_PROTOCOL, &identity->protocol, sizeof(identity->protocol));
	return (int)get_option(fd, SOL_SOCKET, SO_DOMAIN, &identity->family, sizeof(identity->family));
}

uint32_t probe_unacked(int fd)
{
	int bytes = 0;

	return answer(kernel_call3(SYS_ioctl, fd, SIOCOUTQ, &bytes)) < 0 || bytes < 0 ? 0 : (uint32_t)bytes;
}

int probe_readable_bytes(int fd)
{
	int bytes = -1;

	return answer(kernel_call3(SYS_ioctl, fd, SIOCINQ, &bytes)) < 0 ? -1 : bytes;
}

bool probe_tcp(int fd, struct probe_tcp *tcp)
{
	struct older_tcp_info info;
	socklen_t length = 0;
	uint32_t before = probe_unacked(fd);

	memset(tcp, 0, sizeof(*tcp));
	/* acknowledgements may arrive between the two calls: ask until they agree */
	for (int i = 0; i < 4; i++) {
		memset(&info, 0, sizeof(info));
		length = sizeof(info);
		if (answer(kernel_call5(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, &info, &length)) < 0)
			return false;
		tcp->unacked_bytes = probe_unacked(fd);
		if (tcp->unacked_bytes == before)
			break;
		before = tcp->unacked_bytes;
	}
	tcp->state = info.tcpi_state;
	tcp->retransmits = info.tcpi_retransmits;
	tcp->total_retransmissions = info.tcpi_total_retrans;
	tcp->unsent_bytes = info.tcpi_notsent_bytes;
	tcp->acked_bytes = info.tcpi_bytes_acked;
	tcp->last_ack_ms = info.tcpi_last_ack_recv;
	tcp->rto_us = info.tcpi_rto;
	tcp->acked_unknown = length < offsetof(struct older_tcp_info, tcpi_bytes_acked) + sizeof(info.tcpi_bytes_acked);
	return true;
}

bool probe_knows_acked(const struct probe_tcp *tcp)
{
	if (tcp->acked_unknown)
		trace_log_lost(TRACE_LOST_NO_ANSWER);
	return !tcp->acked_unknown;
}

bool probe_is_open(int fd)
{
	return answer(kernel_call3(SYS_fcntl, fd, F_GETFD, 0)) != -EBADF;
}

bool probe_listens(int fd)
{
	int listens = 0;

	return get_option(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, sizeof(listens)) == 0 && listens;
}

bool probe_address(const void *sockaddr, uint32_t length, struct trace_address *address)
{
	union {
		sa_family_t family;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage room;
	} name;
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (!sockaddr || length < sizeof(sa_family_t))
		return false;
	memset(&name, 0, sizeof(name));
	memcpy(&name, sockaddr, length < sizeof(name) ? length : sizeof(name));
	memset(address, 0, sizeof(*address));
	address->family = name.family;
	switch (name.family) {
	case AF_INET:
		address->port = ntohs(name.in.sin_port);
		memcpy(address->ip, &name.in.sin_addr, 4);
		return true;
	case AF_INET6:
		address->port = ntohs(name.in6.sin6_port);
		memcpy(address->ip, &name.in6.sin6_addr, 16);
		if (!memcmp(address->ip, mapped, sizeof(mapped))) { /* both ends must name one address alike */
			address->family = AF_INET;
			memmove(address->ip, address->ip + 12, 4);
			memset(address->ip + 4, 0, 12);
		}
		return true;
	case AF_UNIX: {
		uint32_t offset = offsetof(struct sockaddr_un, sun_path);
		uint32_t used = length > offset ? length - offset : 0;

		if (used > sizeof(name.un.sun_path))
			used = sizeof(name.un.sun_path);
		if (used && name.un.sun_path[0])
			used = (uint32_t)strnlen(name.un.sun_path, used);
		if (used && trace_log_is_open())
			address->path = trace_log_text(TRACE_TEXT_PATH, name.un.sun_path, used);
		return used > 0;
	}
	default: return false;
	}
}

static bool ask_address(long number, int fd, struct trace_address *address)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);

	if (answer(kernel_call3(number, fd, &name, &length)) < 0)
		return false;
	return probe_address(&name, length < sizeof(name) ? length : sizeof(name), address);
}

bool probe_local(int fd, struct trace_address *address)
{
	return ask_address(SYS_getsockname, fd, address);
}

/*
 * getpeername has no answer once the connection is reset, which an accepted one can be before anybody asked;
 * SO_PEERNAME still has (net/ipv4/af_inet.c inet_getname). It refuses more room than it fills, so the longer address is
 * asked for first.
 */
bool probe_peer(int fd, struct trace_address *address)
{
	static const socklen_t lengths[] = {sizeof(struct sockaddr_in6), sizeof(struct sockaddr_in)};
	struct sockaddr_storage name;

	if (ask_address(SYS_getpeername, fd, address))
		return true;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		if (get_option(fd, SOL_SOCKET, SO_PEERNAME, &name, lengths[i]) == 0)
			return probe_address(&name, lengths[i], address);
	}
	return false;
}

int32_t probe_peer_pid(int fd)
{
	struct ucred peer = {0, 0, 0};

	return get_option(fd, SOL_SOCKET, SO_PEERCRED, &peer, sizeof(peer)) < 0 ? 0 : peer.pid;
}

/* The kernel's own layout: libc's struct sigaction differs. */
struct kernel_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

enum probe_sigpipe probe_sigpipe(void)
{
	struct kernel_sigaction action;
	uint64_t blocked = 0;

	memset(&action, 0, sizeof(action));
	if (answer(kernel_call4(SYS_rt_sigaction, SIGPIPE, NULL, &action, 8)) < 0)
		return PROBE_SIGPIPE_HANDLED;
	if (action.handler == (void *)SIG_IGN)
		return PROBE_SIGPIPE_IGNORED;
	if (action.handler != (void *)SIG_DFL)
		return PROBE_SIGPIPE_HANDLED;
	answer(kernel_call4(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &blocked, 8));
	return blocked & (1ull << (SIGPIPE - 1)) ? PROBE_SIGPIPE_HANDLED : PROBE_SIGPIPE_KILLS;
}

void probe_thread_name(char name[16])
{
	memset(name, 0, 16);
	answer(kernel_call5(SYS_prctl, PR_GET_NAME, name, 0, 0, 0));
}
