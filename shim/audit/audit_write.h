/*
 * audit_write.h: what a hook does around a write.
 *
 * From where it may be called: see audit_socket.h.
 */
#ifndef SOCKSAN_AUDIT_WRITE_H
#define SOCKSAN_AUDIT_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shim/base/hook.h"
#include "shim/socket/payload.h"
#include "shim/socket/socket_hold.h"
#include "shim/verdict/classify.h"

struct trace_incident;

struct audit_write {
	struct socket_hold hold;
	struct socket *socket; /* what is held; NULL: nothing is known of it any more */
	const char *call;
	int fd;
	int flags; /* of the send; MSG_NOSIGNAL counts */
	bool closed; /* the number is one that this program closed */
	bool probed;
	bool fresh;
	bool untold; /* the program has not seen the result yet */
	uint64_t start_ns;
	struct payload payload;
	struct classify_facts facts;
	struct verdict verdict;
	struct trace_probe before;
	struct trace_incident *incident;
	uint32_t backlog; /* silent peer: bytes that this incident takes over */
	trace_ref stack; /* where it was handed over; 0: in the call that is being made */
};

/*
 * Before a write to `fd`. Returns false where there is nothing to audit: then audit_write_end must not be called.
 * `flags` are those of send(); 0 for the other calls.
 */
bool audit_write_begin_slow(struct audit_write *write, const char *call, int fd, struct payload payload, int flags);

static inline bool audit_write_begin(
	struct audit_write *write, const struct hook *hook, int fd, struct payload payload, int flags)
{
	return __builtin_expect(!socket_table_is_other(fd), 0) &&
	       audit_write_begin_slow(write, hook->name, fd, payload, flags);
}

/* After it; `result` is what the call returned, bytes or -1 with errno. Returns `result`. */
ssize_t audit_write_end(struct audit_write *write, ssize_t result);

/* Its part: counts the call on the connection it was made on, whatever has become of that since. */
void audit_write_count(const struct audit_write *write, ssize_t result);

/*
 * Where it shows only after audit_write_begin how many bytes the call offers: before audit_write_end, or the call
 * itself.
 */
void audit_write_resize(struct audit_write *write, size_t length);

/* Instead of audit_write_end: the call turned out to write nothing. All that was announced of it is withdrawn. */
void audit_write_cancel(struct audit_write *write);

#endif
