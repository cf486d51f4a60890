/*
 * source.c: see source.h.
 */
#include "analyzer/symbols/source.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/base/hash_table.h"
#include "analyzer/base/limits.h"
#include "analyzer/base/regular_file.h"
#include "analyzer/base/text.h"

#define MAX_FILE_BYTES (8 << 20)

/* A file that was asked for, also one that is not there: it is not looked for again. */
struct kept_file {
	struct source_file file; /* first: source_line finds the rest through it */
	char *name;
	char *bytes; /* NULL: not at hand */
	uint32_t *starts; /* of each line, and one past the end of the last */
	UT_hash_handle hh;
};

struct sources {
	char *root;
	char *below; /* where the current directory lies below the root: "" or "part/of/it/" */
	char **trees; /* more directories that source is shown from, resolved */
	size_t tree_count;
	struct kept_file *files;
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
}

void sources_free(struct sources *sources)
{
	if (!sources)
		return;
	forget_files(sources);
	for (size_t i = 0; i < sources->tree_count; i++)
		free(sources->trees[i]);
	free(sources->trees);
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

static size_t count_lines(const char *bytes, size_t length)
{
	size_t count = length && bytes[length - 1] != '\n';
	const char *at = bytes;

	while ((at = memchr(at, '\n', length - (size_t)(at - bytes)))) {
		count++;
		at++;
	}
	return count;
}

/* Where the lines begin; false where there are more of them than may be kept. */
static bool find_lines(struct kept_file *file, size_t length)
{
	size_t count = count_lines(file->bytes, length);
	size_t found = 0;

	if (!limits_spend(LIMIT_SOURCES, (count + 1) * sizeof(*file->starts)))
		return false;
	file->starts = text_allocate((count + 1) * sizeof(*file->starts));
	for (size_t at = 0; found < count;) {
		const char *end = memchr(file->bytes + at, '\n', length - at);

		file->starts[found++] = (uint32_t)at;
		at = end ? (size_t)(end - file->bytes) + 1 : length + 1;
	}
	file->starts[count] = (uint32_t)(length && file->bytes[length - 1] == '\n' ? length : length + 1);
	file->file.line_count = count;
	return true;
}

/*
 * Opens `name` where, with every link followed, it lies below `tree`. The name is resolved first and the result opened
 * without following any link, so that a link that is put there meanwhile leads nowhere.
 */
static int open_in_tree(const char *tree, const char *name, struct stat *status)
{
	char *path = *name == '/' ? text_copy(name) : text_format("%s/%s", tree, name);
	char *place = realpath(path, NULL);
	const char *rest = place ? below(tree, place) : NULL;
	int fd = rest && is_source_name(rest) ? regular_file_open_below(tree, rest, status) : -1;

	free(place);
	free(path);
	return fd;
}

/* Where a relative path may be meant from: here, then the top, then the other trees. */
static int open_source(const struct sources *sources, const char *name, struct stat *status)
{
	char *here;
	int fd = -1;

	if (!is_source_name(name))
		return -1;
	/* All of the file system is nobody's tree. */
	if (strcmp(sources->root, "/") != 0) {
		if (*sources->below && *name != '/') {
			here = text_format("%s%s", sources->below, name);
			fd = open_in_tree(sources->root, here, status);
			free(here);
		}
		if (fd < 0)
			fd = open_in_tree(sources->root, name, status);
	}
	for (size_t i = 0; i < sources->tree_count && fd < 0; i++)
		fd = open_in_tree(sources->trees[i], name, status);
	return fd;
}

bool sources_add_tree(struct sources *sources, const char *directory)
{
	char *place = realpath(directory, NULL);

	if (!place)
		return false;
	sources->trees = text_grow(sources->trees, sources->tree_count, sizeof(*sources->trees));
	sources->trees[sources->tree_count++] = place;
	return true;
}

/* Reads the file and finds its lines; leaves `bytes` NULL where it is not at hand. */
static void load(const struct sources *sources, struct kept_file *file)
{
	struct stat status;
	size_t length;
	int fd = open_source(sources, file->name, &status);

	if (fd < 0)
		return;
	if (status.st_size > MAX_FILE_BYTES || !limits_spend(LIMIT_SOURCES, (uint64_t)status.st_size)) {
		close(fd);
		return;
	}
	file->bytes = regular_file_read(fd, (size_t)status.st_size, &length);
	file->file.changed_wall_ns = status.st_mtim.tv_sec * 1000000000LL + status.st_mtim.tv_nsec;
	if (find_lines(file, length))
		return;
	free(file->bytes);
	file->bytes = NULL;
}

const struct source_file *sources_open(struct sources *sources, const char *name)
{
	struct kept_file *file;

	HASH_FIND_STR(sources->files, name, file);
	if (!file) {
		file = text_allocate(sizeof(*file));
		file->name = text_copy(name);
		load(sources, file);
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
