/*
 * audit_read.h: what a hook does around a read.
 *
 * From where it may be called: see audit_socket.h.
 */
#ifndef SOCKSAN_AUDIT_READ_H
#define SOCKSAN_AUDIT_READ_H

#include <stdbool.h>
#include <sys/types.h>

#include "shim/base/hook.h"
#include "shim/socket/socket_hold.h"

struct msghdr;

struct audit_read {
	struct socket_hold hold;
	struct socket *socket; /* what is held */
	const char *call;
	int flags; /* of the recv */
	bool empty; /* nothing was asked for, so a 0 tells nothing */
};

/* Before a read; as audit_write_begin. `empty`: a buffer of no bytes. */
bool audit_read_begin_slow(struct audit_read *read, const char *call, int fd, bool empty, int flags);

static inline bool audit_read_begin(struct audit_read *read, const struct hook *hook, int fd, bool empty, int flags)
{
	return __builtin_expect(!socket_table_is_other(fd), 0) &&
	       audit_read_begin_slow(read, hook->name, fd, empty, flags);
}

/* After it: `result` bytes, 0 or -1 with errno. Returns `result`. */
ssize_t audit_read_end(struct audit_read *read, ssize_t result);

/* One of several results of one call: audit_read_end without its end. */
void audit_read_result(struct audit_read *read, ssize_t result);

/* Descriptors that came with a message: what was known of their numbers is void. */
void audit_received_message(const struct msghdr *message);

#endif
