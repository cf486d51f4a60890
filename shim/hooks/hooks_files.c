/*
 * hooks_files.c: calls about descriptors in general. There is nothing to audit in them; they are here for the
 * quarantine, so that the program finds the numbers and the errors that it would find without it.
 *
 * The fortified forms of open are in no public header, fstat's older names in none any more: their prototypes stand
 * here.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "shim/audit/audit_kept.h"
#include "shim/base/hook.h"
#include "shim/base/older_headers.h"

/* ---- calls that make one: tried again where the quarantine can make room ---- */

int __open_2(const char *file, int oflag);
int __open64_2(const char *file, int oflag);
int __openat_2(int fd, const char *file, int oflag);
int __openat64_2(int fd, const char *file, int oflag);

#define MODE_OF(oflag)                                                                                                 \
	__extension__({                                                                                                \
		va_list arguments_;                                                                                    \
		mode_t mode_ = 0;                                                                                      \
		if (__OPEN_NEEDS_MODE(oflag)) {                                                                        \
			va_start(arguments_, oflag);                                                                   \
			mode_ = va_arg(arguments_, mode_t);                                                            \
			va_end(arguments_);                                                                            \
		}                                                                                                      \
		mode_;                                                                                                 \
	})

/* What was opened may list the descriptors. */
static int opened(int fd, const char *file)
{
	if (fd >= 0)
		audit_opened_path(file);
	return fd;
}

HOOK(int, open, const char *file, int oflag, ...)
{
	mode_t mode = MODE_OF(oflag);

	return opened(AUDIT_WITH_ROOM(REAL(open)(file, oflag, mode), -1), file);
}

HOOK(int, openat, int fd, const char *file, int oflag, ...)
{
	mode_t mode = MODE_OF(oflag);

	return opened(AUDIT_WITH_ROOM(REAL(openat)(fd, file, oflag, mode), -1), file);
}

HOOK(int, __open_2, const char *file, int oflag)
{
	return opened(AUDIT_WITH_ROOM(REAL(__open_2)(file, oflag), -1), file);
}

HOOK(int, __openat_2, int fd, const char *file, int oflag)
{
	return opened(AUDIT_WITH_ROOM(REAL(__openat_2)(fd, file, oflag), -1), file);
}

HOOK(int, creat, const char *file, mode_t mode)
{
	return AUDIT_WITH_ROOM(REAL(creat)(file, mode), -1);
}

#if __SIZEOF_POINTER__ == 8 /* every file is a large one */
HOOK_ALIAS(open, open64);
HOOK_ALIAS(openat, openat64);
HOOK_ALIAS(__open_2, __open64_2);
HOOK_ALIAS(__openat_2, __openat64_2);
HOOK_ALIAS(creat, creat64);
#endif

HOOK(DIR *, opendir, const char *name)
{
	DIR *stream;

	stream = AUDIT_WITH_ROOM(REAL(opendir)(name), NULL);
	if (stream)
		audit_opened_path(name);
	return stream;
}

HOOK(FILE *, fopen, const char *filename, const char *modes)
{
	return AUDIT_WITH_ROOM(REAL(fopen)(filename, modes), NULL);
}
#if __SIZEOF_POINTER__ == 8
HOOK_ALIAS(fopen, fopen64);
#endif

HOOK(int, pipe, int pipedes[2])
{
	return AUDIT_WITH_ROOM(REAL(pipe)(pipedes), -1);
}

HOOK(int, epoll_create, int size)
{
	return AUDIT_WITH_ROOM(REAL(epoll_create)(size), -1);
}

HOOK(int, epoll_create1, int flags)
{
	return AUDIT_WITH_ROOM(REAL(epoll_create1)(flags), -1);
}

HOOK(int, eventfd, OLDER_EVENTFD_COUNT count, int flags)
{
	return AUDIT_WITH_ROOM(REAL(eventfd)(count, flags), -1);
}

HOOK(int, timerfd_create, clockid_t clock_id, int flags)
{
	return AUDIT_WITH_ROOM(REAL(timerfd_create)(clock_id, flags), -1);
}

HOOK(int, signalfd, int fd, const sigset_t *mask, int flags)
{
	return AUDIT_WITH_ROOM(REAL(signalfd)(fd, mask, flags), -1);
}

HOOK(int, inotify_init, void)
{
	return AUDIT_WITH_ROOM(REAL(inotify_init)(), -1);
}

HOOK(int, inotify_init1, int flags)
{
	return AUDIT_WITH_ROOM(REAL(inotify_init1)(flags), -1);
}

HOOK(int, memfd_create, const char *name, unsigned int flags)
{
	return AUDIT_WITH_ROOM(REAL(memfd_create)(name, flags), -1);
}

/* ---- calls that would find the placeholder's file ---- */

int __fxstat(int version, int fd, struct stat *buf);
int __fxstat64(int version, int fd, struct stat64 *buf);

static int refused(void)
{
	errno = EBADF;
	return -1;
}

HOOK(int, fstat, int fd, struct stat *buf)
{
	return audit_is_kept(fd) ? refused() : REAL(fstat)(fd, buf);
}

HOOK(int, fstat64, int fd, struct stat64 *buf)
{
	return audit_is_kept(fd) ? refused() : REAL(fstat64)(fd, buf);
}

HOOK(int, __fxstat, int version, int fd, struct stat *buf)
{
	return audit_is_kept(fd) ? refused() : REAL(__fxstat)(version, fd, buf);
}

HOOK(int, __fxstat64, int version, int fd, struct stat64 *buf)
{
	return audit_is_kept(fd) ? refused() : REAL(__fxstat64)(version, fd, buf);
}

/* The directory's number counts only where the name is empty; the kernel has read that name. */
static int refused_if_empty(int fd, const char *name, int flags, int result)
{
	return result == 0 && flags & AT_EMPTY_PATH && audit_is_kept(fd) && (!name || !*name) ? refused() : result;
}

HOOK(int, fstatat, int fd, const char *file, struct stat *buf, int flag)
{
	return refused_if_empty(fd, file, flag, REAL(fstatat)(fd, file, buf, flag));
}

HOOK(int, fstatat64, int fd, const char *file, struct stat64 *buf, int flag)
{
	return refused_if_empty(fd, file, flag, REAL(fstatat64)(fd, file, buf, flag));
}

HOOK(int, statx, int dirfd, const char *path, int flags, unsigned int mask, struct statx *buf)
{
	return refused_if_empty(dirfd, path, flags, REAL(statx)(dirfd, path, flags, mask, buf));
}

HOOK(FILE *, fdopen, int fd, const char *modes)
{
	if (!audit_is_kept(fd))
		return REAL(fdopen)(fd, modes);
	errno = EBADF;
	return NULL;
}

HOOK(DIR *, fdopendir, int fd)
{
	if (!audit_is_kept(fd))
		return REAL(fdopendir)(fd);
	errno = EBADF;
	return NULL;
}
