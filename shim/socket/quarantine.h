/*
 * quarantine.h: numbers of closed sockets are kept from being used again for a while (the option quarantine=N), as
 * AddressSanitizer does with freed memory, so that a stale use of the number fails and is reported instead of reaching
 * somebody else's connection.
 *
 * The socket itself is really closed at once: a placeholder takes its number in the same system call (dup3). The
 * placeholder is an O_PATH descriptor: read, write, send, poll and the like fail on it with EBADF, as on a closed
 * number; the few calls that would succeed (dup, fcntl, fstat, select, passing it on) are answered by their hooks. It
 * is close-on-exec. Never 0 to 2, never more than an eighth of RLIMIT_NOFILE, given back oldest first, and when
 * descriptors run out. A socket that lingers (SO_LINGER with a time) is closed as usual.
 *
 * The mark in the socket table decides to whom a placeholder belongs: who takes the mark away closes the placeholder,
 * or leaves it to the program. What is not marked, or is no placeholder any more, is never closed here.
 *
 * Any thread and signal handler; a thread that finds the list busy closes the number as usual. A borrowed process
 * (vfork) may only ask quarantine_holds.
 */
#ifndef SOCKSAN_QUARANTINE_H
#define SOCKSAN_QUARANTINE_H

#include <stdbool.h>

#include "shim/socket/socket_table.h"

/* Closes `fd`, which the table has just let go of, and keeps its number. False: nothing was done, close it as usual. */
bool quarantine_close(int fd);

/* Whether any number is kept. */
bool quarantine_is_used(void);

/* Whether the number is kept: for the program it is closed. */
bool quarantine_holds(int fd);

/*
 * The number is about to be used again by the program's own will (dup2), or to be closed where we have no say
 * (close_range, fclose). From now on the placeholder on it is not ours. Returns whether the number was kept.
 */
bool quarantine_let_go(int fd);

/* That did not happen: keeps the number again. */
void quarantine_take_back(int fd);

/*
 * The socket that a use of a kept number would have reached: its record in the trace, and where it was opened; 0: not
 * known.
 */
struct quarantine_owner {
	trace_ref record;
	trace_ref stack_opened;
};

/*
 * A descriptor was made with number `fd`, of a socket with this record: the kernel would have given it the lowest kept
 * number below that. From now on a stale use of that one would have reached it.
 */
void quarantine_note_owner(int fd, const struct trace_socket *record);

/*
 * The socket with this record is closed: nobody's use of a kept number would reach it any more. Returns whether it is
 * named as an owner nowhere from here on; only then may the record be given to another one.
 */
bool quarantine_drop_owner(const struct trace_socket *record);

/*
 * Whom a use of this kept number would have reached. The record is one of an incident from here on, and never used
 * again.
 */
struct quarantine_owner quarantine_owner(int fd);

/*
 * Descriptors ran out: gives numbers back. Returns whether there were any to be of use, so that the call is worth
 * another try.
 */
bool quarantine_give_back(void);

/* Gives all of them back: the program is about to see them, or placeholders can no longer be looked after. */
void quarantine_give_back_all(void);

/* In a forked child: it has the placeholders too, but no records of its parent's sockets. */
void quarantine_forked(void);

#endif
