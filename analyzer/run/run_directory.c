/*
 * run_directory.c: see run_directory.h.
 */
#include "analyzer/run/run_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/base/text.h"
#include "shim/trace_format.h"

#define ROSTER_SUFFIX ".roster"

/* What the shim can take for a path, and for the name of a trace below it. */
#define LOG_PATH_BYTES 448

static char *make_temporary(void)
{
	const char *parent = getenv("TMPDIR");
	char *template;

	if (!parent || !*parent)
		parent = "/tmp";
	template = text_format("%s/socksan-XXXXXX", parent);
	if (!mkdtemp(template)) {
		text_complain("cannot make a directory for traces in %s: %s; set TMPDIR, or name one with --log-dir",
			parent, strerror(errno));
		free(template);
		return NULL;
	}
	return template;
}

/* Makes sure that `path` is a directory in which files can be made. */
static bool make_log_dir(const char *path)
{
	struct stat status;

	if (mkdir(path, 0700) && errno != EEXIST) {
		text_complain("cannot make the directory %s: %s", path, strerror(errno));
		return false;
	}
	if (stat(path, &status)) {
		text_complain("cannot use %s for traces: %s", path, strerror(errno));
		return false;
	}
	if (!S_ISDIR(status.st_mode)) {
		text_complain("cannot use %s for traces: it is not a directory", path);
		return false;
	}
	return true;
}

/* Options are handed to the shim as text, in which quotes protect colons. */
static bool can_be_handed_on(const char *path)
{
	if (strchr(path, '"') && strchr(path, '\'')) {
		text_complain("cannot use %s for traces: its name holds both kinds of quotes", path);
		return false;
	}
	if (strlen(path) >= LOG_PATH_BYTES) {
		text_complain("cannot use %s for traces: its name is longer than %d bytes", path, LOG_PATH_BYTES);
		return false;
	}
	return true;
}

/* The roster's name is the one that no other run has; the traces' names follow from it. */
static bool make_roster(struct run_directory *directory)
{
	size_t stem;
	int fd;

	directory->roster = text_format("%s/run-XXXXXX" ROSTER_SUFFIX, directory->path);
	fd = mkostemps(directory->roster, strlen(ROSTER_SUFFIX), O_CLOEXEC);
	if (fd < 0) {
		text_complain("cannot make a file in %s: %s", directory->path, strerror(errno));
		return false;
	}
	close(fd);
	stem = strlen(directory->roster) - strlen(ROSTER_SUFFIX);
	directory->log_path = text_format("%.*s.", (int)stem, directory->roster);
	return true;
}

static bool open_directory(struct run_directory *directory, const char *log_dir)
{
	char *made = NULL;
	bool good;

	*directory = (struct run_directory){.temporary = !log_dir};
	if (log_dir && !make_log_dir(log_dir))
		return false;
	if (!log_dir) {
		made = make_temporary();
		if (!made)
			return false;
		log_dir = made;
	}
	/* The audited processes have working directories of their own. */
	directory->path = realpath(log_dir, NULL);
	if (!directory->path)
		text_complain("cannot use %s for traces: %s", log_dir, strerror(errno));
	good = directory->path && can_be_handed_on(directory->path) && make_roster(directory);
	if (!good) {
		if (made)
			rmdir(made);
		run_directory_free(directory);
	}
	free(made);
	return good;
}

bool run_directory_open(struct run_directory *directory, const char *log_dir)
{
	/* One that takes the owner's own rights away, too, would leave a directory in which no file can be made. */
	mode_t umask_before = umask(077);
	bool good = open_directory(directory, log_dir);

	umask(umask_before);
	return good;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);

	return length >= strlen(end) && !strcmp(text + length - strlen(end), end);
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

char **run_directory_traces(const struct run_directory *directory, size_t *count)
{
	const char *prefix = strrchr(directory->log_path, '/') + 1;
	DIR *stream = opendir(directory->path);
	char **traces = NULL;
	struct dirent *entry;

	*count = 0;
	if (!stream) { /* who reads the traces shall meet it too */
		traces = text_grow(traces, *count, sizeof(*traces));
		traces[(*count)++] = text_copy(directory->path);
	}
	while (stream && (entry = readdir(stream))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) || !ends_with(entry->d_name, TRACE_SUFFIX))
			continue;
		traces = text_grow(traces, *count, sizeof(*traces));
		traces[(*count)++] = text_format("%s/%s", directory->path, entry->d_name);
	}
	if (stream)
		closedir(stream);
	if (*count)
		qsort(traces, *count, sizeof(*traces), compare_names);
	traces = text_grow(traces, *count, sizeof(*traces));
	traces[*count] = NULL;
	return traces;
}

void run_directory_free_traces(char **traces)
{
	for (char **trace = traces; *trace; trace++)
		free(*trace);
	free(traces);
}

/* Nothing but plain files is made in it, so nothing else is removed. */
static void remove_files(const char *path)
{
	DIR *stream = opendir(path);
	struct dirent *entry;

	while (stream && (entry = readdir(stream)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(dirfd(stream), entry->d_name, 0);
	if (stream)
		closedir(stream);
}

void run_directory_remove(const struct run_directory *directory)
{
	if (!directory->temporary) {
		unlink(directory->roster);
		return;
	}
	remove_files(directory->path);
	if (rmdir(directory->path))
		text_complain("cannot remove %s: %s", directory->path, strerror(errno));
}

void run_directory_free(struct run_directory *directory)
{
	free(directory->path);
	free(directory->log_path);
	free(directory->roster);
	*directory = (struct run_directory){0};
}
