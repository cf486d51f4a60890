/*
 * quarantine.h: numbers of closed sockets are kept from being used again for a while (the option quarantine=N), as
 * AddressSanitizer does with freed memory, so that a stale use of the number fails and is reported instead of reaching
 * somebody else's connection.
 *
 * The socket itself is really closed at once: a placeholder takes its number in the same system call (dup3). The placeholder is an
 * O_PATH descriptor: read, write, send, poll and the like fail on it with EBADF, as on a closed number; dup and fcntl,
 * which would succeed, are answered by their hooks. It is close-on-exec. Never 0 to 2, never more than an eighth of RLIMIT_NOFILE,
 * given back oldest first, and when descriptors run out.
 *
 * Any thread and signal handler; a thread that finds the list busy closes the number as usual. Not in a borrowed process.
 */
#ifndef SOCKSAN_QUARANTINE_H
#define SOCKSAN_QUARANTINE_H

#include <stdbool.h>

#include "shim/socket_table.h"

/* Closes `fd`, which the table has just let go of, and keeps its number. False: nothing was done, close it as usual. */
bool quarantine_close(int fd);

/* Whether the number is kept. */
bool quarantine_holds(int fd);

/* The number is about to be used again by the program's own will (dup2), or was closed by the kernel (close_range). */
void quarantine_forget(int fd);

/*
 * A descriptor was made with number `fd`: the kernel would have given it the lowest kept number below that. From now on a
 * stale use of that one would have reached `socket`.
 */
void quarantine_note_owner(int fd, const struct socket *socket);

/* The socket is closed: nobody's use of a kept number would reach it any more. */
void quarantine_drop_owner(const struct socket *socket);

/* The record of the socket that a use of this kept number would have reached; NULL where none is known. */
const struct trace_socket *quarantine_owner(int fd);

/* Descriptors ran out: gives numbers back. Returns whether there were any, so that the call is worth another try. */
bool quarantine_give_back(void);

#endif
