/*
 * audit_fate.h: what became of the bytes: pending ones, those that a silent peer never acknowledges, those that
 * the end of a connection or the program's own close threw away.
 *
 * From where it may be called: see audit_socket.h.
 */
#ifndef SOCKSAN_AUDIT_FATE_H
#define SOCKSAN_AUDIT_FATE_H

#include <stdbool.h>
#include <stdint.h>

struct socket;
struct socket_hold;

/* Notes that the peer's close is observed now. The first observation counts. */
void audit_saw_peer_close(const struct socket_hold *hold, uint64_t now_ns);

/*
 * Notes that the connection was ended by a reset, a timeout or an error: `error` is the errno that told so, 0 where
 * none did. Bytes that nobody had acknowledged by then are lost; those that no incident tells of become one.
 */
void audit_saw_reset(const struct socket_hold *hold, uint64_t now_ns, int error);

/* A write has returned whose bytes were not known to be accepted yet when a loss was told of (SOCKET_LOSS_OPEN). */
void audit_loss_goes_on(const struct socket_hold *hold, uint64_t now_ns);

/* Asks how pending bytes fared, at most once a millisecond unless `now` says that it is the last chance. */
void audit_settle(const struct socket_hold *hold, bool now);

/* What a write finds out about a peer that acknowledges nothing. */
struct audit_silence {
	bool silent;
	uint32_t backlog; /* bytes already waiting that no incident tells of */
	uint32_t retransmissions;
	uint64_t since_ns;
};

/*
 * Before a write on a connection with nothing else wrong. Asks the kernel at a bounded rate, and remembers in between.
 */
struct audit_silence audit_silence(const struct socket_hold *hold, uint64_t now_ns);

/* The write that was to take the backlog over was not accepted: the next one finds out anew. */
void audit_silence_untold(struct socket *socket);

/*
 * Before the last close of a connection, or a connect that dissolves it: what that throws away, what nobody has
 * acknowledged.
 */
void audit_look_before_connect(const struct socket_hold *hold, uint64_t now_ns);
void audit_last_look(const struct socket_hold *hold, const char *call, uint64_t now_ns);

/*
 * Whether another process may hold this socket too, so that our close is not its end, and not all its bytes are ours.
 */
bool audit_may_be_shared(const struct socket_hold *hold);

/*
 * A fork has made second owners of all open sockets: a close by this process ends none of them for certain. The start
 * of another program (around it) makes second owners of those that are not closed on exec.
 */
void audit_shared_by_fork(void);
void audit_shared_by_spawn(void);

#endif
