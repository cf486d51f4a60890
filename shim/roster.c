/* roster.c: one append a time. */
#include "shim/roster.h"

#include <fcntl.h>
#include <string.h>

#include "shim/config.h"
#include "shim/kernel.h"

void roster_add(enum trace_roster_type type, pid_t pid, const char *path)
{
	struct trace_roster_entry entry = {.magic = TRACE_ROSTER_MAGIC, .type = type};
	long fd;

	if (!config.roster[0])
		return;
	entry.pid = pid ? pid : (pid_t)kernel_call0(SYS_getpid);
	entry.ppid = (pid_t)kernel_call0(SYS_getppid);
	entry.t_ns = kernel_now_ns();
	if (path)
		memcpy(entry.path, path, strnlen(path, sizeof(entry.path)));
	fd = kernel_call4(SYS_openat, AT_FDCWD, config.roster, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0)
		return;
	kernel_call3(SYS_write, fd, &entry, sizeof(entry));
	kernel_call1(SYS_close, fd);
}
