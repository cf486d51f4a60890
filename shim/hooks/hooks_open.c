/* hooks_open.c: the calls that make a socket, connect it, or change what it does. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shim/audit/audit_close.h"
#include "shim/audit/audit_kept.h"
#include "shim/audit/audit_open.h"
#include "shim/audit/audit_options.h"
#include "shim/audit/audit_socket.h"
#include "shim/base/hook.h"
#include "shim/base/thread.h"
#include "shim/socket/socket_hold.h"
#include "shim/stack/backtrace_answers.h"
#include "shim/stack/unwinder.h"

/*
 * Between a call that makes descriptors and our return: should a signal handler leave by a jump then, nobody will ever
 * know the numbers, and hooks_jump.c closes them. Without us that moment is too short to meet.
 */
static void made(struct thread_made *made, int one, int other)
{
	*made = (struct thread_made){thread_state.made, made, {one, other}};
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	thread_state.made = made;
}

static void handed_over(struct thread_made *made)
{
	made->self = NULL;
	thread_state.made = made->outer;
}

HOOK(int, socket, int domain, int type, int protocol)
{
	struct thread_made making;
	int fd;
	int saved;

	fd = AUDIT_WITH_ROOM(REAL(socket)(domain, type, protocol), -1);
	saved = errno;
	made(&making, fd, -1);
	if (fd >= 0)
		audit_made_socket(fd, domain, type, protocol);
	errno = saved;
	handed_over(&making);
	return fd;
}
HOOK_ALIAS(socket, __socket);

HOOK(int, socketpair, int domain, int type, int protocol, int fds[2])
{
	struct thread_made making;
	int result;
	int saved;

	result = AUDIT_WITH_ROOM(REAL(socketpair)(domain, type, protocol, fds), -1);
	saved = errno;
	if (result == 0) {
		made(&making, fds[0], fds[1]);
		audit_made_pair(fds, domain, type, protocol);
		handed_over(&making);
	}
	errno = saved;
	return result;
}

static int accepted(int listener, int fd)
{
	struct thread_made making;
	int saved = errno;

	made(&making, fd, -1);
	if (fd >= 0)
		audit_accepted(listener, fd);
	errno = saved;
	handed_over(&making);
	return fd;
}

HOOK(int, accept, int fd, struct sockaddr *addr, socklen_t *addr_len)
{
	int new;

	new = AUDIT_WITH_ROOM(REAL(accept)(fd, addr, addr_len), -1);
	return accepted(fd, new);
}

HOOK(int, accept4, int fd, struct sockaddr *addr, socklen_t *addr_len, int flags)
{
	int new;

	new = AUDIT_WITH_ROOM(REAL(accept4)(fd, addr, addr_len, flags), -1);
	return accepted(fd, new);
}

HOOK(int, connect, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct audit_connect around;
	bool audited = audit_connect_begin(&around, fd, addr, len);
	int result = REAL(connect)(fd, addr, len);

	if (audited)
		audit_connect_end(&around, addr, len, result);
	return result;
}
HOOK_ALIAS(connect, __connect);

HOOK(int, listen, int fd, int n)
{
	uint64_t turn = audit_before(fd);
	int result = REAL(listen)(fd, n);

	if (result == 0)
		audit_listening(fd, turn);
	return result;
}

HOOK(int, shutdown, int fd, int how)
{
	uint64_t turn = audit_before(fd);
	int result = REAL(shutdown)(fd, how);

	if (result == 0)
		audit_shut_down(&shutdown_hook, fd, how, turn);
	else
		audit_shut_down_failed(&shutdown_hook, fd);
	return result;
}

HOOK(int, setsockopt, int fd, int level, int optname, const void *optval, socklen_t optlen)
{
	bool followed = audit_follows_option(level, optname);
	uint64_t turn = followed ? audit_before(fd) : 0;
	int result = REAL(setsockopt)(fd, level, optname, optval, optlen);

	if (followed && result == 0)
		audit_set_option(fd, level, optname, optval, optlen, turn);
	return result;
}

/* Only libunwind's call is ours to answer; it would keep the pipe open in the program. */
HOOK(int, pipe2, int fds[2], int flags)
{
	int result;

	if (thread_is_unwinding() && unwinder_has(__builtin_return_address(0)))
		return backtrace_answer_pipe(fds);
	result = AUDIT_WITH_ROOM(REAL(pipe2)(fds, flags), -1);
	return result;
}
