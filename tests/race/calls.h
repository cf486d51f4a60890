/*
 * calls.h: the calls of race.c. As a program that is audited by the preloaded library they are libc's; linked with the
 * library's modules, so that a sanitizer sees into them (RACE_MODULES), each is wrapped as its hook in shim/hooks
 * wraps it. There the calls on sockets pass libc by: ThreadSanitizer's own wrappers would report that two threads use
 * one descriptor without order, which is what race.c is for, and take their order in the kernel for one between our
 * stores.
 */
#ifndef SOCKSAN_RACE_CALLS_H
#define SOCKSAN_RACE_CALLS_H

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef RACE_MODULES

#include "shim/audit/audit_close.h"
#include "shim/audit/audit_epoll.h"
#include "shim/audit/audit_open.h"
#include "shim/audit/audit_process.h"
#include "shim/audit/audit_read.h"
#include "shim/audit/audit_socket.h"
#include "shim/audit/audit_told.h"
#include "shim/audit/audit_write.h"
#include "shim/base/hold.h"
#include "shim/base/hook.h"
#include "shim/base/process.h"
#include "shim/base/thread.h"
#include "shim/forked.h"
#include "shim/socket/payload.h"
#include "shim/socket/record.h"
#include "shim/socket/socket_hold.h"
#include "shim/socket/socket_table.h"
#include "shim/verdict/incident.h"

static const struct hook named_send = {"send", 0}, named_recv = {"recv", 0}, named_shutdown = {"shutdown", 0},
			 named_poll = {"poll", 0}, named_select = {"select", 0}, named_epoll_wait = {"epoll_wait", 0};

static inline void race_begin(int argc, char **argv)
{
	process_remember_arguments(argc, argv);
	process_forked = forked_forget_parent;
	socket_released = record_release;
	hold_abandoned = incident_abandoned;
	thread_abandon = audit_left;
	process_set_up();
}

static inline void race_end(void)
{
	audit_process_ends(true);
}

static inline int race_socket(void)
{
	int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);

	if (fd >= 0)
		audit_made_socket(fd, AF_INET, SOCK_STREAM, 0);
	return fd;
}

static inline int race_accept(int listener)
{
	int fd = (int)syscall(SYS_accept4, listener, NULL, NULL, 0);

	if (fd >= 0)
		audit_accepted(listener, fd);
	return fd;
}

static inline int race_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	struct audit_connect around;
	bool audited = audit_connect_begin(&around, fd, address, length);
	int result = (int)syscall(SYS_connect, fd, address, length);

	if (audited)
		audit_connect_end(&around, address, length, result);
	return result;
}

static inline ssize_t race_send(int fd, const void *bytes, size_t length, int flags)
{
	struct audit_write write_;

	if (!audit_write_begin(&write_, &named_send, fd, payload_buffer(bytes, length), flags))
		return syscall(SYS_sendto, fd, bytes, length, flags, NULL, 0);
	return audit_write_end(&write_, syscall(SYS_sendto, fd, bytes, length, flags, NULL, 0));
}

static inline ssize_t race_recv(int fd, void *bytes, size_t length, int flags)
{
	struct audit_read read_;

	if (!audit_read_begin(&read_, &named_recv, fd, length == 0, flags))
		return syscall(SYS_recvfrom, fd, bytes, length, flags, NULL, NULL);
	return audit_read_end(&read_, syscall(SYS_recvfrom, fd, bytes, length, flags, NULL, NULL));
}

static inline int race_close(int fd)
{
	struct audit_close close_;
	int result;

	audit_close_begin(&close_, "close", fd);
	if (!audit_close_instead(&close_, &result))
		result = (int)syscall(SYS_close, fd);
	audit_close_end(&close_, result);
	return result;
}

static inline int race_dup2(int from, int to)
{
	struct audit_close close_;
	uint64_t turn = socket_table_now();
	int result;

	audit_duplicate_over_begin(&close_, "dup2", from, to);
	result = (int)syscall(SYS_dup3, from, to, 0);
	audit_duplicate_over_end(&close_, from, to, result, turn);
	return result;
}

static inline int race_shutdown(int fd, int how)
{
	uint64_t turn = audit_before(fd);
	int result = (int)syscall(SYS_shutdown, fd, how);

	if (result == 0)
		audit_shut_down(&named_shutdown, fd, how, turn);
	return result;
}

static inline int race_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	uint64_t turn = socket_table_now();
	int result = poll(fds, count, timeout);

	if (result > 0)
		audit_polled(&named_poll, fds, count, turn);
	return result;
}

static inline int race_select(int limit, fd_set *readable, struct timeval *timeout)
{
	uint64_t turn = socket_table_now();
	int result = select(limit, readable, NULL, NULL, timeout);

	if (result > 0)
		audit_selected(&named_select, limit, readable, turn);
	return result;
}

static inline int race_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
	uint64_t turn = audit_before(fd);
	int result = epoll_ctl(epoll_fd, operation, fd, event);

	if (result == 0)
		audit_epoll_registered(epoll_fd, operation, fd, event, turn);
	return result;
}

static inline int race_epoll_wait(int epoll_fd, struct epoll_event *events, int most, int timeout)
{
	uint64_t turn = socket_table_now();
	int result = epoll_wait(epoll_fd, events, most, timeout);

	if (result > 0)
		audit_epoll_waited(&named_epoll_wait, epoll_fd, events, result, turn);
	return result;
}

#else

#define race_begin(argc, argv) ((void)(argc), (void)(argv))
#define race_end() ((void)0)
#define race_socket() socket(AF_INET, SOCK_STREAM, 0)
#define race_accept(listener) accept(listener, NULL, NULL)
#define race_connect connect
#define race_send send
#define race_recv recv
#define race_close close
#define race_dup2 dup2
#define race_shutdown shutdown
#define race_poll poll
#define race_select(limit, readable, timeout) select(limit, readable, NULL, NULL, timeout)
#define race_epoll_ctl epoll_ctl
#define race_epoll_wait epoll_wait

#endif

#endif
