/*
 * audit_ahead.h: what was found of a connection a moment ago, so that the next write on it needs no question to the
 * kernel.
 *
 * Each system call before a write is a few per cent of what a server does for a request. But a server that waits for
 * many connections is told of several at once and answers one after the other: the question before its first answer can
 * be asked for the next ones as well. And an epoll that was asked for EPOLLRDHUP and names a connection without it has
 * answered already.
 *
 * What was found holds for AHEAD_HOLDS_NS, as long as no socket is closed or shut in this process. An end that arrives
 * within that time is a race anyway: it is told of by the result, or when it is found that the bytes were lost.
 *
 * For any thread and signal handler. A thread's own wait says which connections it is about to answer.
 */
#ifndef SOCKSAN_AUDIT_AHEAD_H
#define SOCKSAN_AUDIT_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/socket/socket_table.h"

#define AHEAD_HOLDS_NS 30000u
#define AHEAD_WAITED_NS 10000u /* at most, mostly, between the kernel's look in a wait and our clock after it */

/* A wait of this thread has ended; then, for each connection with input, that it told of it. */
void audit_ahead_begin(void);
void audit_ahead_note(int fd);

/* Nothing is wrong with the connection at `now_ns`. `endings` is what socket_endings was before that was asked. */
void audit_ahead_clean(struct socket *socket, uint64_t now_ns, uint32_t endings);

/* Whether that was found so shortly before `now_ns` that it still holds. */
bool audit_ahead_holds(struct socket *socket, uint64_t now_ns);

/*
 * Asks what poll has to say of a stream socket, and looks at some of those that may be next in the same call. Returns
 * the events of `fd`, 0 for none.
 */
short audit_ahead_poll(int fd, struct socket *socket, uint64_t now_ns);

#endif
