/*
 * audit.h: the way of one call through the shim, for each sort of call: what a hook does before and after the real one.
 *
 * All of it may run in any thread, in a signal handler, in a forked child, before the constructor and after the
 * destructor. None of it changes errno, a result, or what the program's calls will see. In a process that borrows its
 * parent's memory (vfork) what would change the state is left out.
 */
#ifndef SOCKSAN_AUDIT_H
#define SOCKSAN_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shim/base/hook.h"
#include "shim/socket/payload.h"
#include "shim/socket/quarantine.h"
#include "shim/socket/socket_hold.h"
#include "shim/verdict/classify.h"

struct epoll_event;
struct pollfd;
struct trace_incident;

/* ---- which socket ---- */

/*
 * Holds the socket that an open descriptor means, found out from the kernel where the table does not know. Returns
 * whether there is one that we audit, and we may look: inside our own use of the loader or unwinder, which a signal
 * handler may have interrupted, only what the table knows counts; in a process that borrows our memory nothing else
 * does either. To be given back by socket_release.
 */
bool audit_hold(struct socket_hold *hold, int fd);

/*
 * Before a call on a descriptor after which something is to be noted: sees to it that the table knows what the number
 * means. Returns the turn to note it with: what happened to another socket that got the number meanwhile is not noted.
 * Keeps errno.
 */
uint64_t audit_before(int fd);

/*
 * Holds the socket that a call was made on when `turn` was the latest; where the number means another by now, that is
 * counted.
 */
bool audit_hold_as_of(struct socket_hold *hold, int fd, uint64_t turn);

/* Whether the descriptor still is the socket that is held. Where the table is wrong about it, that is forgotten. */
bool audit_verify(const struct socket_hold *hold);

/*
 * Counts a result that belongs to no connection which can be named: the number was given to another one while the call
 * ran.
 */
void audit_result_is_stale(void);

/* Whether system calls of our own are allowed (no seccomp filter). */
bool audit_may_probe(void);

/* ---- what became of the bytes (audit_fate.c) ---- */

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

/* ---- writes ---- */

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
	struct audit_write *write, const struct hook *hook, int fd, struct payload payload, int flags);

/* After it; `result` is what the call returned, bytes or -1 with errno. Returns `result`. */
ssize_t audit_write_end(struct audit_write *write, ssize_t result);

/*
 * Where it shows only after audit_write_begin how many bytes the call offers: before audit_write_end, or the call
 * itself.
 */
void audit_write_resize(struct audit_write *write, size_t length);

/* Instead of audit_write_end: the call turned out to write nothing. All that was announced of it is withdrawn. */
void audit_write_cancel(struct audit_write *write);

/* ---- writes whose result comes later (audit_late.c) ---- */

/* The call that handed it over returns, and the write is under way. `stack`: of that call. */
void audit_write_under_way(struct audit_write *write, trace_ref stack);

/* Instead of audit_write_end: the result will not be seen. */
void audit_write_unknown(struct audit_write *write);

/* Instead of it: the result is this connection's for certain, but the descriptor does not mean it any more. */
void audit_write_end_closed(struct audit_write *write, ssize_t result);

/*
 * Instead of it: the descriptor does not mean the connection any more, and may have meant another one when the call was
 * made. What was announced stays, and nothing is said of what became of it; the result is booked on no connection.
 */
void audit_write_end_stale(struct audit_write *write, ssize_t result);

/* ---- reads ---- */

struct audit_read {
	struct socket_hold hold;
	struct socket *socket; /* what is held */
	const char *call;
	int flags; /* of the recv */
	bool empty; /* nothing was asked for, so a 0 tells nothing */
};

/* Before a read; as audit_write_begin. `empty`: a buffer of no bytes. */
bool audit_read_begin_slow(struct audit_read *read, const char *call, int fd, bool empty, int flags);
static inline bool audit_read_begin(struct audit_read *read, const struct hook *hook, int fd, bool empty, int flags);

/* After it: `result` bytes, 0 or -1 with errno. Returns `result`. */
ssize_t audit_read_end(struct audit_read *read, ssize_t result);

/* One of several results of one call: audit_read_end without its end. */
void audit_read_result(struct audit_read *read, ssize_t result);

/*
 * After a successful sendmsg: sockets that went with it have another owner, so that our close of them is not their end.
 */
void audit_sent_message(const struct msghdr *message);

/* Descriptors that came with a message: what was known of their numbers is void. */
void audit_received_message(const struct msghdr *message);

/* ---- being told ---- */

/* After a poll that returned more than 0. `turn`: socket_table_now() before it. */
void audit_polled(const struct hook *hook, const struct pollfd *fds, size_t count, uint64_t turn);

/* After a select that returned more than 0; the set is the one it left, NULL where none was given. */
void audit_selected(const struct hook *hook, int limit, const void *readable, uint64_t turn);

/* After a successful epoll_ctl (`turn`: audit_before), and after an epoll_wait that returned `count` events. */
void audit_epoll_registered(int epoll_fd, int operation, int fd, const struct epoll_event *event, uint64_t turn);
void audit_epoll_waited(
	const struct hook *hook, int epoll_fd, const struct epoll_event *events, int count, uint64_t turn);

/* Before the last close of a socket: what is registered of it ends with it. */
void audit_epoll_closed(struct socket *socket);

/* After a getsockopt(SO_ERROR) that gave `error`; after an ioctl(FIONREAD) that gave `bytes`. `turn`: audit_before. */
void audit_read_error(const struct hook *hook, int fd, int error, uint64_t turn);
void audit_counted_readable(const struct hook *hook, int fd, int bytes, uint64_t turn);

/* Notes that the program knows of the end. `error` 0: the peer closed; else the errno that told of it. */
void audit_told(struct socket_hold *hold, const char *call, int error);

/* ---- descriptors ---- */

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

/*
 * Sockets that begin anew (audit_anew.c). Before a connect: a last look at a connection that it dissolves. After one
 * that succeeded: whether it dissolved one, which then has a new record. After a shutdown that succeeded: whether it
 * has shut nothing, since the socket was listening or connecting and is as good as new now.
 */
void audit_dissolve_begin(struct socket_hold *hold, const void *address, uint32_t length);
bool audit_dissolved(struct socket_hold *hold, const void *address, uint32_t length);
bool audit_shutdown_dissolves(const struct socket_hold *hold);

/*
 * Ends the record of a connection that is over, and begins one for what its socket is used for next; the hold is of
 * that one.
 */
void audit_begin_anew(struct socket_hold *hold, enum trace_origin origin);

/* After a send that connects (MSG_FASTOPEN in its flags), to this address; before audit_write_end. */
void audit_connected_by_send(struct audit_write *write, const void *address, uint32_t length, ssize_t result);

/* After a successful listen() or shutdown(). `turn`: audit_before. */
void audit_listening(int fd, uint64_t turn);
void audit_shut_down(const struct hook *hook, int fd, int how, uint64_t turn);

/* After one that failed: where the number is closed, that is as bad as another close of it. */
void audit_shut_down_failed(const struct hook *hook, int fd);

/* Whether an option is one that is followed; after a setsockopt() of it that was successful. `turn`: audit_before. */
bool audit_follows_option(int level, int name);
void audit_set_option(int fd, int level, int name, const void *value, uint32_t length, uint64_t turn);

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

/* ---- numbers in the quarantine (audit_kept.c) ---- */

/*
 * Whether a number is kept by the quarantine: for the program it is closed, so a call that would succeed must say
 * EBADF.
 */
bool audit_is_kept(int fd);

/* Descriptors ran out (EMFILE): whether it is worth another try. */
bool audit_made_room(int error);

/*
 * After a successful open or opendir: where that lists the program's descriptors, ours must not be among them. Keeps
 * errno.
 */
void audit_opened_path(const char *path);

/* Whether these sets of a select (NULL: none), as the kernel left them, hold a number that is kept. */
bool audit_select_meets_kept(int limit, const void *readable, const void *writable, const void *exceptional);

/* Before a sendmsg: whether the message is to carry a number that is kept. */
bool audit_passes_kept(const struct msghdr *message);

/* ---- processes ---- */

/* Around an exec of `path` (NULL: unknown); returns whether the process was ours to speak for. */
bool audit_exec_begin(const char *path);
void audit_exec_failed(bool ours);

/* posix_spawn started `pid`. */
void audit_spawned(pid_t pid, const char *path);

/* The process ends here: what is pending is settled. `exits`: in good order, rather than by abort. */
void audit_process_ends(bool exits);

/*
 * This thread leaves the frames below `frame`, or has left them, by a jump: what calls in them had under way is given
 * back.
 */
void audit_left(uintptr_t frame);

/*
 * Around the installation of a seccomp filter. Once it is there we make no system call any more: no probes, no stacks;
 * what the results of the program's own calls tell is still told. The first returns when that was, 0 where this
 * process is not ours to speak for. Between the two nothing is asked either.
 */
uint64_t audit_sandbox_begin(void);
void audit_sandbox_end(uint64_t begun_ns, bool strict, bool installed);

/* The process is about to give up rights that making a trace may take. Keeps errno. */
void audit_rights_go(void);

/*
 * The program is about to lock all memory that it will have: what we need of it is made while that does not count.
 * Keeps errno.
 */
void audit_memory_locks(void);

/* ---- io_uring (audit_uring.c) ---- */

struct uring;

struct audit_uring {
	int error; /* errno before */
	bool submits;
	uint32_t first; /* the first submission that was looked at */
};

/*
 * Around a call of liburing on this ring; `submits`: it shows the kernel what the program has filled in. `handed`: so
 * many completions, from the head of the queue on, it gives the program to look at. What the kernel answers is only
 * looked at.
 */
void audit_uring_begin(struct audit_uring *call, const struct uring *ring, bool submits);
void audit_uring_end(struct audit_uring *call, const struct uring *ring, unsigned handed);

/* After a ring was made; before it is given up. */
void audit_uring_made(const struct uring *ring);
void audit_uring_ends(const struct uring *ring);

/*
 * Rings that the program makes and enters by itself (audit_uring_raw.c). After an io_uring_setup, whose `params` the
 * kernel has filled in; before a close of any descriptor that is known to be no socket, or where the ring is to be
 * forgotten; in a forked child.
 */
struct io_uring_params;
void audit_uring_raw_made(int fd, const struct io_uring_params *params);
void audit_uring_raw_closed(int fd);
void audit_uring_raw_forked(void);

struct audit_uring_raw {
	struct raw_ring *ring; /* NULL: none that is followed */
	uint32_t generation;
	struct audit_uring around;
};

/*
 * Around an io_uring_enter with these arguments. `waited`: so many completions the call has waited for. Both keep
 * errno.
 */
void audit_uring_raw_begin(struct audit_uring_raw *call, int fd, unsigned to_submit, unsigned flags);
void audit_uring_raw_end(struct audit_uring_raw *call, unsigned waited);

/*
 * Looks whether the process holds a ring whose submissions pass no hook, such as one of a liburing that is linked into
 * the program: its setup passes none either. The report then says so.
 */
void audit_uring_look(void);

/* io_uring is used in a way that the audit cannot follow, which the report is to say. */
void audit_used_io_uring(void);

/* ---- the fast way out, inlined into the hooks ---- */

static inline bool audit_write_begin(
	struct audit_write *write, const struct hook *hook, int fd, struct payload payload, int flags)
{
	return __builtin_expect(!socket_table_is_other(fd), 0) &&
	       audit_write_begin_slow(write, hook->name, fd, payload, flags);
}

static inline bool audit_read_begin(struct audit_read *read, const struct hook *hook, int fd, bool empty, int flags)
{
	return __builtin_expect(!socket_table_is_other(fd), 0) &&
	       audit_read_begin_slow(read, hook->name, fd, empty, flags);
}

#endif
