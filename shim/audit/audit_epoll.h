/*
 * audit_epoll.h: the sets of epoll: what is registered in them, and what they tell.
 *
 * From where it may be called: see audit_socket.h.
 */
#ifndef SOCKSAN_AUDIT_EPOLL_H
#define SOCKSAN_AUDIT_EPOLL_H

#include <stdint.h>

struct epoll_event;
struct hook;
struct socket;

/* After a successful epoll_ctl (`turn`: audit_before), and after an epoll_wait that returned `count` events. */
void audit_epoll_registered(int epoll_fd, int operation, int fd, const struct epoll_event *event, uint64_t turn);
void audit_epoll_waited(
	const struct hook *hook, int epoll_fd, const struct epoll_event *events, int count, uint64_t turn);

/* Before the last close of a socket: what is registered of it ends with it. */
void audit_epoll_closed(struct socket *socket);

#endif
