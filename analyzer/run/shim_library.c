/*
 * shim_library.c: see shim_library.h. The loader says nothing, or goes on, where it cannot preload a library; so
 * everything that could keep it from that is looked at here.
 */
#include "analyzer/run/shim_library.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "analyzer/base/text.h"

#define SHIM_NAME "libsocksan.so"

/* The directory of this program, or NULL. */
static char *own_directory(void)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (length <= 0)
		return NULL;
	path[length] = '\0';
	*strrchr(path, '/') = '\0';
	return text_copy(path);
}

/*
 * An installed command lies beside the library, and a link to it in the directory of programs: /proc/self/exe is where
 * the link leads. The other places are for trees that somebody put together himself.
 *
 * The first of the places that has one, as an absolute path; NULL where none has. */
static char *search(void)
{
	static const char *const places[] = {
		"/" SHIM_NAME,
		"/../lib/socksan/" SHIM_NAME,
		"/../lib/" SHIM_NAME,
	};
	char *own = own_directory();
	char *found = NULL;

	for (size_t i = 0; own && !found && i < sizeof(places) / sizeof(*places); i++) {
		char *candidate = text_format("%s%s", own, places[i]);

		found = realpath(candidate, NULL);
		free(candidate);
	}
	free(own);
	return found;
}

/* Why the loader would not preload the library, or NULL. */
static const char *find_obstacle(const struct shim_library *library, enum elf_image_result result)
{
	struct statvfs mount;

	switch (result) {
	case ELF_IMAGE_UNREADABLE: return strerror(errno);
	case ELF_IMAGE_NOT_ELF:
	case ELF_IMAGE_DAMAGED: return "it is not a shared library";
	case ELF_IMAGE_READ: break;
	}
	if (library->image.type != ET_DYN || library->image.interpreter)
		return "it is not a shared library";
	if (strpbrk(library->path, ": "))
		return "LD_PRELOAD cannot hold a path with a blank or a colon; use a copy in another directory";
	if (!statvfs(library->path, &mount) && (mount.f_flag & ST_NOEXEC))
		return "it is on a file system mounted with noexec; use a copy in another directory";
	return NULL;
}

bool shim_library_find(struct shim_library *library, const char *path)
{
	const char *obstacle;

	*library = (struct shim_library){.path = path ? realpath(path, NULL) : search()};
	if (!library->path) {
		if (path)
			text_complain("cannot use %s: %s", path, strerror(errno));
		else
			text_complain("cannot find " SHIM_NAME " beside this program or in its lib directory; "
				      "name it with --shim=PATH");
		return false;
	}
	obstacle = find_obstacle(library, elf_image_read(library->path, &library->image));
	if (obstacle) {
		text_complain("cannot preload %s: %s", library->path, obstacle);
		shim_library_free(library);
	}
	return !obstacle;
}

void shim_library_free(struct shim_library *library)
{
	elf_image_free(&library->image);
	free(library->path);
	*library = (struct shim_library){0};
}
