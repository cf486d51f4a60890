/*
 * regular_file.c: see regular_file.h.
 */
#include "analyzer/base/regular_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/base/text.h"

static int fail(int descriptor, int error)
{
	if (descriptor >= 0)
		close(descriptor);
	errno = error;
	return -1;
}

/* The file of an O_PATH descriptor, which this closes. */
static int reopen(int place, struct stat *status)
{
	char path[48];
	int descriptor;
	int error;

	if (fstat(place, status))
		return fail(place, errno);
	if (!S_ISREG(status->st_mode))
		return fail(place, S_ISDIR(status->st_mode) ? EISDIR : S_ISLNK(status->st_mode) ? ELOOP : EINVAL);
	/* The descriptor's own name leads to the file that was looked at, whatever has its old name by now. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", place);
	descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	error = errno;
	close(place);
	return descriptor < 0 ? fail(-1, error) : descriptor;
}

int regular_file_open(const char *path, int flags, struct stat *status)
{
	int place = open(path, O_PATH | O_CLOEXEC | flags);

	return place < 0 ? -1 : reopen(place, status);
}

/* Opens one name in a directory; neither a link nor "..". Closes the directory. */
static int step(int directory, const char *name, size_t length, bool is_last)
{
	char part[NAME_MAX + 1];
	int next = -1;

	if (length >= sizeof(part) || (length == 2 && !memcmp(name, "..", 2)))
		return fail(directory, length == 2 ? EXDEV : ENAMETOOLONG);
	memcpy(part, name, length);
	part[length] = '\0';
	next = openat(directory, part, O_PATH | O_NOFOLLOW | O_CLOEXEC | (is_last ? 0 : O_DIRECTORY));
	if (next < 0)
		return fail(directory, errno);
	close(directory);
	return next;
}

int regular_file_open_below(const char *root, const char *path, struct stat *status)
{
	int place = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	while (place >= 0 && *path) {
		size_t length = strcspn(path, "/");
		const char *rest = path + length + strspn(path + length, "/");

		if (length)
			place = step(place, path, length, !*rest);
		path = rest;
	}
	return place < 0 ? -1 : reopen(place, status);
}

char *regular_file_read(int descriptor, size_t bytes, size_t *got)
{
	char *text = text_allocate(bytes + 1);
	ssize_t count = 1;

	*got = 0;
	while (count > 0 && *got < bytes) {
		do
			count = read(descriptor, text + *got, bytes - *got);
		while (count < 0 && errno == EINTR);
		*got += count > 0 ? (size_t)count : 0;
	}
	close(descriptor);
	return text;
}
