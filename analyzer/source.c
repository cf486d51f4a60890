/*
 * source.c: see source.h.
 */
#include "analyzer/source.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "analyzer/text.h"

#define MAX_FILE_BYTES (8 << 20)
#define MAX_KEPT_BYTES (64 << 20)

/* A file that was asked for, also one that is not there: it is not looked for again. */
struct kept_file {
	struct source_file file; /* first: source_line finds the rest through it */
	char *name;
	char *bytes; /* NULL: not at hand */
	size_t *starts; /* of each line, and one past the end of the last */
	UT_hash_handle hh;
};

struct sources {
	char *root;
	char *below; /* where the current directory lies below the root: "" or "part/of/it/" */
	struct kept_file *files;
	size_t kept_bytes;
};

/* Resolves "." and "..", as far as that can be done without looking: "../" at the start of a relative path stays. */
static char *normalize(const char *path)
{
	char *out = text_allocate(strlen(path) + 2);
	size_t length = 0;
	size_t floor = 0; /* what ".." cannot take away */

	if (*path == '/')
		out[length++] = '/';
	floor = length;
	while (*path) {
		size_t part = strcspn(path, "/");

		if (part == 2 && !memcmp(path, "..", 2) && length > floor) {
			length--;
			while (length > floor && out[length - 1] != '/')
				length--;
		} else if (part == 2 && !memcmp(path, "..", 2) && *out == '/') {
			; /* the root's parent is the root */
		} else if (part && !(part == 1 && *path == '.')) {
			memcpy(out + length, path, part);
			length += part;
			out[length++] = '/';
			if (part == 2 && !memcmp(path, "..", 2))
				floor = length;
		}
		path += part;
		path += strspn(path, "/");
	}
	if (length > 1 && out[length - 1] == '/')
		length--;
	out[length] = '\0';
	return out;
}

/* What of `path` follows `directory` and a slash; NULL where it does not lie below it. */
static const char *below(const char *directory, const char *path)
{
	size_t length = strlen(directory);

	if (length == 1) /* "/" */
		return *path == '/' && path[1] ? path + 1 : NULL;
	return !strncmp(path, directory, length) && path[length] == '/' ? path + length + 1 : NULL;
}

struct sources *sources_new(void)
{
	static const char *const variables[] = {"GITHUB_WORKSPACE", "CI_PROJECT_DIR"};
	struct sources *sources = text_allocate(sizeof(*sources));
	char *here = getcwd(NULL, 0);

	/* A current directory that was deleted has no name. */
	if (!here)
		here = text_copy("/");
	sources->root = here;
	sources->below = text_copy("");
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value = getenv(variables[i]);
		char *top = value && *value == '/' ? realpath(value, NULL) : NULL;
		const char *rest = top ? below(top, here) : NULL;

		if (!rest) {
			free(top);
			continue;
		}
		free(sources->below);
		sources->below = text_format("%s/", rest);
		sources->root = top;
		free(here);
		break;
	}
	return sources;
}

static void forget_files(struct sources *sources)
{
	struct kept_file *file;
	struct kept_file *next;

	HASH_ITER (hh, sources->files, file, next) {
		HASH_DEL(sources->files, file);
		free(file->name);
		free(file->bytes);
		free(file->starts);
		free(file);
	}
	sources->kept_bytes = 0;
}

void sources_free(struct sources *sources)
{
	if (!sources)
		return;
	forget_files(sources);
	free(sources->root);
	free(sources->below);
	free(sources);
}

const char *sources_root(const struct sources *sources)
{
	return sources->root;
}

/* A relative path is relative to where the compiler ran, which is not known: here, or at the top. */
static bool lies_here(const struct sources *sources, const char *path)
{
	char *place;
	bool is_there;

	if (!*sources->below)
		return false;
	place = text_format("%s/%s%s", sources->root, sources->below, path);
	is_there = access(place, F_OK) == 0;
	free(place);
	return is_there;
}

char *sources_path(const struct sources *sources, const char *file, bool *inside)
{
	char *path = normalize(file);
	const char *rest;
	char *whole;

	*inside = source_is_file(path) && *path != '/' && strncmp(path, "../", 3) && strcmp(path, "..");
	if (*path != '/') {
		if (!*inside || !lies_here(sources, path))
			return path;
		whole = text_format("%s%s", sources->below, path);
		free(path);
		return whole;
	}
	rest = below(sources->root, path);
	if (!rest)
		return path;
	*inside = true;
	whole = text_copy(rest);
	free(path);
	return whole;
}

bool source_is_file(const char *name)
{
	return *name && *name != '<';
}

char *source_uri(const char *path)
{
	static const char plain[] = "-._~/";
	char *uri = text_allocate(strlen(path) * 3 + sizeof("file://"));
	char *end = *path == '/' ? stpcpy(uri, "file://") : uri;

	for (; *path; path++) {
		unsigned char byte = (unsigned char)*path;

		if ((byte < 0x80 && isalnum(byte)) || strchr(plain, byte))
			*end++ = *path;
		else
			end += sprintf(end, "%%%02X", byte);
	}
	*end = '\0';
	return uri;
}

static bool is_source_name(const char *name)
{
	static const char *const suffixes[] = {".c", ".h", ".cc", ".cpp", ".cxx", ".c++", ".hh", ".hpp", ".hxx", ".inl",
		".ipp", ".tcc", ".C", ".H", ".m", ".mm", ".rs", ".go", ".py", ".pyx", ".s", ".S", ".asm", ".y", ".l",
		".f", ".f90", ".F90", ".ads", ".adb", ".d", ".zig", ".nim", ".swift", ".java", ".kt", ".js", ".mjs",
		".cjs", ".ts", ".rb", ".pl", ".pm", ".lua", ".php", ".erl", ".ex", ".hs", ".ml", ".vala", ".cu"};
	const char *suffix = strrchr(name, '.');

	for (size_t i = 0; suffix && i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (!strcmp(suffix, suffixes[i]))
			return true;
	return false;
}

/* Reads a regular file whole; NULL where it cannot be, or is too large to be source. */
static char *read_whole(const char *path, struct stat *status)
{
	/* Not blocking: the name may be a FIFO's, which is found out only afterwards. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t used = 0;
	ssize_t count = -1;
	char *bytes = NULL;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, status) && S_ISREG(status->st_mode) && status->st_size <= MAX_FILE_BYTES) {
		bytes = text_allocate((size_t)status->st_size + 1);
		do {
			count = read(fd, bytes + used, (size_t)status->st_size - used);
			used += count > 0 ? (size_t)count : 0;
		} while (count > 0 && used < (size_t)status->st_size);
		status->st_size = (off_t)used;
	}
	close(fd);
	return bytes;
}

static void find_lines(struct kept_file *file, size_t length)
{
	for (size_t at = 0; at < length;) {
		const char *end = memchr(file->bytes + at, '\n', length - at);

		file->starts = text_grow(file->starts, file->file.line_count, sizeof(*file->starts));
		file->starts[file->file.line_count++] = at;
		at = end ? (size_t)(end - file->bytes) + 1 : length + 1;
	}
	file->starts = text_grow(file->starts, file->file.line_count, sizeof(*file->starts));
	file->starts[file->file.line_count] = length && file->bytes[length - 1] == '\n' ? length : length + 1;
}

/* Where a relative path may be meant from: here, then the top. */
static char *read_source(const struct sources *sources, const char *name, struct stat *status)
{
	char *bytes;
	char *path;

	if (!is_source_name(name))
		return NULL;
	bytes = read_whole(name, status);
	if (bytes || *name == '/' || !*sources->below)
		return bytes;
	path = text_format("%s/%s", sources->root, name);
	bytes = read_whole(path, status);
	free(path);
	return bytes;
}

const struct source_file *sources_open(struct sources *sources, const char *name)
{
	struct kept_file *file;
	struct stat status;

	HASH_FIND_STR(sources->files, name, file);
	if (!file) {
		if (sources->kept_bytes > MAX_KEPT_BYTES)
			forget_files(sources);
		file = text_allocate(sizeof(*file));
		file->name = text_copy(name);
		file->bytes = read_source(sources, name, &status);
		if (file->bytes) {
			file->file.changed_wall_ns = status.st_mtim.tv_sec * 1000000000LL + status.st_mtim.tv_nsec;
			find_lines(file, (size_t)status.st_size);
			sources->kept_bytes += (size_t)status.st_size + file->file.line_count * sizeof(size_t);
		}
		sources->kept_bytes += sizeof(*file) + strlen(name);
		HASH_ADD_KEYPTR(hh, sources->files, file->name, strlen(file->name), file);
	}
	return file->bytes ? &file->file : NULL;
}

const char *source_line(const struct source_file *file, size_t line, size_t *length)
{
	const struct kept_file *kept = (const struct kept_file *)file;
	const char *start;

	if (line < 1 || line > file->line_count)
		return NULL;
	start = kept->bytes + kept->starts[line - 1];
	*length = kept->starts[line] - kept->starts[line - 1] - 1;
	if (*length && start[*length - 1] == '\r')
		--*length;
	return start;
}
