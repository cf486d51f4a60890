/*
 * audit_close.h: what a hook does around a close, and where descriptors are doubled.
 *
 * From where it may be called: see audit_socket.h.
 */
#ifndef SOCKSAN_AUDIT_CLOSE_H
#define SOCKSAN_AUDIT_CLOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/socket/quarantine.h"
#include "shim/socket/socket_hold.h"

struct hook;

struct audit_close {
	struct socket_hold hold;
	struct socket *socket; /* the one that is being closed; NULL: none that we audit */
	struct socket *before; /* the one that this number meant until the program closed it */
	const char *call;
	struct quarantine_owner owner; /* whose the number would be by now without the quarantine, if known */
	int fd;
	bool last;
	bool unknown; /* nothing was known of the number */
	bool kept; /* the number is in the quarantine */
	uint64_t start_ns;
};

/*
 * Around close(). Between the two, audit_close_instead says whether the call was made, or answered, by us: then
 * `*result` and errno are what the program is to see.
 */
void audit_close_begin(struct audit_close *close, const char *call, int fd);
bool audit_close_instead(struct audit_close *close, int *result);
void audit_close_end(struct audit_close *close, int result);

/* After a shutdown that failed: where the number is closed, that is as bad as another close of it. */
void audit_shut_down_failed(const struct hook *hook, int fd);

/* Instead of audit_close_end: the close did not happen, and the descriptor is still open. */
void audit_close_undone(struct audit_close *close);

/* A descriptor of this socket was closed by `call` some time ago, where no hook could see. */
void audit_closed_already(const struct socket_hold *hold, const char *call);

/* Around fclose(), which closes by a call of libc's own (`call`). The second returns what the program is to see. */
void audit_close_by_libc_begin(struct audit_close *close, const char *call, int fd);
int audit_close_by_libc_end(struct audit_close *close, int result);

/* Before a close of all numbers from `first` to `last` (close_range, closefrom). A custom, never accused. */
void audit_close_many(const char *call, unsigned first, unsigned last);

/* Around dup2 and dup3, whose target is closed on the way; after dup and F_DUPFD. `turn`: socket_table_now() before. */
void audit_duplicate_over_begin(struct audit_close *close, const char *call, int from, int to);
void audit_duplicate_over_end(struct audit_close *close, int from, int to, int result, uint64_t turn);
void audit_duplicated(int from, int to, uint64_t turn);

/*
 * Called before the close of a descriptor that is known to be no socket: it may be one that is followed for another
 * reason. Set once, by the layer above; NULL until then.
 */
extern void (*audit_other_closed)(int fd) __attribute__((visibility("hidden")));

#endif
