/*
 * socket_table.h: what is known of each descriptor, and of each socket.
 *
 * A descriptor's entry is one word: nothing known, no socket, an open socket, or a socket that this program has closed
 * (kept until the number is used again, so that a stale write can be told from a wild one). Several descriptors can
 * mean one socket (dup); its record ends with the last of them.
 *
 * Everything is lock-free and may be called from any thread and any signal handler. The memory of a socket is never
 * unmapped, but a socket that no entry means any more serves another connection. So nothing of it is touched but by who
 * holds it (socket_hold.h), has just made it and not entered it yet, or keeps it; docs/LIFETIME.md has the rules and
 * why they suffice. Entries can be wrong where a descriptor was closed or made without a hook; that is found out by the
 * cookie.
 */
#ifndef SOCKSAN_SOCKET_TABLE_H
#define SOCKSAN_SOCKET_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/trace_format.h"

struct hook;

#define SOCKET_INCIDENTS 4 /* incidents that can still grow or settle, for each socket */
#define SOCKET_REGISTRATIONS 2 /* epoll sets a socket is followed in */

enum socket_state {
	SOCKET_CONNECTED = 1 << 0, /* was connected at some time */
	SOCKET_CONNECTING = 1 << 1, /* a connect is under way */
	SOCKET_FAST_OPEN = 1 << 2, /* TCP_FASTOPEN_CONNECT: the first write connects */
	SOCKET_TOLD = 1 << 3, /* the program knows that it ended */
	SOCKET_PENDING = 1 << 4, /* an incident of it is not settled */
	SOCKET_LINGER_ZERO = 1 << 6, /* SO_LINGER with a time of 0: a close resets */
	SOCKET_SILENT = 1 << 7, /* the peer acknowledges nothing */
	SOCKET_SHARED = 1 << 8, /* was handed to another process */
	SOCKET_LOSS_OPEN = 1 << 10, /* more bytes were lost than writes had returned for */
	SOCKET_CONNECT_QUEUED = 1 << 9, /* by io_uring: what is submitted after it may wait for it */
};

/* Who called the socket readable since it was last read from. */
enum socket_readable { READABLE_NOT = 0, READABLE_BY_POLL, READABLE_BY_SELECT };

struct operation {
	uint64_t t_ns;
	const char *call;
	uint32_t length : 31; /* saturates */
	uint32_t writes : 1; /* it hands bytes over, rather than fetching some */
	int32_t result; /* or minus errno */
};

struct registration {
	int epoll_fd; /* -1: none */
	uint32_t events; /* that were asked for */
	uint64_t data;
	uint64_t since; /* socket_table_now() when it had been made */
};

struct socket {
	uint32_t generation; /* of the process that `record` belongs to */
	uint32_t state; /* enum socket_state */
	int32_t descriptors; /* open descriptors of it in this process */
	int32_t holders; /* table entries that mean it, open or closed, and socket_keep */
	int32_t in_flight; /* operations of io_uring on it, each of which keeps the connection open beyond a close */
	uint8_t protocol; /* enum trace_protocol */
	uint8_t shutdown_write; /* own shutdown of either half */
	uint8_t shutdown_read;
	uint8_t readable; /* enum socket_readable */
	bool looked_ahead; /* clean_ns is of a look ahead that was not used yet (audit_ahead.h) */
	int32_t fd; /* the descriptor it was first seen by */
	uint64_t cookie; /* 0: unknown */
	uint64_t life; /* names this connection: no other ever has the same */
	struct trace_socket *record; /* a stand-in where there is no trace; never NULL */
	struct trace_incident *incidents[SOCKET_INCIDENTS];
	const char *noted_call; /* whose name stands in the record as the write under way */
	const char *readable_call; /* and when: of READABLE_BY_SELECT only */
	uint64_t readable_ns;
	uint64_t clean_ns; /* when it was last found that nothing is wrong */
	uint64_t settled_ns; /* when the kernel was last asked how pending bytes fared */
	uint64_t sampled_ns; /* when it was last asked whether the peer is silent */
	uint64_t unacked_since_ns; /* no byte written before this is unacknowledged */
	uint64_t lost_reported; /* bytes of it that incidents tell of as lost */
	struct registration registrations[SOCKET_REGISTRATIONS];
	uint32_t next_operation;
	uint32_t next_incident;
	uint32_t clean_endings; /* socket_endings at clean_ns */
	struct operation operations[TRACE_HISTORY];
	/* What outlives the connection. */
	uint32_t index;
	uint32_t list_next;
	uint32_t listed; /* in one of the lists */
	uint64_t retired; /* the search for holds that was the latest when nothing meant it any more, */
	uint64_t held; /* and the latest that found one */
};

static inline bool socket_is_stream(const struct socket *socket)
{
	return socket->protocol == TRACE_TCP || socket->protocol == TRACE_UNIX_STREAM ||
	       socket->protocol == TRACE_UNIX_SEQPACKET;
}

/*
 * Grows with each close and shutdown of a socket in this process: any of them may be the end of a connection whose
 * other end is here too, so that what a probe found before tells nothing any more.
 */
extern uint32_t socket_endings __attribute__((visibility("hidden")));

static inline void socket_note_ending(void)
{
	__atomic_fetch_add(&socket_endings, 1, __ATOMIC_RELEASE);
}

/* ---- entries ---- */

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

/* ---- sockets ---- */

/* The socket at an index, NULL where none ever was. To be held before it is touched. */
struct socket *socket_at(uint32_t index);

/* How many indices were ever used. */
uint32_t socket_count(void);

/* A cleared socket that nobody else knows, or NULL where there is no memory (counted). */
struct socket *socket_new(void);

/*
 * The connection stands now, or it is found out now that it stood: the one way from SOCKET_CONNECTING to
 * SOCKET_CONNECTED. The record's connected_ns is when that was first known, so it is set once and stays;
 * record_continue begins the next connection.
 */
void socket_set_connected(struct socket *socket, uint64_t now_ns);

/* Gives back a socket that no entry ever held. */
void socket_discard(struct socket *socket);

/*
 * Keeps a socket that the caller holds beyond that, until socket_let_go: it is not given to another connection. For
 * what outlives a call; who cannot be sure to let go of it must not keep it.
 */
void socket_keep(struct socket *socket);
void socket_let_go(struct socket *socket);

/* The socket's descriptors mean another connection from now on (a connect on a socket that had been connected). */
void socket_begin_life(struct socket *socket);

/*
 * The connection stands now, or it is found out now that it stood: the one way from SOCKET_CONNECTING to
 * SOCKET_CONNECTED. The record's connected_ns is when that was first known, so it is set once and stays;
 * record_continue begins the next connection.
 */
void socket_set_connected(struct socket *socket, uint64_t now_ns);

/* Called when a socket is about to serve another connection: nobody holds it. Set once, by the layer above. */
extern void (*socket_released)(struct socket *socket) __attribute__((visibility("hidden")));

/* Appends to the flight recorder. */
static inline void socket_remember(
	struct socket *socket, const char *call, uint64_t t_ns, size_t length, long result, bool writes)
{
	uint32_t at = __atomic_fetch_add(&socket->next_operation, 1, __ATOMIC_RELAXED) % TRACE_HISTORY;
	struct operation *operation = &socket->operations[at];

	operation->writes = writes;
	operation->t_ns = t_ns;
	operation->call = call;
	operation->length = length > INT32_MAX ? INT32_MAX : (uint32_t)length;
	operation->result = result > INT32_MAX ? INT32_MAX : (int32_t)result;
}

#endif
