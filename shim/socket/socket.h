/*
 * socket.h: what is known of each socket.
 *
 * Everything is lock-free and may be called from any thread and any signal handler. The memory of a socket is never
 * unmapped, but a socket that no entry of socket_table.h means any more serves another connection. So nothing of it is
 * touched but by who holds it (socket_hold.h), has just made it and not entered it yet, or keeps it; docs/LIFETIME.md
 * has the rules and why they suffice.
 */
#ifndef SOCKSAN_SOCKET_H
#define SOCKSAN_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/base/shared.h"
#include "shim/trace_format.h"

#define SOCKETS_MAX (1u << 20) /* at once */
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

#define OPERATION_WRITES (1u << 31) /* it hands bytes over, rather than fetching some */

struct operation {
	uint64_t t_ns; /* 0: it is being written */
	const char *call;
	uint32_t length; /* saturates at 31 bits; the highest is OPERATION_WRITES */
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

_Static_assert(offsetof(struct socket, index) % 8 == 0, "what is cleared is whole words");

/* Its record in the trace as it is now; the record's content was stored before. */
static inline struct trace_socket *socket_record(const struct socket *socket)
{
	return __atomic_load_n(&socket->record, __ATOMIC_ACQUIRE);
}

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

/* The socket at an index, NULL where none ever was. To be held before it is touched. */
struct socket *socket_at(uint32_t index);

/* How many indices were ever used. */
uint32_t socket_count(void);

/* A cleared socket that nobody else knows, or NULL where there is no memory (counted). */
struct socket *socket_new(void);

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

	shared_set(operation->t_ns, 0);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	shared_set(operation->call, call);
	shared_set(operation->length,
		(length > INT32_MAX ? INT32_MAX : (uint32_t)length) | (writes ? OPERATION_WRITES : 0));
	shared_set(operation->result, result > INT32_MAX ? INT32_MAX : (int32_t)result);
	__atomic_store_n(&operation->t_ns, t_ns, __ATOMIC_RELEASE);
}

/* The operation of that number, as next_operation counts. Returns false where it is being written just now. */
bool socket_recall(const struct socket *socket, uint32_t number, struct operation *found);

#endif
