/* foreign_image.c: reads the head of the file as the kernel will, and copies the environment's pointers. */
#include "shim/base/foreign_image.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shim/base/kernel.h"

#define INTERPRETERS_MAX 4 /* scripts whose interpreter is a script; the kernel follows five (fs/exec.c) */
#define HEADERS_MAX 64 /* program headers looked at */
#define VARIABLES_MAX 2048 /* in an environment; with more of them it stays as it is */
#define PATH_ROOM 256 /* little stack: a longer path is not looked at */

static const char preload[] = "LD_PRELOAD=";

/* The loaders of other C libraries than glibc, by the beginning of their names. */
static const char *const foreign_loaders[] = {"ld-musl", "ld-uClibc", "ld64-uClibc", "linker"};

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

static bool read_at(long fd, void *to, size_t size, uint64_t offset)
{
	return kernel_call4(SYS_pread64, fd, to, size, offset) == (long)size;
}

static bool is_foreign_loader(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < sizeof(foreign_loaders) / sizeof(*foreign_loaders); i++)
		if (starts_with(name, foreign_loaders[i]))
			return true;
	return false;
}

/*
 * A program of another class or machine has a loader of its own, if any; one of ours is known by the loader that it
 * names.
 */
static bool is_foreign_elf(long fd, const ElfW(Ehdr) * header)
{
	extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));
	char loader[64] = "";

	if (header->e_ident[EI_CLASS] != __ehdr_start.e_ident[EI_CLASS] ||
		header->e_ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA] ||
		header->e_machine != __ehdr_start.e_machine)
		return true;
	for (unsigned i = 0; i < header->e_phnum && i < HEADERS_MAX; i++) {
		ElfW(Phdr) part;

		if (!read_at(fd, &part, sizeof(part), header->e_phoff + (uint64_t)i * header->e_phentsize))
			return false;
		if (part.p_type != PT_INTERP || !part.p_filesz)
			continue;
		return part.p_filesz < sizeof(loader) && read_at(fd, loader, part.p_filesz, part.p_offset) &&
		       is_foreign_loader(loader);
	}
	return false;
}

/* The path behind "#!" in `line`, ended there. NULL where it is none, or does not fit. */
static char *interpreter_of(char *line)
{
	char *path = line + 2;
	size_t length;

	if (line[0] != '#' || line[1] != '!')
		return NULL;
	path += strspn(path, " \t");
	length = strcspn(path, " \t\n");
	if (!length || !path[length])
		return NULL;
	path[length] = '\0';
	return path;
}

static bool is_foreign(int directory, const char *path, int flags)
{
	union {
		struct stat status; /* before the others */
		ElfW(Ehdr) elf;
		char line[PATH_ROOM / 2];
	} head;

	for (int i = 0; i < INTERPRETERS_MAX && path; i++) {
		long fd = flags & AT_EMPTY_PATH ? kernel_call3(SYS_fcntl, directory, F_DUPFD_CLOEXEC, 0)
						: kernel_call4(SYS_openat, directory, path,
							  O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
		bool foreign;

		if (fd < 0)
			return false;
		if (kernel_call2(SYS_fstat, fd, &head.status) < 0 || !S_ISREG(head.status.st_mode))
			path = NULL;
		memset(&head, 0, sizeof(head));
		if (path && kernel_call4(SYS_pread64, fd, &head, sizeof(head.line) - 1, 0) <= 0)
			path = NULL;
		foreign = path && !memcmp(head.elf.e_ident, ELFMAG, SELFMAG) && is_foreign_elf(fd, &head.elf);
		kernel_call1(SYS_close, fd);
		if (foreign)
			return true;
		path = path ? interpreter_of(head.line) : NULL;
		directory = AT_FDCWD;
		flags = 0;
	}
	return false;
}

/* ---- the environment ---- */

static bool names_preload(const char *variable)
{
	char start[sizeof(preload)] = "";

	return kernel_copy_text(start, variable, sizeof(preload) - 1) == sizeof(preload) - 1 &&
	       !memcmp(start, preload, sizeof(preload) - 1);
}

/* Bytes for the pointers, their end and a second copy of LD_PRELOAD. 0 where it is not there. */
static size_t room_for(char *const environment[])
{
	size_t length = 0;
	char *variable;

	for (size_t i = 0; environment && i < VARIABLES_MAX; i++) {
		if (!kernel_copy(&variable, environment + i, sizeof(variable)))
			return 0;
		if (!variable)
			return length ? (i + 1) * sizeof(variable) + length : 0;
		if (names_preload(variable))
			length += strlen(variable) + 1;
	}
	return 0;
}

size_t foreign_image_room(int directory, const char *path, int flags, char *const environment[])
{
	return is_foreign(directory, path, flags) ? room_for(environment) : 0;
}

size_t foreign_image_room_in_path(const char *file, char *const environment[])
{
	const char *directories = getenv("PATH");
	char path[PATH_ROOM];
	size_t name = kernel_copy_text(path, file, sizeof(path) - 1);

	path[name] = '\0';
	if (!name || name == sizeof(path) - 1 || strchr(path, '/'))
		return foreign_image_room(AT_FDCWD, file, 0, environment);
	for (directories = directories ? directories : "/bin:/usr/bin";; directories++) {
		size_t length = strcspn(directories, ":");

		if (length + 1 + name < sizeof(path)) {
			memcpy(path, directories, length);
			path[length] = '/';
			kernel_copy_text(path + length + (length > 0), file, name);
			path[length + (length > 0) + name] = '\0';
			if (kernel_call3(SYS_faccessat, AT_FDCWD, path, 1) == 0) /* X_OK */
				return foreign_image_room(AT_FDCWD, path, 0, environment);
		}
		directories += length;
		if (!*directories)
			return 0;
	}
}

static bool is_ours(const char *library, size_t length)
{
	static const char name[] = "libsocksan";
	size_t at = length;

	while (at && library[at - 1] != '/')
		at--;
	return length - at >= sizeof(name) - 1 && !memcmp(library + at, name, sizeof(name) - 1);
}

/* Copies the variable without this library. Returns whether other libraries are left in it. */
static bool copy_preload(char *to, const char *variable)
{
	const char *library = variable + sizeof(preload) - 1;
	char *first = to + sizeof(preload) - 1;
	char *at = first;

	memcpy(to, preload, sizeof(preload) - 1);
	while (*library) {
		size_t length = strcspn(library, ": ");

		if (length && !is_ours(library, length)) {
			if (at > first)
				*at++ = ':';
			memcpy(at, library, length);
			at += length;
		}
		library += length + (library[length] != '\0');
	}
	*at = '\0';
	return at > first;
}

char **foreign_image_environment(void *room, size_t bytes, char *const environment[])
{
	char **copy = room;
	char *text = (char *)room + bytes;
	size_t used = 0;

	/* a variable that another thread adds meanwhile finds no room, like one that it adds a moment later */
	for (size_t i = 0; environment[i] && (char *)(copy + used + 2) <= text; i++) {
		if (!names_preload(environment[i])) {
			copy[used++] = environment[i];
			continue;
		}
		if ((size_t)(text - (char *)(copy + used + 2)) < strlen(environment[i]) + 1)
			break;
		text -= strlen(environment[i]) + 1;
		if (copy_preload(text, environment[i]))
			copy[used++] = text;
	}
	copy[used] = NULL;
	return copy;
}
