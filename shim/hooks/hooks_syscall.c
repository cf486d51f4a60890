/*
 * hooks_syscall.c: syscall(2), by which a program makes a call without libc's function for it. Node closes its sockets
 * so.
 *
 * The call itself always goes on to libc's syscall(): close() is a cancellation point and syscall(SYS_close) is none.
 */
#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim/audit/audit_close.h"
#include "shim/audit/audit_epoll.h"
#include "shim/audit/audit_kept.h"
#include "shim/audit/audit_open.h"
#include "shim/audit/audit_options.h"
#include "shim/audit/audit_process.h"
#include "shim/audit/audit_read.h"
#include "shim/audit/audit_sandbox.h"
#include "shim/audit/audit_socket.h"
#include "shim/audit/audit_told.h"
#include "shim/audit/audit_uring_look.h"
#include "shim/audit/audit_write.h"
#include "shim/base/foreign_image.h"
#include "shim/base/hook.h"
#include "shim/base/locked_memory.h"
#include "shim/base/older_headers.h"
#include "shim/base/thread.h"
#include "shim/socket/payload.h"
#include "shim/socket/socket_hold.h"
#include "shim/socket/socket_table.h"
#include "shim/stack/backtrace_answers.h"
#include "shim/uring/audit_uring_raw.h"
#include "shim/uring/uring_layout.h"

static const struct hook named_write = {"write", 0};
static const struct hook named_read = {"read", 0};
static const struct hook named_shutdown = {"shutdown", 0};
static const struct hook named_poll = {"poll", 0};
static const struct hook named_epoll_wait = {"epoll_wait", 0};

struct arguments {
	long number;
	long value[6];
};

HOOK_LOOK_UP(syscall);

/* Each keeps its variables to itself: inlined, all of them would be in the one frame of syscall(). */
#define NOT_INLINE __attribute__((noinline))

static long forward(const struct arguments *call)
{
	const long *value = call->value;

	return REAL(syscall)(call->number, value[0], value[1], value[2], value[3], value[4], value[5]);
}

static NOT_INLINE long write_call(
	const struct arguments *call, const char *name, const struct payload *payload, int flags)
{
	struct audit_write write;
	struct hook hook = named_write;

	hook.name = name;
	if (!audit_write_begin(&write, &hook, (int)call->value[0], *payload, flags))
		return forward(call);
	return audit_write_end(&write, forward(call));
}

static NOT_INLINE long sendmsg_call(const struct arguments *call)
{
	const struct msghdr *message = (const struct msghdr *)call->value[1];
	struct payload payload = payload_message(message);
	long result = write_call(call, "sendmsg", &payload, (int)call->value[2]);

	if (result >= 0)
		audit_sent_message(message);
	return result;
}

static NOT_INLINE long read_call(const struct arguments *call, const char *name, bool empty, int flags)
{
	struct audit_read read;
	struct hook hook = named_read;

	hook.name = name;
	if (!audit_read_begin(&read, &hook, (int)call->value[0], empty, flags))
		return forward(call);
	return audit_read_end(&read, forward(call));
}

static NOT_INLINE long close_call(const struct arguments *call)
{
	struct audit_close close;
	int result;

	audit_close_begin(&close, "close", (int)call->value[0]);
	if (!audit_close_instead(&close, &result))
		result = (int)forward(call);
	audit_close_end(&close, result);
	return result;
}

static NOT_INLINE long duplicate_over(const struct arguments *call, const char *name)
{
	struct audit_close close;
	int from = (int)call->value[0];
	int to = (int)call->value[1];
	uint64_t turn = socket_table_now();
	long result;

	audit_duplicate_over_begin(&close, name, from, to);
	result = forward(call);
	audit_duplicate_over_end(&close, from, to, (int)result, turn);
	return result;
}

static NOT_INLINE long connect_call(const struct arguments *call)
{
	struct audit_connect around;
	bool audited = audit_connect_begin(
		&around, (int)call->value[0], (const void *)call->value[1], (uint32_t)call->value[2]);
	long result = forward(call);

	if (audited)
		audit_connect_end(&around, (const void *)call->value[1], (uint32_t)call->value[2], (int)result);
	return result;
}

/* `path_at`: which argument the path is; the environment comes two later. */
static NOT_INLINE long exec_call(const struct arguments *call, int path_at)
{
	const char *path = (const char *)call->value[path_at];
	char *const *environment = (char *const *)call->value[path_at + 2];
	bool ours = audit_exec_begin(path);
	struct arguments changed = *call;
	size_t room = path_at ? foreign_image_room((int)call->value[0], path, (int)call->value[4], environment)
			      : foreign_image_room(AT_FDCWD, path, 0, environment);
	long result;

	if (room)
		changed.value[path_at + 2] = (long)foreign_image_environment(alloca(room), room, environment);
	result = forward(&changed);

	audit_exec_failed(ours);
	return result;
}

static NOT_INLINE long enter_ring(const struct arguments *call)
{
	const long *value = call->value;
	struct audit_uring_raw around;
	long result;

	audit_uring_raw_begin(&around, (int)value[0], (unsigned)value[1], (unsigned)value[3]);
	result = forward(call);
	audit_uring_raw_end(&around, result >= 0 && value[3] & IORING_ENTER_GETEVENTS ? (unsigned)value[2] : 0);
	return result;
}

/* The queues are to lie elsewhere from then on. */
static long register_with_ring(const struct arguments *call)
{
	if (call->value[1] == URING_REGISTER_RESIZE_RINGS) {
		audit_uring_raw_closed((int)call->value[0]);
		audit_used_io_uring();
	}
	return forward(call);
}

static NOT_INLINE long sandbox_call(const struct arguments *call)
{
	bool installs = call->number == SYS_prctl ? call->value[0] == PR_SET_SECCOMP
						  : call->value[0] == SECCOMP_SET_MODE_STRICT ||
							    call->value[0] == SECCOMP_SET_MODE_FILTER;
	bool is_strict = call->number == SYS_prctl ? call->value[1] == SECCOMP_MODE_STRICT
						   : call->value[0] == SECCOMP_SET_MODE_STRICT;
	uint64_t begun_ns;
	long result;

	if (!installs)
		return forward(call);
	begun_ns = audit_sandbox_begin();
	result = forward(call);
	audit_sandbox_end(begun_ns, is_strict, result >= 0);
	return result;
}

static int mlockall_by_syscall(int flags)
{
	const struct arguments call = {.number = SYS_mlockall, .value = {flags}};

	return (int)forward(&call);
}

/* Before a call after which something is to be noted of its descriptor. */
static uint64_t turn_before(const struct arguments *call)
{
	switch (call->number) {
	case SYS_listen:
	case SYS_shutdown: return audit_before((int)call->value[0]);
	case SYS_setsockopt:
		return audit_follows_option((int)call->value[1], (int)call->value[2])
			       ? audit_before((int)call->value[0])
			       : 0;
	case SYS_epoll_ctl: return audit_before((int)call->value[2]);
	default: return socket_table_now();
	}
}

/* Calls after which something is to be noted. */
static NOT_INLINE long noted_call(const struct arguments *call)
{
	uint64_t turn = turn_before(call);
	long result = forward(call);
	const long *value = call->value;
	int saved = errno;

	if (result < 0)
		return result;
	switch (call->number) {
	case SYS_socket: audit_made_socket((int)result, (int)value[0], (int)value[1], (int)value[2]); break;
	case SYS_socketpair: audit_made_pair((const int *)value[3], (int)value[0], (int)value[1], (int)value[2]); break;
#ifdef SYS_accept
	case SYS_accept:
#endif
	case SYS_accept4: audit_accepted((int)value[0], (int)result); break;
	case SYS_listen: audit_listening((int)value[0], turn); break;
	case SYS_shutdown: audit_shut_down(&named_shutdown, (int)value[0], (int)value[1], turn); break;
	case SYS_dup: audit_duplicated((int)value[0], (int)result, turn); break;
	case SYS_setsockopt:
		audit_set_option(
			(int)value[0], (int)value[1], (int)value[2], (const void *)value[3], (uint32_t)value[4], turn);
		break;
#ifdef SYS_poll
	case SYS_poll:
#endif
	case SYS_ppoll: audit_polled(&named_poll, (const struct pollfd *)value[0], (size_t)value[1], turn); break;
	case SYS_epoll_ctl:
		audit_epoll_registered(
			(int)value[0], (int)value[1], (int)value[2], (const struct epoll_event *)value[3], turn);
		break;
#ifdef SYS_epoll_wait
	case SYS_epoll_wait:
#endif
	case SYS_epoll_pwait:
		audit_epoll_waited(
			&named_epoll_wait, (int)value[0], (const struct epoll_event *)value[1], (int)result, turn);
		break;
	case SYS_io_uring_setup: audit_uring_raw_made((int)result, (const struct io_uring_params *)value[1]); break;
	default: break;
	}
	errno = saved;
	return result;
}

static long audited(const struct arguments *call)
{
	const long *value = call->value;
	struct payload payload;

	switch (call->number) {
	case SYS_write:
		payload = payload_buffer((const void *)value[1], (size_t)value[2]);
		return write_call(call, "write", &payload, 0);
	case SYS_writev:
		payload = payload_vector((const struct iovec *)value[1], (int)value[2]);
		return write_call(call, "writev", &payload, 0);
	case SYS_sendto:
		payload = payload_buffer((const void *)value[1], (size_t)value[2]);
		return write_call(call, "sendto", &payload, (int)value[3]);
	case SYS_sendmsg: return sendmsg_call(call);
	case SYS_sendfile: payload = payload_none((size_t)value[3]); return write_call(call, "sendfile", &payload, 0);
	case SYS_read: return read_call(call, "read", value[2] == 0, 0);
	case SYS_recvfrom: return read_call(call, "recvfrom", value[2] == 0, (int)value[3]);
	case SYS_recvmsg: {
		long result = read_call(call, "recvmsg", false, (int)value[2]);
		int saved = errno;

		if (result >= 0)
			audit_received_message((const struct msghdr *)value[1]);
		errno = saved;
		return result;
	}
	case SYS_close: return close_call(call);
	case SYS_close_range:
		if (!(value[2] & CLOSE_RANGE_CLOEXEC))
			audit_close_many("close_range", (unsigned)value[0], (unsigned)value[1]);
		return forward(call);
#ifdef SYS_dup2
	case SYS_dup2: return duplicate_over(call, "dup2");
#endif
	case SYS_dup3: return duplicate_over(call, "dup3");
	case SYS_connect: return connect_call(call);
	case SYS_io_uring_enter: return enter_ring(call);
	case SYS_io_uring_register: return register_with_ring(call);
	case SYS_execve: return exec_call(call, 0);
	case SYS_execveat: return exec_call(call, 1);
	case SYS_exit_group: audit_process_ends(true); return forward(call);
	case SYS_seccomp:
	case SYS_prctl: return sandbox_call(call);
	case SYS_mlockall:
		if (value[0] & MCL_FUTURE)
			audit_memory_locks();
		return locked_memory_lock_all(mlockall_by_syscall, (int)value[0]);
	default: return noted_call(call);
	}
}

/* Whether the audit has to do with this call: the others go straight on, clone and vfork among them. */
static bool is_followed(long number)
{
	switch (number) {
	case SYS_write:
	case SYS_writev:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendfile:
	case SYS_read:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_close:
	case SYS_close_range:
#ifdef SYS_dup2
	case SYS_dup2:
#endif
	case SYS_dup3:
	case SYS_connect:
	case SYS_execve:
	case SYS_execveat:
	case SYS_exit_group:
	case SYS_seccomp:
	case SYS_prctl:
	case SYS_mlockall:
	case SYS_socket:
	case SYS_socketpair:
#ifdef SYS_accept
	case SYS_accept:
#endif
	case SYS_accept4:
	case SYS_listen:
	case SYS_shutdown:
	case SYS_dup:
	case SYS_setsockopt:
#ifdef SYS_poll
	case SYS_poll:
#endif
	case SYS_ppoll:
	case SYS_epoll_ctl:
#ifdef SYS_epoll_wait
	case SYS_epoll_wait:
#endif
	case SYS_epoll_pwait:
	case SYS_io_uring_setup:
	case SYS_io_uring_enter:
	case SYS_io_uring_register: return true;
	default: return false;
	}
}

/*
 * syscall() with the arguments that it has in any case: they come in the same registers, and a function that is
 * declared with `...` keeps those of floating point too, 176 bytes in all.
 */
SOCKSAN_EXPORT long by_number(long number, long a, long b, long c, long d, long e, long f) __asm__("syscall");

long by_number(long number, long a, long b, long c, long d, long e, long f)
{
	struct arguments call = {number, {a, b, c, d, e, f}};

	if (__builtin_expect(thread_is_unwinding() && number == SYS_write && (int)a < 0, 0))
		return backtrace_answer_write((const void *)b);
	return is_followed(number) ? audited(&call) : forward(&call);
}
