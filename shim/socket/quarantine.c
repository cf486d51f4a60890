/*
 * quarantine.c: a queue of kept numbers, oldest first, behind a flag. A thread that cannot do without the queue waits
 * for the flag a little, for it is never held across more than a few system calls; it then does what is safe without.
 */
#include "shim/socket/quarantine.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "shim/base/config.h"
#include "shim/base/kernel.h"
#include "shim/base/thread.h"
#include "shim/trace/trace_log.h"

#define KEPT_MAX 4096u

/*
 * How long the flag is waited for, in naps after some yielding: for the sake of a detail, or of a call of the
 * program's.
 */
#define YIELDS 100
#define DETAIL 0
#define CALL 20000
#define NAP_NS 50000

struct kept {
	int fd;
	struct quarantine_owner owner; /* the socket that would have the number by now */
};

static struct kept ring[KEPT_MAX];
static uint32_t first;
static uint32_t count;
static uint32_t busy;
static uint64_t signals_before; /* of the thread that holds the flag: none of its handlers may jump out of that */
static uint32_t changes; /* numbers kept and released, ever */

static bool enter(void)
{
	uint32_t idle = 0;
	uint64_t signals;

	thread_block_signals(&signals);
	if (!__atomic_compare_exchange_n(&busy, &idle, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		thread_allow_signals(&signals);
		return false;
	}
	signals_before = signals;
	return true;
}

static bool enter_within(int naps)
{
	const struct timespec nap = {0, NAP_NS};

	for (int i = 0; i < YIELDS + naps; i++) {
		if (enter())
			return true;
		if (i < YIELDS)
			kernel_call0(SYS_sched_yield);
		else
			kernel_call2(SYS_nanosleep, &nap, NULL);
	}
	return false;
}

static void leave(void)
{
	uint64_t signals = signals_before;

	__atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
	thread_allow_signals(&signals);
}

static struct kept *kept_at(uint32_t i)
{
	return &ring[(first + i) % KEPT_MAX];
}

static void remove_at(uint32_t i)
{
	for (; i > 0; i--)
		*kept_at(i) = *kept_at(i - 1);
	first = (first + 1) % KEPT_MAX;
	count--;
}

/* Whether our placeholder stands on the number: it may have been closed or replaced where no hook could see. */
static bool is_placeholder(int fd)
{
	long flags = kernel_call3(SYS_fcntl, fd, F_GETFL, 0);

	return flags >= 0 && flags & O_PATH;
}

/* Really gives the oldest number back. Returns it, or -1 where the program has used it by its own will meanwhile. */
static int release_oldest(void)
{
	int fd = kept_at(0)->fd;

	remove_at(0);
	if (!is_placeholder(fd) || !socket_table_unpark(fd))
		return -1;
	kernel_call1(SYS_close, fd);
	__atomic_fetch_add(&changes, 1, __ATOMIC_RELEASE);
	return fd;
}

static void keep(int fd)
{
	*kept_at(count++) = (struct kept){fd, {0, 0}};
	__atomic_fetch_add(&changes, 1, __ATOMIC_RELEASE);
}

static uint64_t descriptor_limit(void)
{
	struct rlimit limit = {1024, 1024};

	kernel_call4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	return limit.rlim_cur;
}

static uint32_t capacity(uint64_t limit)
{
	uint64_t most = limit / 8;

	if (most > config.quarantine)
		most = config.quarantine;
	return most < KEPT_MAX ? (uint32_t)most : KEPT_MAX;
}

/* Whether its close may wait until the peer has acknowledged everything: that must not happen with the flag held. */
static bool close_may_wait(int fd)
{
	struct linger linger = {0, 0};
	socklen_t length = sizeof(linger);

	kernel_call5(SYS_getsockopt, fd, SOL_SOCKET, SO_LINGER, &linger, &length);
	return linger.l_onoff && linger.l_linger;
}

/*
 * Puts a placeholder on the number; the socket behind it is closed by that. Any placeholder that stands already will
 * do.
 */
static bool replace_by_placeholder(int fd)
{
	long placeholder;
	long result;

	if (count && socket_table_is_parked(kept_at(count - 1)->fd) && is_placeholder(kept_at(count - 1)->fd))
		return kernel_call3(SYS_dup3, kept_at(count - 1)->fd, fd, O_CLOEXEC) >= 0;
	placeholder = kernel_call4(SYS_openat, AT_FDCWD, "/dev/null", O_PATH | O_CLOEXEC, 0);
	if (placeholder < 0)
		return false;
	result = kernel_call3(SYS_dup3, placeholder, fd, O_CLOEXEC);
	kernel_call1(SYS_close, placeholder);
	return result >= 0;
}

bool quarantine_close(int fd)
{
	uint64_t limit;
	uint32_t most;
	bool done = false;

	if (!config.quarantine || fd <= 2 || close_may_wait(fd) || !enter())
		return false;
	limit = descriptor_limit();
	most = capacity(limit);
	while (count && count >= most)
		release_oldest();
	/* high numbers are a sign of want: they are the last ones that the kernel gives */
	if (most && (uint64_t)fd < limit / 4 * 3 && socket_table_park(fd)) {
		done = replace_by_placeholder(fd);
		if (done)
			keep(fd);
		else
			socket_table_unpark(fd);
	}
	leave();
	return done;
}

bool quarantine_is_used(void)
{
	return config.quarantine && __atomic_load_n(&count, __ATOMIC_RELAXED) != 0;
}

bool quarantine_holds(int fd)
{
	return config.quarantine && socket_table_is_parked(fd) && is_placeholder(fd);
}

bool quarantine_let_go(int fd)
{
	bool entered;
	bool held;

	if (!config.quarantine || !socket_table_is_parked(fd))
		return false;
	/* one who is about to release it must be done before the program's descriptor takes its place */
	entered = enter_within(CALL);
	held = socket_table_unpark(fd);
	for (uint32_t i = 0; entered && held && i < count; i++)
		if (kept_at(i)->fd == fd) {
			remove_at(i);
			break;
		}
	if (entered)
		leave();
	return held;
}

void quarantine_take_back(int fd)
{
	if (!is_placeholder(fd))
		return;
	if (enter()) {
		if (count < KEPT_MAX && socket_table_park(fd)) {
			keep(fd);
			leave();
			return;
		}
		leave();
	}
	kernel_call1(SYS_close, fd);
}

void quarantine_note_owner(int fd, const struct trace_socket *record)
{
	struct kept *lowest = NULL;

	if (!config.quarantine || !count || !enter_within(DETAIL))
		return;
	for (uint32_t i = 0; i < count; i++) {
		struct kept *kept = kept_at(i);

		if (kept->fd < fd && !kept->owner.record && socket_table_is_parked(kept->fd) &&
			(!lowest || kept->fd < lowest->fd))
			lowest = kept;
	}
	if (lowest)
		lowest->owner = (struct quarantine_owner){trace_log_ref(record), record->stack_opened};
	leave();
}

bool quarantine_drop_owner(const struct trace_socket *record)
{
	trace_ref ref = trace_log_ref(record);

	if (!config.quarantine || !count || !ref)
		return true;
	if (!enter_within(DETAIL))
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (kept_at(i)->owner.record == ref)
			kept_at(i)->owner = (struct quarantine_owner){0, 0};
	leave();
	return true;
}

struct quarantine_owner quarantine_owner(int fd)
{
	struct quarantine_owner owner = {0, 0};
	struct trace_socket *record;

	if (!quarantine_holds(fd) || !enter_within(DETAIL))
		return owner;
	for (uint32_t i = 0; i < count; i++)
		if (kept_at(i)->fd == fd)
			owner = kept_at(i)->owner;
	record = trace_log_at(owner.record);
	if (record)
		__atomic_fetch_or(&record->flags, TRACE_SOCKET_HAS_INCIDENT, __ATOMIC_RELAXED);
	leave();
	return owner;
}

/* Whether anything was kept or released since this thread last asked: a number that was ours then may be free now. */
static bool changed_meanwhile(void)
{
	uint32_t seen = thread_state.room_seen;

	thread_state.room_seen = __atomic_load_n(&changes, __ATOMIC_ACQUIRE);
	return thread_state.room_seen != seen;
}

bool quarantine_give_back(void)
{
	uint64_t limit;
	uint32_t half;
	bool of_use = false;

	if (!config.quarantine || !enter_within(CALL))
		return false;
	limit = descriptor_limit();
	half = count / 2;
	/* numbers beyond the limit, which may have been lowered, help nobody */
	while (count && (!of_use || count > half)) {
		int fd = release_oldest();

		of_use |= fd >= 0 && (uint64_t)fd < limit;
	}
	leave();
	if (of_use)
		__atomic_fetch_or(&trace_log_process()->coverage, TRACE_LOW_DESCRIPTORS, __ATOMIC_RELAXED);
	return of_use || changed_meanwhile();
}

void quarantine_give_back_all(void)
{
	if (!config.quarantine || !count || !enter_within(CALL))
		return;
	while (count)
		release_oldest();
	leave();
}

void quarantine_forked(void)
{
	busy = 0; /* a thread that held the flag is not in this process */
	for (uint32_t i = 0; i < count; i++)
		kept_at(i)->owner = (struct quarantine_owner){0, 0};
}
