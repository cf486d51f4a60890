/* quarantine.c: a ring of kept numbers, oldest first, behind a flag that nobody waits for. */
#include "shim/quarantine.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "shim/config.h"
#include "shim/kernel.h"
#include "shim/trace_log.h"

#define KEPT_MAX 4096u

struct kept {
	int fd;
	trace_ref owner; /* the record of the socket that would have the number by now */
};

static struct kept ring[KEPT_MAX];
static uint32_t first;
static uint32_t count;
static uint32_t busy;

static bool enter(void)
{
	uint32_t idle = 0;

	return __atomic_compare_exchange_n(&busy, &idle, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void leave(void)
{
	__atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
}

static struct kept *kept_at(uint32_t i)
{
	return &ring[(first + i) % KEPT_MAX];
}

/* How many may be kept, and up to which number: three quarters of the limit stay free for what passes no hook of ours. */
static uint32_t capacity(int fd)
{
	struct rlimit limit = {1024, 1024};
	uint64_t most;

	kernel_call4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	if ((uint64_t)fd >= limit.rlim_cur / 4 * 3)
		return 0;
	most = limit.rlim_cur / 8;
	if (most > config.quarantine)
		most = config.quarantine;
	return most < KEPT_MAX ? (uint32_t)most : KEPT_MAX;
}

/* Really gives the oldest number back, unless the program has used it by its own will meanwhile. */
static void release_oldest(void)
{
	int fd = kept_at(0)->fd;

	first = (first + 1) % KEPT_MAX;
	count--;
	if (socket_table_is_parked(fd)) {
		socket_table_forget(fd);
		kernel_call1(SYS_close, fd);
	}
}

/* Puts the placeholder on the number; the socket behind it is closed by that. */
static bool replace_by_placeholder(int fd)
{
	long placeholder = kernel_call4(SYS_openat, AT_FDCWD, "/dev/null", O_PATH | O_CLOEXEC, 0);
	long result;

	if (placeholder < 0)
		return false;
	result = kernel_call3(SYS_dup3, placeholder, fd, O_CLOEXEC);
	kernel_call1(SYS_close, placeholder);
	return result >= 0;
}

bool quarantine_close(int fd)
{
	uint32_t most;
	bool done = false;

	if (!config.quarantine || fd <= 2 || !enter())
		return false;
	most = capacity(fd);
	while (count && count >= most)
		release_oldest();
	if (most && socket_table_park(fd)) {
		done = replace_by_placeholder(fd);
		if (done)
			*kept_at(count++) = (struct kept){fd, 0};
		else
			socket_table_unpark(fd);
	}
	leave();
	return done;
}

bool quarantine_holds(int fd)
{
	return config.quarantine && socket_table_is_parked(fd);
}

void quarantine_forget(int fd)
{
	if (quarantine_holds(fd))
		socket_table_forget(fd); /* its place in the ring is found empty later */
}

void quarantine_note_owner(int fd, const struct socket *socket)
{
	struct kept *lowest = NULL;

	if (!config.quarantine || !count || !enter())
		return;
	for (uint32_t i = 0; i < count; i++) {
		struct kept *kept = kept_at(i);

		if (kept->fd < fd && !kept->owner && socket_table_is_parked(kept->fd) &&
			(!lowest || kept->fd < lowest->fd))
			lowest = kept;
	}
	if (lowest)
		lowest->owner = trace_log_ref(socket->record);
	leave();
}

void quarantine_drop_owner(const struct socket *socket)
{
	trace_ref ref = trace_log_ref(socket->record);

	if (!config.quarantine || !count || !ref || !enter())
		return;
	for (uint32_t i = 0; i < count; i++)
		if (kept_at(i)->owner == ref)
			kept_at(i)->owner = 0;
	leave();
}

const struct trace_socket *quarantine_owner(int fd)
{
	trace_ref owner = 0;

	if (!quarantine_holds(fd) || !enter())
		return NULL;
	for (uint32_t i = 0; i < count; i++)
		if (kept_at(i)->fd == fd)
			owner = kept_at(i)->owner;
	leave();
	return trace_log_at(owner);
}

bool quarantine_give_back(void)
{
	uint32_t half;

	if (!config.quarantine || !count || !enter())
		return false;
	half = (count + 1) / 2;
	while (half--)
		release_oldest();
	leave();
	trace_log_process()->coverage |= TRACE_LOW_DESCRIPTORS;
	return true;
}
