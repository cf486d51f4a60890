/*
 * hooks_uring.c: the calls of liburing that show the kernel what the program has filled in, or wait for what comes
 * back.
 *
 * liburing need not be there: then nobody calls these, and a program that looks for one of them by name and calls it is
 * told -ENOSYS, as by a kernel without io_uring. They report errors by their results and leave errno alone. The
 * prototypes are liburing's (src/include/liburing.h); those of a later version than Debian 12's are said to be so.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "shim/base/hook.h"
#include "shim/uring/audit_uring.h"
#include "shim/uring/audit_uring_raw.h"
#include "shim/uring/uring_layout.h"

struct io_uring_params;
struct __kernel_timespec;

#define URING_HOOK(result, name, ...)                                                                                  \
	result name(__VA_ARGS__);                                                                                      \
	HOOK_FOREIGN(result, name, __VA_ARGS__)

/* Makes `call` around the real function, which is `real` in it. */
#define AROUND(name, ring, submits, handed, call)                                                                      \
	__extension__({                                                                                                \
		__typeof__(&name) real = REAL_FOREIGN(name);                                                           \
		struct audit_uring around;                                                                             \
		int result = -ENOSYS;                                                                                  \
		if (real) {                                                                                            \
			audit_uring_begin(&around, ring, submits);                                                     \
			result = (int)(call);                                                                          \
			audit_uring_end(&around, ring, handed);                                                        \
		}                                                                                                      \
		result;                                                                                                \
	})

/* Whether a call that waits gave the program a completion to look at. */
static unsigned one_if(bool given)
{
	return given ? 1 : 0;
}

/* ---- submitting ---- */

URING_HOOK(int, io_uring_submit, struct uring *ring)
{
	return AROUND(io_uring_submit, ring, true, 0, real(ring));
}

URING_HOOK(int, io_uring_submit_and_wait, struct uring *ring, unsigned wait_nr)
{
	return AROUND(io_uring_submit_and_wait, ring, true, 0, real(ring, wait_nr));
}

URING_HOOK(int, io_uring_submit_and_get_events, struct uring *ring)
{
	return AROUND(io_uring_submit_and_get_events, ring, true, 0, real(ring));
}

URING_HOOK(int, io_uring_submit_and_wait_timeout, struct uring *ring, struct io_uring_cqe **cqe_ptr, unsigned wait_nr,
	struct __kernel_timespec *ts, sigset_t *sigmask)
{
	return AROUND(io_uring_submit_and_wait_timeout, ring, true, one_if(result >= 0 && cqe_ptr && *cqe_ptr),
		real(ring, cqe_ptr, wait_nr, ts, sigmask));
}

/* liburing 2.8 */
URING_HOOK(int, io_uring_submit_and_wait_min_timeout, struct uring *ring, struct io_uring_cqe **cqe_ptr,
	unsigned wait_nr, struct __kernel_timespec *ts, unsigned min_wait, sigset_t *sigmask)
{
	return AROUND(io_uring_submit_and_wait_min_timeout, ring, true, one_if(result >= 0 && cqe_ptr && *cqe_ptr),
		real(ring, cqe_ptr, wait_nr, ts, min_wait, sigmask));
}

/* liburing 2.9 */
URING_HOOK(int, io_uring_submit_and_wait_reg, struct uring *ring, struct io_uring_cqe **cqe_ptr, unsigned wait_nr,
	int reg_index)
{
	return AROUND(io_uring_submit_and_wait_reg, ring, true, one_if(result >= 0 && cqe_ptr && *cqe_ptr),
		real(ring, cqe_ptr, wait_nr, reg_index));
}

/* ---- waiting ---- */

URING_HOOK(int, __io_uring_get_cqe, struct uring *ring, struct io_uring_cqe **cqe_ptr, unsigned submit,
	unsigned wait_nr, sigset_t *sigmask)
{
	return AROUND(__io_uring_get_cqe, ring, submit != 0, one_if(result == 0 && *cqe_ptr),
		real(ring, cqe_ptr, submit, wait_nr, sigmask));
}

URING_HOOK(int, io_uring_wait_cqes, struct uring *ring, struct io_uring_cqe **cqe_ptr, unsigned wait_nr,
	struct __kernel_timespec *ts, sigset_t *sigmask)
{
	return AROUND(io_uring_wait_cqes, ring, false, one_if(result == 0 && *cqe_ptr),
		real(ring, cqe_ptr, wait_nr, ts, sigmask));
}

/* liburing 2.8 */
URING_HOOK(int, io_uring_wait_cqes_min_timeout, struct uring *ring, struct io_uring_cqe **cqe_ptr, unsigned wait_nr,
	struct __kernel_timespec *ts, unsigned min_ts_usec, sigset_t *sigmask)
{
	return AROUND(io_uring_wait_cqes_min_timeout, ring, false, one_if(result == 0 && *cqe_ptr),
		real(ring, cqe_ptr, wait_nr, ts, min_ts_usec, sigmask));
}

URING_HOOK(
	int, io_uring_wait_cqe_timeout, struct uring *ring, struct io_uring_cqe **cqe_ptr, struct __kernel_timespec *ts)
{
	return AROUND(io_uring_wait_cqe_timeout, ring, false, one_if(result == 0 && *cqe_ptr), real(ring, cqe_ptr, ts));
}

URING_HOOK(unsigned, io_uring_peek_batch_cqe, struct uring *ring, struct io_uring_cqe **cqes, unsigned count)
{
	int given = AROUND(io_uring_peek_batch_cqe, ring, false, (unsigned)result, real(ring, cqes, count));

	return given < 0 ? 0 : (unsigned)given;
}

URING_HOOK(int, io_uring_get_events, struct uring *ring)
{
	return AROUND(io_uring_get_events, ring, false, 0, real(ring));
}

/* ---- rings ---- */

#define MAKING(name, ring, call)                                                                                       \
	__extension__({                                                                                                \
		__typeof__(&name) real = REAL_FOREIGN(name);                                                           \
		int result = real ? (call) : -ENOSYS;                                                                  \
		if (result >= 0)                                                                                       \
			audit_uring_made(ring);                                                                        \
		result;                                                                                                \
	})

URING_HOOK(int, io_uring_queue_init, unsigned entries, struct uring *ring, unsigned flags)
{
	return MAKING(io_uring_queue_init, ring, real(entries, ring, flags));
}

URING_HOOK(int, io_uring_queue_init_params, unsigned entries, struct uring *ring, struct io_uring_params *p)
{
	return MAKING(io_uring_queue_init_params, ring, real(entries, ring, p));
}

/* liburing 2.5 */
URING_HOOK(int, io_uring_queue_init_mem, unsigned entries, struct uring *ring, struct io_uring_params *p, void *buf,
	size_t buf_size)
{
	return MAKING(io_uring_queue_init_mem, ring, real(entries, ring, p, buf, buf_size));
}

URING_HOOK(int, io_uring_queue_mmap, int fd, struct io_uring_params *p, struct uring *ring)
{
	return MAKING(io_uring_queue_mmap, ring, real(fd, p, ring));
}

URING_HOOK(void, io_uring_queue_exit, struct uring *ring)
{
	__typeof__(&io_uring_queue_exit) real = REAL_FOREIGN(io_uring_queue_exit);

	if (!real)
		return;
	audit_uring_ends(ring);
	real(ring);
}

/* ---- by hand: what the other calls do, a program may do by itself ---- */

/* Makes `call`, an io_uring_enter by these arguments, around the real function. */
#define ENTERING(name, fd, to_submit, min_complete, flags, call)                                                       \
	__extension__({                                                                                                \
		__typeof__(&name) real = REAL_FOREIGN(name);                                                           \
		struct audit_uring_raw around;                                                                         \
		int result = -ENOSYS;                                                                                  \
		if (real) {                                                                                            \
			audit_uring_raw_begin(&around, (int)(fd), to_submit, flags);                                   \
			result = (call);                                                                               \
			audit_uring_raw_end(                                                                           \
				&around, result >= 0 && IORING_ENTER_GETEVENTS & (flags) ? (min_complete) : 0);        \
		}                                                                                                      \
		result;                                                                                                \
	})

URING_HOOK(int, io_uring_setup, unsigned int entries, struct io_uring_params *p)
{
	__typeof__(&io_uring_setup) real = REAL_FOREIGN(io_uring_setup);
	int result = real ? real(entries, p) : -ENOSYS;

	if (result >= 0)
		audit_uring_raw_made(result, p);
	return result;
}

URING_HOOK(int, io_uring_enter, unsigned int fd, unsigned int to_submit, unsigned int min_complete, unsigned int flags,
	sigset_t *sig)
{
	return ENTERING(
		io_uring_enter, fd, to_submit, min_complete, flags, real(fd, to_submit, min_complete, flags, sig));
}

URING_HOOK(int, io_uring_enter2, unsigned int fd, unsigned int to_submit, unsigned int min_complete, unsigned int flags,
	sigset_t *sig, size_t sz)
{
	return ENTERING(
		io_uring_enter2, fd, to_submit, min_complete, flags, real(fd, to_submit, min_complete, flags, sig, sz));
}
