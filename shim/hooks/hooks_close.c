/* hooks_close.c: the calls that end a descriptor or make another one of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "shim/audit/audit_close.h"
#include "shim/audit/audit_kept.h"
#include "shim/base/hook.h"
#include "shim/base/older_headers.h"
#include "shim/socket/socket_table.h"
#include "shim/stack/backtrace.h"

HOOK(int, close, int fd)
{
	struct audit_close close_;
	int result;

	audit_close_begin(&close_, "close", fd);
	if (!audit_close_instead(&close_, &result))
		result = REAL(close)(fd);
	audit_close_end(&close_, result);
	return result;
}
HOOK_ALIAS(close, __close);

HOOK(int, close_range, unsigned int fd, unsigned int max_fd, int flags)
{
	/* CLOSE_RANGE_CLOEXEC closes nothing now; CLOSE_RANGE_UNSHARE closes in a table of our own all the same */
	if (!(flags & (int)CLOSE_RANGE_CLOEXEC) && fd <= max_fd)
		audit_close_many("close_range", fd, max_fd);
	return REAL(close_range)(fd, max_fd, flags);
}

HOOK(void, closefrom, int lowfd)
{
	audit_close_many("closefrom", lowfd > 0 ? (unsigned)lowfd : 0, ~0u);
	REAL(closefrom)(lowfd);
}

/* A number in the quarantine is closed, as far as the program can tell. */
static int refuse(void)
{
	errno = EBADF;
	return -1;
}

HOOK(int, dup, int fd)
{
	int made;
	int saved;
	uint64_t turn = socket_table_now();

	if (audit_is_kept(fd))
		return refuse();
	made = AUDIT_WITH_ROOM(REAL(dup)(fd), -1);
	saved = errno;
	if (made >= 0)
		audit_duplicated(fd, made, turn);
	errno = saved;
	return made;
}

HOOK(int, dup2, int fd, int fd2)
{
	struct audit_close close_;
	int result;
	uint64_t turn = socket_table_now();

	if (audit_is_kept(fd))
		return refuse();
	audit_duplicate_over_begin(&close_, "dup2", fd, fd2);
	result = REAL(dup2)(fd, fd2);
	audit_duplicate_over_end(&close_, fd, fd2, result, turn);
	return result;
}
HOOK_ALIAS(dup2, __dup2);

HOOK(int, dup3, int fd, int fd2, int flags)
{
	struct audit_close close_;
	int result;
	uint64_t turn = socket_table_now();

	if (audit_is_kept(fd))
		return refuse();
	audit_duplicate_over_begin(&close_, "dup3", fd, fd2);
	result = REAL(dup3)(fd, fd2, flags);
	audit_duplicate_over_end(&close_, fd, fd2, result, turn);
	return result;
}

HOOK(int, fcntl, int fd, int cmd, ...)
{
	va_list arguments;
	void *argument;
	int result;
	uint64_t turn = socket_table_now();

	va_start(arguments, cmd);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (audit_is_kept(fd))
		return refuse();
	result = AUDIT_WITH_ROOM(REAL(fcntl)(fd, cmd, argument), -1);
	if (result >= 0 && (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)) {
		int saved = errno;

		audit_duplicated(fd, result, turn);
		errno = saved;
	}
	return result;
}
HOOK_ALIAS(fcntl, __fcntl);
#if __SIZEOF_POINTER__ == 8
HOOK_ALIAS(fcntl, fcntl64);
#endif
