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
struct hook;
struct socket_hold;

/* After socket(), socketpair() and accept() that made descriptors. */
void audit_made_socket(int fd, int family, int type, int protocol);
void audit_made_pair(const int fds[2], int family, int type, int protocol);
void audit_accepted(int listener, int fd);

/*
 * Around connect(). The second releases what the first holds. The address is the program's, and need not be readable.
 */
bool audit_connect_begin(struct socket_hold *hold, int fd, const void *address, uint32_t length);
void audit_connect_end(struct socket_hold *hold, const void *address, uint32_t length, int result);

/* What came of a connect on a socket that is held. */
void audit_connected(struct socket_hold *hold, const void *address, uint32_t length, int result);

/* After a send that connects (MSG_FASTOPEN in its flags), to this address; before audit_write_end. */
void audit_connected_by_send(struct audit_write *write, const void *address, uint32_t length, ssize_t result);

/* After a successful listen() or shutdown(). `turn`: audit_before. */
void audit_listening(int fd, uint64_t turn);
void audit_shut_down(const struct hook *hook, int fd, int how, uint64_t turn);

#endif
