/* audit_uring_look.c: rings that are used behind our backs, and saying that they are. */
#include "shim/audit/audit_uring_look.h"

#include <fcntl.h>
#include <string.h>

#include "shim/audit/audit_sandbox.h"
#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/shared.h"
#include "shim/socket/payload.h"
#include "shim/socket/rings.h"
#include "shim/socket/socket_table.h"
#include "shim/trace/trace_log.h"

#define LOOK_AT_MOST 1024 /* descriptor numbers */

void audit_used_io_uring(void)
{
	if (process_ready() && !process_is_borrowed())
		__atomic_fetch_or(&trace_log_process()->coverage, TRACE_USED_IO_URING, __ATOMIC_RELAXED);
}

static bool is_ring(int fd)
{
	static const char wanted[] = "anon_inode:[io_uring]";
	char path[32] = "/proc/self/fd/";
	char target[sizeof(wanted)];
	char digits[12];
	size_t length = strlen(path);
	size_t count = 0;

	for (int rest = fd; rest || !count; rest /= 10)
		digits[count++] = (char)('0' + rest % 10);
	while (count)
		path[length++] = digits[--count];
	path[length] = '\0';
	return kernel_call4(SYS_readlinkat, AT_FDCWD, path, target, sizeof(target)) == sizeof(wanted) - 1 &&
	       !memcmp(target, wanted, sizeof(wanted) - 1);
}

/*
 * Whether more was submitted on a ring than we have seen: a program that calls liburing by pointers makes a ring before
 * our eyes, since liburing itself calls one of its functions by name there, and then uses it behind our backs. The ring
 * may be gone.
 */
static bool is_ahead(int fd)
{
	const struct ring *ring = ring_of_descriptor(fd);
	struct payload head;
	uint32_t submitted;

	if (!ring)
		return false;
	head = payload_buffer(ring->key, sizeof(submitted));
	return payload_first_bytes(&head, &submitted, sizeof(submitted)) == sizeof(submitted) &&
	       ring_is_after(submitted, ring->next);
}

/*
 * Numbers that are sockets are passed over. Following a link in /proc/self/fd holds the file for an instant
 * (fs/proc/fd.c, proc_fd_link): a socket that another thread closes then would end a little after its close, and a
 * write to its peer succeed.
 */
void audit_uring_look(void)
{
	int limit = socket_table_limit() + 64;

	if (shared_get(trace_log_process()->coverage) & TRACE_USED_IO_URING || !audit_may_probe())
		return;
	for (int fd = 0; fd < limit && fd < LOOK_AT_MOST; fd++)
		if (!socket_table_is_open(fd) && is_ring(fd) && (!ring_is_known(fd) || is_ahead(fd))) {
			audit_used_io_uring();
			return;
		}
}
