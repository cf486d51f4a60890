/*
 * socket_hold.h: a socket that a call looks at, from before the call to its end.
 *
 * While it is held, the socket and its record in the trace serve no other connection, whatever other threads close
 * meanwhile. What it says nothing about is whether the descriptor still means it: the number may have been closed and
 * given to another connection between our look into the table and the kernel's. socket_hold_is_current tells. A result
 * is noted only where that was still so after the call (or the question to the kernel) had come back; otherwise it is
 * one of a connection that nobody can name.
 *
 * A hold lies on the stack of who takes it, where it stays: it is not copied, and not returned. Any thread and signal
 * handler.
 */
#ifndef SOCKSAN_SOCKET_HOLD_H
#define SOCKSAN_SOCKET_HOLD_H

#include "shim/base/hold.h"
#include "shim/base/process.h"
#include "shim/socket/socket_table.h"

struct socket_hold {
	struct socket *socket; /* NULL: nothing is held */
	struct trace_socket
		*record; /* its record when it was last looked at (socket_hold_see): of that life, whatever comes */
	struct hold_slot *slot; /* NULL: it is kept (socket_keep) */
	uint64_t entry; /* of `fd`; ENTRY_NONE: it was not found by a descriptor */
	uint64_t life;
	uint32_t generation; /* of the process */
	int fd;
};

/* Holds the socket that a number means, open or closed by this program. Returns whether there is one. */
bool socket_hold_any(struct socket_hold *hold, int fd);

/*
 * Holds the one at an index if it has an open descriptor; `fd` and `entry` are those of its first one, where that still
 * is one.
 */
bool socket_hold_at(struct socket_hold *hold, uint32_t index);

/*
 * Holds the known socket with this cookie that has an open descriptor. Looks through all of them: for the unusual way
 * only.
 */
bool socket_hold_cookie(struct socket_hold *hold, uint64_t cookie);

/* Notes its connection as it is now. */
static inline void socket_hold_see(struct socket_hold *hold)
{
	hold->life = __atomic_load_n(&hold->socket->life, __ATOMIC_ACQUIRE);
	hold->record = socket_record(hold->socket);
	hold->generation = process_generation();
}

/* The way of socket_hold_open where something came in between. */
bool socket_hold_open_again(struct socket_hold *hold, int fd);

/* Holds the open socket of a number. Returns whether there is one. */
static inline bool socket_hold_open(struct socket_hold *hold, int fd)
{
	uint64_t entry = socket_table_entry(fd);

	if (!socket_entry_is_open(entry)) {
		hold->socket = NULL;
		return false;
	}
	hold->socket = socket_at(socket_entry_index(entry));
	hold->slot = hold_take(hold, hold->socket);
	if (__builtin_expect(!hold->slot || socket_table_entry(fd) != entry, 0)) {
		if (hold->slot)
			hold_give_back(hold->slot);
		return socket_hold_open_again(hold, fd);
	}
	hold->entry = entry;
	hold->fd = fd;
	socket_hold_see(hold);
	return true;
}

/* Whether the descriptor still means the very connection that was there when the hold was taken, or seen again. */
static inline bool socket_hold_is_current(const struct socket_hold *hold)
{
	return socket_table_entry(hold->fd) == hold->entry &&
	       __atomic_load_n(&hold->socket->life, __ATOMIC_ACQUIRE) == hold->life &&
	       process_generation() == hold->generation;
}

/*
 * Whether the call may still note what it found in the record: it is this process's, which a fork in a signal handler
 * ends.
 */
static inline bool socket_hold_is_ours(const struct socket_hold *hold)
{
	return process_generation() == hold->generation;
}

/* Keeps what is held beyond the frame: from here on the struct may be moved, and must be released by somebody. */
void socket_hold_keep(struct socket_hold *hold);

/* The end of it; nothing where nothing is held. */
static inline void socket_release(struct socket_hold *hold)
{
	if (!hold->socket)
		return;
	if (hold->slot)
		hold_give_back(hold->slot);
	else
		socket_let_go(hold->socket);
	hold->socket = NULL;
}

/* Calls `visit` for each socket that has an open descriptor, held meanwhile. */
void socket_for_each(void (*visit)(struct socket_hold *hold));

#endif
