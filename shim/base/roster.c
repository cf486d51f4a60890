/* roster.c: one append a time. */
#include "shim/base/roster.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shim/base/config.h"
#include "shim/base/kernel.h"

#define PATIENCE 100 /* interruptions of one call */

/*
 * One append, unless it is interrupted or cut short. A rest that another's entry came before spoils one entry, not the
 * roster.
 */
static void write_whole(long fd, const char *bytes, size_t size)
{
	for (int i = 0; i < PATIENCE && size; i++) {
		long written = kernel_call3(SYS_write, fd, bytes, size);

		if (written < 0 && written != -EINTR)
			return;
		bytes += written > 0 ? written : 0;
		size -= written > 0 ? (size_t)written : 0;
	}
}

/* A write beyond RLIMIT_FSIZE raises SIGXFSZ in the program. Others may append at the same time. */
static bool has_room(long fd)
{
	const uint64_t margin = 64 * sizeof(struct trace_roster_entry);
	struct rlimit limit;
	long size;

	if (kernel_call4(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return true;
	size = kernel_call3(SYS_lseek, fd, 0, SEEK_END);
	return size >= 0 && (uint64_t)size + margin <= limit.rlim_cur;
}

void roster_add(enum trace_roster_type type, pid_t pid, const char *path)
{
	struct trace_roster_entry entry = {.magic = TRACE_ROSTER_MAGIC, .type = type};
	long fd = -EINTR;

	if (!config.roster[0])
		return;
	entry.pid = pid ? pid : (pid_t)kernel_call0(SYS_getpid);
	entry.ppid = (pid_t)kernel_call0(SYS_getppid);
	entry.t_ns = kernel_now_ns();
	if (path)
		kernel_copy_text(entry.path, path, sizeof(entry.path));
	for (int i = 0; i < PATIENCE && fd == -EINTR; i++)
		fd = kernel_call4(SYS_openat, AT_FDCWD, config.roster, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0)
		return;
	if (has_room(fd))
		write_whole(fd, (const char *)&entry, sizeof(entry));
	kernel_call1(SYS_close, fd);
}
