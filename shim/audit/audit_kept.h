/*
 * audit_kept.h: numbers that the quarantine keeps, and descriptors that other processes may have.
 *
 * From where it may be called: see audit_socket.h.
 */
#ifndef SOCKSAN_AUDIT_KEPT_H
#define SOCKSAN_AUDIT_KEPT_H

#include <errno.h>
#include <stdbool.h>

struct msghdr;

/*
 * After a successful sendmsg: sockets that went with it have another owner, so that our close of them is not their end.
 */
void audit_sent_message(const struct msghdr *message);

/*
 * Whether a number is kept by the quarantine: for the program it is closed, so a call that would succeed must say
 * EBADF.
 */
bool audit_is_kept(int fd);

/* Descriptors ran out (EMFILE): whether it is worth another try. */
bool audit_made_room(int error);

/* A call that creates a descriptor, made again while the quarantine can make room. `failed` is what it returns then. */
#define AUDIT_WITH_ROOM(call, failed)                                                                                  \
	__extension__({                                                                                                \
		__typeof__(call) made_;                                                                                \
		do                                                                                                     \
			made_ = (call);                                                                                \
		while (made_ == (failed) && audit_made_room(errno));                                                   \
		made_;                                                                                                 \
	})

/*
 * After a successful open or opendir: where that lists the program's descriptors, ours must not be among them. Keeps
 * errno.
 */
void audit_opened_path(const char *path);

/* Whether these sets of a select (NULL: none), as the kernel left them, hold a number that is kept. */
bool audit_select_meets_kept(int limit, const void *readable, const void *writable, const void *exceptional);

/* Before a sendmsg: whether the message is to carry a number that is kept. */
bool audit_passes_kept(const struct msghdr *message);

#endif
