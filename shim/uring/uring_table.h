/*
 * uring_table.h: which rings there are, and which of their operations are under way.
 *
 * A completion names its operation by 64 bits of the program's own (user_data). Where two operations that are under way
 * share them, nobody can tell which one a completion means: such a slot is `doubtful` from then on, until all of them
 * are over. Some operations are to complete only if they fail (IOSQE_CQE_SKIP_SUCCESS): a slot whose bits such a one
 * used has `skipped` set, and a failure is doubtful there too.
 *
 * Nothing here reads the program's memory but uring_find and uring_made.
 */
#ifndef SOCKSAN_URING_TABLE_H
#define SOCKSAN_URING_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "shim/audit/audit_close.h"
#include "shim/audit/audit_write.h"
#include "shim/socket/rings.h"

struct uring;

#define URING_NEWS 256u

/* What an operation is to the audit. */
enum uring_sort {
	URING_OTHER = 0, /* nothing; it counts only because its user_data may be another's too */
	URING_WRITE,
	URING_WRITE_QUIET, /* a write behind a connect that is under way: counted, never accused */
	URING_READ,
	URING_POLL,
	URING_CONNECT,
	URING_ACCEPT,
	URING_SOCKET,
	URING_LISTEN,
	URING_SHUTDOWN,
	URING_CLOSE, /* the table let go of the number at the submission */
	URING_CLOSE_LATER, /* it does so at the completion: the close waits for another operation */
	URING_EPOLL, /* a change to an epoll set */
	URING_EPOLL_WAIT, /* tells of sockets where we do not look */
	URING_NEW_FILE, /* makes a descriptor that is no socket */
};

struct uring_work {
	uint8_t sort; /* enum uring_sort */
	bool counted; /* in its socket's in_flight */
	bool left; /* the call that submitted it has returned */
	bool skips; /* completes only by failing */
	bool multishot_message; /* recvmsg: results count a header too, so that 0 is never seen */
	bool was_connected; /* connect: when it was submitted */
	bool waits; /* the kernel finds out which socket the number means when it begins, after the call that submits it */
	bool is_certain; /* and has found out already, while the number still meant what is held */
	uint8_t flags; /* read: nothing was asked for */
	int fd;
	uint32_t number; /* shutdown: how; receive: flags; socket: type */
	const char *call;
	struct socket_hold hold; /* of the socket, kept until it is over */
	union {
		struct audit_write write;
		struct audit_close close;
		uint64_t turn; /* listen: when it was submitted */
		struct {
			int domain;
			int type;
			int protocol;
		} made;
		struct {
			int operation;
			int fd;
			struct epoll_event event;
			uint64_t turn;
		} epoll;
		struct {
			uint32_t length;
			char bytes[sizeof(struct sockaddr_storage)];
		} address;
	};
};

/* The operations under way that have these user_data. */
struct uring_op {
	uint64_t user_data;
	uint32_t outstanding; /* how many are to complete once more, those with `skips` left out */
	uint32_t born; /* no completion before this place is theirs */
	bool taken;
	bool doubtful;
	bool skipped;
	bool answered; /* the result was seen; a notification is to follow */
	struct uring_work work; /* of the one, where it is one */
};

/* Something that the program is told once it takes this completion from the queue. */
struct uring_news {
	uint32_t at;
	int result;
	uint8_t sort; /* URING_WRITE, URING_READ or URING_POLL */
	bool empty;
	int fd;
	int flags;
	const char *call;
	struct socket_hold hold; /* kept */
};

struct uring_state {
	struct ring ring; /* first: ring_take's */
	bool blind; /* used before we saw it, or of a shape that we cannot read */
	bool is_indexed; /* submissions stand in the queue by their numbers (sq.array), in any order; not so liburing's */
	bool skips_forgotten; /* slots that had `skipped` set were given up: each failure is doubtful */
	uint32_t cursor; /* the first completion that was not looked at */
	uint32_t unleft; /* operations of the call that is just being made */
	uint32_t used; /* slots */
	uint32_t room; /* a power of two, or 0 */
	uint32_t news_count;
	struct uring_op *ops;
	struct uring_news news[URING_NEWS];
};

/* The state of a ring, NULL where it has none. */
struct uring_state *uring_find(const struct uring *ring);

/* The one whose descriptor this is. */
struct uring_state *uring_of_descriptor(int fd);

/*
 * Begins a state for a ring that was just made or is just met, in place of one that stood for another ring at the same
 * place. Returns it locked, NULL where there is no room.
 */
struct uring_state *uring_made(const struct uring *ring);

/* Ends it; it is locked, and nobody's from now on. */
void uring_gone(struct uring_state *state);

/* The slot with these user_data, NULL where there is none. Valid until a slot is added or removed. */
struct uring_op *uring_op_find(struct uring_state *state, uint64_t user_data);

/* A cleared slot for user_data that have none. NULL where there is no memory, which has been counted. */
struct uring_op *uring_op_add(struct uring_state *state, uint64_t user_data);

void uring_op_remove(struct uring_state *state, struct uring_op *op);

/* Calls `visit` for each slot, which may change it, but neither add nor remove one. */
void uring_op_each(struct uring_state *state, void (*visit)(struct uring_op *op));

/* Removes all slots and news, and lets go of what they hold. */
void uring_op_clear(struct uring_state *state);

/* Lets go of all that an operation holds. */
void uring_work_release(struct uring_work *work);

/* In a forked child: it begins without rings. */
void uring_forked(void);

#endif
