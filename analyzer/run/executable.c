/*
 * executable.c: see executable.h. One program after another is looked at, from the script that was named to the
 * program that runs in the end, and the first that cannot be audited decides.
 */
#include "analyzer/run/executable.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/base/text.h"
#include "analyzer/run/privilege.h"

/* Scripts whose interpreters are scripts. The kernel follows a few more; what lies beyond is left to it. */
#define INTERPRETERS_MAX 4

/* As much of a script as the kernel reads for its first line. */
#define FIRST_LINE_BYTES 256

/* One program on the way. `subject` begins what is said of it: "it", "its interpreter /bin/x". */
struct step {
	char *path;
	char *subject;
};

static void set_step(struct step *step, char *path)
{
	free(step->path);
	free(step->subject);
	step->path = path;
	step->subject = text_format("its interpreter %s", path);
}

/* Records a verdict; `clause` follows the subject. Takes `clause`. */
static void decide(struct executable *executable, enum executable_verdict verdict, const struct step *step,
	char *clause, const char *advice)
{
	executable->verdict = verdict;
	executable->reason = text_format("%s %s", step->subject, clause);
	executable->advice = advice;
	free(clause);
}

/* Whether `path` is a file that may be executed; errno says why not. */
static bool may_execute(const char *path)
{
	struct stat status;

	if (stat(path, &status))
		return false;
	if (S_ISDIR(status.st_mode)) {
		errno = EISDIR;
		return false;
	}
	if (!S_ISREG(status.st_mode)) {
		errno = EACCES;
		return false;
	}
	return !faccessat(AT_FDCWD, path, X_OK, AT_EACCESS);
}

/* Searches PATH. NULL with errno ENOENT or, where a file was there that may not be executed, EACCES. */
static char *find_in_path(const char *name)
{
	const char *directory = getenv("PATH");
	int error = ENOENT;

	if (!directory)
		directory = "/bin:/usr/bin"; /* what the C library takes */
	while (*name) {
		size_t length = strcspn(directory, ":");
		char *path = text_format("%.*s%s%s", (int)length, directory, length ? "/" : "", name);

		if (may_execute(path))
			return path;
		/* As a shell: what cannot even be looked at is not there. */
		if (errno == EACCES && !access(path, F_OK))
			error = EACCES;
		free(path);
		if (!directory[length])
			break;
		directory += length + 1;
	}
	errno = error;
	return NULL;
}

static char *find(const char *name)
{
	return strchr(name, '/') ? text_copy(name) : find_in_path(name);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

/*
 * The shim is glibc's guest. Other C libraries' loaders obey LD_PRELOAD as well, and fail on its versioned symbols.
 */
static const char *foreign_libc(const char *loader)
{
	const char *name = base_name(loader);

	if (starts_with(name, "ld-musl"))
		return "musl";
	if (starts_with(name, "ld-uClibc") || starts_with(name, "ld64-uClibc"))
		return "uClibc";
	if (!strcmp(name, "linker") || !strcmp(name, "linker64"))
		return "Android's C library";
	return NULL;
}

/* A program without a loader: static, unless it is the loader itself, called with the name of a program to load. */
static void examine_without_loader(
	struct executable *executable, const struct step *step, const struct elf_image *image)
{
	if (image->soname && starts_with(image->soname, "ld-linux"))
		return;
	if (image->soname && starts_with(image->soname, "ld64.so"))
		return;
	if (image->go)
		decide(executable, EXECUTABLE_UNAUDITABLE, step, text_copy("is a Go program that does not use libc"),
			"socksan sees only what goes through libc");
	else
		decide(executable, EXECUTABLE_UNAUDITABLE, step,
			text_copy("is statically linked, so no library can be preloaded into it"),
			"link it dynamically (without -static)");
}

static void examine_loader(struct executable *executable, const struct step *step, const struct elf_image *image)
{
	const char *libc = foreign_libc(image->interpreter);

	if (libc)
		decide(executable, EXECUTABLE_UNAUDITABLE, step,
			text_format("is linked against %s instead of glibc", libc), "build it for glibc");
	else if (access(image->interpreter, F_OK))
		decide(executable, EXECUTABLE_NOT_FOUND, step,
			text_format("needs the loader %s: %s", image->interpreter, strerror(errno)), NULL);
	else if (image->go && !image->needs_libc)
		decide(executable, EXECUTABLE_UNAUDITABLE, step, text_copy("is a Go program that does not use libc"),
			"socksan sees only what goes through libc");
	else if (image->go)
		executable->caution = text_format(
			"%s is a Go program: only its C code was audited, not what Go itself did", step->subject);
}

static void examine_elf(struct executable *executable, const struct step *step, const struct elf_image *image,
	const struct elf_image *shim)
{
	if (image->type != ET_EXEC && image->type != ET_DYN) {
		decide(executable, EXECUTABLE_CANNOT_EXECUTE, step, text_copy("is an ELF file, but not a program"),
			NULL);
	} else if (image->elf_class != shim->elf_class || image->machine != shim->machine ||
		   image->byte_order != shim->byte_order) {
		char *own = text_copy(elf_image_machine_name(image));

		decide(executable, EXECUTABLE_UNAUDITABLE, step,
			text_format("is a %s program, and libsocksan.so is %s", own, elf_image_machine_name(shim)),
			"build socksan for that machine, and name its library with --shim");
		free(own);
	} else if (image->interpreter) {
		examine_loader(executable, step, image);
	} else {
		examine_without_loader(executable, step, image);
	}
	executable->needs_asan |= image->needs_asan;
}

static void examine_privileges(struct executable *executable, const struct step *step)
{
	char *gain = privilege_gained_by(step->path);

	if (gain)
		decide(executable, EXECUTABLE_UNAUDITABLE, step,
			text_format("gains privileges when it starts (%s), so the loader ignores preloads", gain),
			"run socksan as that user, or audit a copy without these privileges");
	free(gain);
}

/* The first line of a script, without "#!" and the blanks after it; empty where there is none. */
static void read_first_line(const char *path, char line[FIRST_LINE_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t length = fd < 0 ? -1 : pread(fd, line, FIRST_LINE_BYTES - 1, 0);
	size_t skip;

	if (fd >= 0)
		close(fd);
	line[length > 0 ? length : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	skip = starts_with(line, "#!") ? 2 + strspn(line + 2, " \t") : strlen(line);
	memmove(line, line + skip, strlen(line + skip) + 1);
}

/* The program that `env` would run: its first operand, found in PATH. NULL where that is not plain to see. */
static char *find_env_operand(char *arguments)
{
	char *rest = NULL;
	char *word = strtok_r(arguments, " \t", &rest);

	if (word && (!strcmp(word, "-S") || !strcmp(word, "--split-string")))
		word = strtok_r(NULL, " \t", &rest);
	else if (word && starts_with(word, "-S"))
		word += 2;
	while (word && strchr(word, '=') && *word != '-')
		word = strtok_r(NULL, " \t", &rest);
	return word && *word && *word != '-' ? find(word) : NULL;
}

/*
 * Goes from a file that is no ELF file to the program that runs it, with the operand that its line gives to `env`.
 * Returns whether there was such a step; where not, `executable` has the verdict.
 */
static bool follow_script(struct executable *executable, struct step *step, char **env_operand)
{
	char line[FIRST_LINE_BYTES];
	size_t length;
	char *path;

	read_first_line(step->path, line);
	length = strcspn(line, " \t");
	/* execvp() hands a file that the kernel does not know to the shell. */
	path = length ? text_format("%.*s", (int)length, line) : text_copy("/bin/sh");
	if (!may_execute(path)) {
		decide(executable, errno == ENOENT ? EXECUTABLE_NOT_FOUND : EXECUTABLE_CANNOT_EXECUTE, step,
			text_format("needs the interpreter %s: %s", path, strerror(errno)), NULL);
		free(path);
		return false;
	}
	if (length && !strcmp(base_name(path), "env"))
		*env_operand = find_env_operand(line + length);
	set_step(step, path);
	return true;
}

/* Looks at one program. Returns whether there is another to look at, which then is in `step`. */
static bool examine_step(
	struct executable *executable, struct step *step, char **env_operand, const struct elf_image *shim)
{
	struct elf_image image;

	switch (elf_image_read(step->path, &image)) {
	case ELF_IMAGE_NOT_ELF: return follow_script(executable, step, env_operand);
	case ELF_IMAGE_DAMAGED:
		decide(executable, EXECUTABLE_CANNOT_EXECUTE, step, text_copy("is a damaged ELF file"), NULL);
		return false;
	case ELF_IMAGE_READ:
		examine_elf(executable, step, &image, shim);
		elf_image_free(&image);
		break;
	case ELF_IMAGE_UNREADABLE: break; /* it may be executable nevertheless: the roster will tell */
	}
	if (executable->verdict == EXECUTABLE_AUDITABLE)
		examine_privileges(executable, step);
	if (executable->verdict != EXECUTABLE_AUDITABLE || !*env_operand)
		return false;
	set_step(step, *env_operand);
	*env_operand = NULL;
	return may_execute(step->path); /* where not, env says so itself */
}

void executable_examine(struct executable *executable, const char *name, const struct elf_image *shim)
{
	struct step step = {.subject = text_copy("it")};
	char *env_operand = NULL;

	*executable = (struct executable){.path = find(name)};
	if (!executable->path || !may_execute(executable->path)) {
		executable->verdict =
			errno == ENOENT || errno == ENOTDIR ? EXECUTABLE_NOT_FOUND : EXECUTABLE_CANNOT_EXECUTE;
		executable->reason =
			text_copy(executable->path || errno != ENOENT ? strerror(errno) : "command not found");
	} else {
		step.path = text_copy(executable->path);
		/* Twice as many steps: between two scripts there may be an env each. */
		for (int steps = 0; steps <= 2 * INTERPRETERS_MAX; steps++)
			if (!examine_step(executable, &step, &env_operand, shim))
				break;
	}
	free(env_operand);
	free(step.path);
	free(step.subject);
}

void executable_free(struct executable *executable)
{
	free(executable->path);
	free(executable->reason);
	free(executable->caution);
	*executable = (struct executable){0};
}
