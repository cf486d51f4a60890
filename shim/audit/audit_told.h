/*
 * audit_told.h: what a call said of the end of a connection, so that the program knows of it from then on.
 *
 * From where it may be called: see audit_socket.h.
 */
#ifndef SOCKSAN_AUDIT_TOLD_H
#define SOCKSAN_AUDIT_TOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hook;
struct pollfd;
struct socket;
struct socket_hold;

/* After a poll that returned more than 0. `turn`: socket_table_now() before it. */
void audit_polled(const struct hook *hook, const struct pollfd *fds, size_t count, uint64_t turn);

/* After a select that returned more than 0; the set is the one it left, NULL where none was given. */
void audit_selected(const struct hook *hook, int limit, const void *readable, uint64_t turn);

/* After a getsockopt(SO_ERROR) that gave `error`; after an ioctl(FIONREAD) that gave `bytes`. `turn`: audit_before. */
void audit_read_error(const struct hook *hook, int fd, int error, uint64_t turn);
void audit_counted_readable(const struct hook *hook, int fd, int bytes, uint64_t turn);

/* Notes that the program knows of the end. `error` 0: the peer closed; else the errno that told of it. */
void audit_told(struct socket_hold *hold, const char *call, int error);

/*
 * Whether what calls tell is heard at all: outside our own use of the loader or unwinder, in a process that is set up.
 */
bool audit_may_listen(void);

/*
 * Notes what the kernel said of a socket that is held. POLLIN and the others have the same values for poll and epoll.
 * `*now_ns`: the time, 0 until it is asked for.
 */
void audit_note_events(struct socket_hold *hold, const char *call, uint32_t events, uint64_t *now_ns, bool by_select);

/* Connected, with input, and no word of an end. */
bool audit_may_be_answered(const struct socket *socket, uint32_t events);

/*
 * select has no other word for the end than "readable" (fs/select.c POLLIN_SET). Where it said so, nothing was read
 * since, and nothing is there to read, what it told of was the end: notes that, and returns true, unless the program
 * had been told before. poll and epoll have words of their own for the end; their "readable" tells nothing.
 */
bool audit_told_by_readable(const struct socket_hold *hold);

#endif
