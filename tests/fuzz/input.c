/*
 * input.c: see input.h.
 */
#include "tests/fuzz/input.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define MAX_FILES 4

/* Files stay open and are written again in place: a new one for each input would cost more than reading it. */
struct input_file {
	char *name;
	char *path;
	int descriptor;
};

static struct input_file files[MAX_FILES];
static char *directory;
static pid_t owner;
static FILE *sink;

static void fail(const char *what)
{
	perror(what);
	_exit(1);
}

static void remove_files(void)
{
	if (getpid() != owner)
		return;
	for (size_t i = 0; i < MAX_FILES && files[i].path; i++)
		unlink(files[i].path);
	rmdir(directory);
}

static ssize_t swallow(void *cookie, const char *bytes, size_t length)
{
	(void)cookie;
	(void)bytes;
	return (ssize_t)length;
}

static FILE *open_sink(void)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = swallow});

	if (!stream || setvbuf(stream, NULL, _IOFBF, 1 << 16))
		fail("fopencookie");
	return stream;
}

static void begin(void)
{
	static const char *const variables[] = {"DEBUGINFOD_URLS", "GITHUB_WORKSPACE", "CI_PROJECT_DIR", "NO_COLOR"};
	const char *parent = getenv("TMPDIR");

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
	owner = getpid();
	if (asprintf(&directory, "%s/socksan-fuzz-XXXXXX", parent && *parent ? parent : "/tmp") < 0 ||
		!mkdtemp(directory) || atexit(remove_files))
		fail("LLVMFuzzerInitialize");
	sink = open_sink();
	/* glibc lets a program replace these; libFuzzer took its own copies before. */
	stdout = open_sink();
	stderr = open_sink();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	begin();
	return 0;
}

FILE *input_sink(void)
{
	return sink;
}

static struct input_file *file_named(const char *name)
{
	struct input_file *file = files;

	while (file < files + MAX_FILES && file->name && strcmp(file->name, name) != 0)
		file++;
	if (file == files + MAX_FILES)
		abort();
	if (!file->name) {
		file->name = strdup(name);
		if (!file->name || asprintf(&file->path, "%s/%s", directory, name) < 0)
			fail(name);
		file->descriptor = open(file->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
		if (file->descriptor < 0)
			fail(file->path);
	}
	return file;
}

const char *input_file(const char *name, const void *bytes, size_t length)
{
	struct input_file *file = file_named(name);

	if (ftruncate(file->descriptor, 0) || pwrite(file->descriptor, bytes, length, 0) != (ssize_t)length)
		fail(file->path);
	return file->path;
}
