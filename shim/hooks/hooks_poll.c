/* hooks_poll.c: poll, select and epoll: the other way to be told. The fortified forms are in no public header. */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "shim/audit/audit_epoll.h"
#include "shim/audit/audit_kept.h"
#include "shim/audit/audit_socket.h"
#include "shim/audit/audit_told.h"
#include "shim/base/hook.h"
#include "shim/base/older_headers.h"
#include "shim/socket/socket_table.h"

int __poll_chk(struct pollfd *fds, nfds_t nfds, int timeout, size_t fdslen);
int __ppoll_chk(struct pollfd *fds, nfds_t nfds, const struct timespec *timeout, const sigset_t *ss, size_t fdslen);

HOOK(int, poll, struct pollfd *fds, nfds_t nfds, int timeout)
{
	uint64_t turn = socket_table_now();
	int result = REAL(poll)(fds, nfds, timeout);

	if (result > 0)
		audit_polled(&poll_hook, fds, nfds, turn);
	return result;
}
HOOK_ALIAS(poll, __poll);

HOOK(int, __poll_chk, struct pollfd *fds, nfds_t nfds, int timeout, size_t fdslen)
{
	uint64_t turn = socket_table_now();
	int result = REAL(__poll_chk)(fds, nfds, timeout, fdslen);

	if (result > 0)
		audit_polled(&poll_hook, fds, nfds, turn);
	return result;
}

HOOK(int, ppoll, struct pollfd *fds, nfds_t nfds, const struct timespec *timeout, const sigset_t *ss)
{
	uint64_t turn = socket_table_now();
	int result = REAL(ppoll)(fds, nfds, timeout, ss);

	if (result > 0)
		audit_polled(&ppoll_hook, fds, nfds, turn);
	return result;
}

HOOK(int, __ppoll_chk, struct pollfd *fds, nfds_t nfds, const struct timespec *timeout, const sigset_t *ss,
	size_t fdslen)
{
	uint64_t turn = socket_table_now();
	int result = REAL(__ppoll_chk)(fds, nfds, timeout, ss, fdslen);

	if (result > 0)
		audit_polled(&ppoll_hook, fds, nfds, turn);
	return result;
}

static int selected(const struct hook *hook, int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds,
	uint64_t turn, int result)
{
	if (result > 0 && audit_select_meets_kept(nfds, readfds, writefds, exceptfds)) {
		errno = EBADF;
		return -1;
	}
	if (result > 0)
		audit_selected(hook, nfds, readfds, turn);
	return result;
}

HOOK(int, select, int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, struct timeval *timeout)
{
	uint64_t turn = socket_table_now();
	int result = REAL(select)(nfds, readfds, writefds, exceptfds, timeout);

	return selected(&select_hook, nfds, readfds, writefds, exceptfds, turn, result);
}
HOOK_ALIAS(select, __select);

HOOK(int, pselect, int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, const struct timespec *timeout,
	const sigset_t *sigmask)
{
	uint64_t turn = socket_table_now();
	int result = REAL(pselect)(nfds, readfds, writefds, exceptfds, timeout, sigmask);

	return selected(&pselect_hook, nfds, readfds, writefds, exceptfds, turn, result);
}

HOOK(int, epoll_ctl, int epfd, int op, int fd, struct epoll_event *event)
{
	uint64_t turn = audit_before(fd);
	int result = REAL(epoll_ctl)(epfd, op, fd, event);

	if (result == 0)
		audit_epoll_registered(epfd, op, fd, event, turn);
	return result;
}

HOOK(int, epoll_wait, int epfd, struct epoll_event *events, int maxevents, int timeout)
{
	uint64_t turn = socket_table_now();
	int result = REAL(epoll_wait)(epfd, events, maxevents, timeout);

	if (result > 0)
		audit_epoll_waited(&epoll_wait_hook, epfd, events, result, turn);
	return result;
}

HOOK(int, epoll_pwait, int epfd, struct epoll_event *events, int maxevents, int timeout, const sigset_t *ss)
{
	uint64_t turn = socket_table_now();
	int result = REAL(epoll_pwait)(epfd, events, maxevents, timeout, ss);

	if (result > 0)
		audit_epoll_waited(&epoll_pwait_hook, epfd, events, result, turn);
	return result;
}

HOOK(int, epoll_pwait2, int epfd, struct epoll_event *events, int maxevents, const struct timespec *timeout,
	const sigset_t *ss)
{
	uint64_t turn = socket_table_now();
	int result = REAL(epoll_pwait2)(epfd, events, maxevents, timeout, ss);

	if (result > 0)
		audit_epoll_waited(&epoll_pwait2_hook, epfd, events, result, turn);
	return result;
}
