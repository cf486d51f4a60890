/*
 * audit_socket.h: which socket a descriptor means.
 *
 * The headers of this folder have the way of one call through the shim, for each sort of call: what a hook does before
 * and after the real one. All of it may run in any thread, in a signal handler, in a forked child, before the
 * constructor and after the destructor. None of it changes errno, a result, or what the program's calls will see. In a
 * process that borrows its parent's memory (vfork) what would change the state is left out.
 */
#ifndef SOCKSAN_AUDIT_SOCKET_H
#define SOCKSAN_AUDIT_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

struct socket;
struct socket_hold;

/*
 * Holds the socket that an open descriptor means, found out from the kernel where the table does not know. Returns
 * whether there is one that we audit, and we may look: inside our own use of the loader or unwinder, which a signal
 * handler may have interrupted, only what the table knows counts; in a process that borrows our memory nothing else
 * does either. To be given back by socket_release.
 */
bool audit_hold(struct socket_hold *hold, int fd);

/*
 * Before a call on a descriptor after which something is to be noted: sees to it that the table knows what the number
 * means. Returns the turn to note it with: what happened to another socket that got the number meanwhile is not noted.
 * Keeps errno.
 */
uint64_t audit_before(int fd);

/*
 * Holds the socket that a call was made on when `turn` was the latest; where the number means another by now, that is
 * counted.
 */
bool audit_hold_as_of(struct socket_hold *hold, int fd, uint64_t turn);

/* Whether the descriptor still is the socket that is held. Where the table is wrong about it, that is forgotten. */
bool audit_verify(const struct socket_hold *hold);

/*
 * Counts a result that belongs to no connection which can be named: the number was given to another one while the call
 * ran.
 */
void audit_result_is_stale(void);

/*
 * Whether another thread has closed the number since it was held, and it has meant no other socket. The kernel may have
 * had a file of another sort there.
 */
bool audit_is_closed_meanwhile(const struct socket_hold *hold);

/*
 * The same, and a call that succeeded was made on the socket that is held: as happens where its bytes woke the thread
 * that closed it. Whoever closes the number once more, or puts something in its place, changes its entry; a file that
 * was opened there would be there still. One system call, in that rare case alone.
 */
bool audit_was_closed_after(const struct socket_hold *hold);

/* ---- sockets that are new to the table, for audit_open.c ---- */

/* What socket() makes of these, as enum trace_protocol. */
uint8_t audit_protocol_of(int family, int type, int protocol);

/* A socket with its identity, not in the table yet. NULL where it is none of ours, which the table then knows. */
struct socket *audit_new_socket(int fd, uint8_t protocol);

/*
 * Once a new socket is in the table, sometimes: looks for rings. Programs that make rings make them early; and many are
 * killed rather than end.
 */
void audit_look_now_and_then(void);

#endif
