/*
 * socket_table.h: what is known of each descriptor.
 *
 * A descriptor's entry is one word: nothing known, no socket, an open socket, or a socket that this program has closed
 * (kept until the number is used again, so that a stale write can be told from a wild one). Several descriptors can
 * mean one socket (dup); its record ends with the last of them.
 *
 * Everything is lock-free and may be called from any thread and any signal handler. Entries can be wrong where a
 * descriptor was closed or made without a hook; that is found out by the cookie.
 */
#ifndef SOCKSAN_SOCKET_TABLE_H
#define SOCKSAN_SOCKET_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/socket/socket.h"

#define SOCKET_TABLE_CHUNK 1024u
#define SOCKET_TABLE_CHUNKS 4096u

/*
 * An entry is one word: what is known of the number in the lowest bits, which socket it is, and above all the turn of
 * the change that made it so. Turns are never given twice, so the same word means that nothing has changed in between.
 */
enum socket_entry_kind {
	ENTRY_UNKNOWN = 0,
	ENTRY_OTHER, /* looked at: no socket that we audit */
	ENTRY_PASSED, /* came with a message; nothing else known */
	ENTRY_OPEN, /* a socket */
	ENTRY_CLOSED, /* a socket that this program has closed by this number */
	ENTRY_PARKED, /* the same, and the quarantine keeps the number */
};

#define ENTRY_KIND_BITS 3
#define ENTRY_TURN_SHIFT 24
#define ENTRY_NONE UINT64_MAX /* what no entry ever is */

extern uint64_t *socket_table[SOCKET_TABLE_CHUNKS] __attribute__((visibility("hidden")));
extern uint64_t socket_table_turn __attribute__((visibility("hidden")));

/* The entry's word of a descriptor, ENTRY_UNKNOWN for a number never seen or out of range. */
static inline uint64_t socket_table_entry(int fd)
{
	uint32_t chunk = (uint32_t)fd / SOCKET_TABLE_CHUNK;
	uint64_t *entries =
		chunk < SOCKET_TABLE_CHUNKS ? __atomic_load_n(&socket_table[chunk], __ATOMIC_ACQUIRE) : NULL;

	return entries ? __atomic_load_n(&entries[(uint32_t)fd % SOCKET_TABLE_CHUNK], __ATOMIC_ACQUIRE) : ENTRY_UNKNOWN;
}

static inline enum socket_entry_kind socket_entry_kind(uint64_t entry)
{
	return (enum socket_entry_kind)(entry & ((1u << ENTRY_KIND_BITS) - 1));
}

/* The fast way out of a hook: this descriptor was looked at and is no socket. */
static inline bool socket_table_is_other(int fd)
{
	return socket_entry_kind(socket_table_entry(fd)) == ENTRY_OTHER;
}

static inline bool socket_entry_is_open(uint64_t entry)
{
	return socket_entry_kind(entry) == ENTRY_OPEN;
}

static inline bool socket_entry_is_closed(uint64_t entry)
{
	return socket_entry_kind(entry) >= ENTRY_CLOSED;
}

/* Which socket an entry means that is open or closed: its index. */
static inline uint32_t socket_entry_index(uint64_t entry)
{
	return (uint32_t)entry >> ENTRY_KIND_BITS & ((1u << (ENTRY_TURN_SHIFT - ENTRY_KIND_BITS)) - 1);
}

/*
 * The turn of the latest change of any entry. A descriptor's entry is made after the kernel has made the descriptor,
 * and unmade before the kernel unmakes it: so what a call of the kernel's said of a number was said of the socket in
 * its entry, if that is still what it was before the call, or was made before a turn that was the latest then.
 */
static inline uint64_t socket_table_now(void)
{
	return __atomic_load_n(&socket_table_turn, __ATOMIC_SEQ_CST);
}

static inline bool socket_entry_is_older(uint64_t entry, uint64_t turn)
{
	return entry >> ENTRY_TURN_SHIFT <= turn;
}

/* Whether the number is known to be an open socket. It may be another one by the time that this is used. */
static inline bool socket_table_is_open(int fd)
{
	return socket_entry_is_open(socket_table_entry(fd));
}

/* Whether an entry means this socket, open. */
static inline bool socket_entry_means(uint64_t entry, const struct socket *socket)
{
	return socket_entry_is_open(entry) && socket_entry_index(entry) == socket->index;
}

/* Notes that a descriptor is no socket, or that nothing is known of it any more. */
void socket_table_set_other(int fd);
void socket_table_forget(int fd);

/* The second, only where the entry still is this one: what it said turned out to be wrong. */
void socket_table_forget_entry(int fd, uint64_t entry);

/* The same, only where the table still knows it as the closed number of this socket. */
void socket_table_forget_closed(int fd, struct socket *socket);

/* Notes that a descriptor came with a message. */
void socket_table_set_passed(int fd);

/* Makes a descriptor mean `socket`, one descriptor more of it. Returns false where there is no room (counted). */
bool socket_table_open(int fd, struct socket *socket);

/* The same, only where the entry still is this one: what the kernel said of the number since then is void otherwise. */
bool socket_table_open_from(int fd, struct socket *socket, uint64_t entry);

/*
 * Takes a descriptor from its socket, which the caller holds and found in `entry`, before the real close; keeps in the
 * entry that this program closed it. Returns false where the entry has changed: another thread closes it too, and that
 * one tells. `*last` says whether it was the last descriptor in this process.
 */
bool socket_table_close(int fd, uint64_t entry, bool *last);

/* The reverse, for a close that failed and left the descriptor open, or a dup2 that did not happen. */
void socket_table_reopen(int fd, struct socket *socket);

/*
 * Marks a closed number as kept by the quarantine, and takes the mark away; it stays a closed number. Each returns
 * whether it was this call that did so.
 */
bool socket_table_park(int fd);
bool socket_table_unpark(int fd);

static inline bool socket_table_is_parked(int fd)
{
	return socket_entry_kind(socket_table_entry(fd)) == ENTRY_PARKED;
}

/* One past the highest number with an entry. */
int socket_table_limit(void);

#endif
