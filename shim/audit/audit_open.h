/*
 * audit_open.h: what a socket goes through that its program knows of: made, connected, accepted, listening, shut
 * down.
 *
 * From where it may be called: see audit_socket.h.
 */
#ifndef SOCKSAN_AUDIT_OPEN_H
#define SOCKSAN_AUDIT_OPEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct audit_write;
#include "shim/socket/socket_hold.h"

struct hook;

/* After socket(), socketpair() and accept() that made descriptors. */
void audit_made_socket(int fd, int family, int type, int protocol);
void audit_made_pair(const int fds[2], int family, int type, int protocol);
void audit_accepted(int listener, int fd);

/*
 * Around connect(). The second releases what the first holds. The address is the program's, and need not be readable.
 */
struct audit_connect {
	struct socket_hold hold;
	bool again;
};

bool audit_connect_begin(struct audit_connect *connect, int fd, const void *address, uint32_t length);
void audit_connect_end(struct audit_connect *connect, const void *address, uint32_t length, int result);

/*
 * Whether the socket has had a connection, or an attempt at one that failed, so that a connect that comes about begins
 * the next. To be asked before the connect: another thread may write, and note that it stands, before we do.
 */
bool audit_connects_again(const struct socket *socket);

/* What came of a connect on a socket that is held. `again`: of audit_connects_again. */
void audit_connected(struct socket_hold *hold, const void *address, uint32_t length, int result, bool again);

/* After a send that connects (MSG_FASTOPEN in its flags), to this address; before audit_write_end. */
void audit_connected_by_send(struct audit_write *write, const void *address, uint32_t length, ssize_t result);

/* After a successful listen() or shutdown(). `turn`: audit_before. */
void audit_listening(int fd, uint64_t turn);
void audit_shut_down(const struct hook *hook, int fd, int how, uint64_t turn);

#endif
