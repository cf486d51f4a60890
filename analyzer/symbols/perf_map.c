/*
 * perf_map.c: see perf_map.h. Each line of the file is START SIZE NAME, the numbers in hexadecimal.
 */
#include "analyzer/symbols/perf_map.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/base/limits.h"
#include "analyzer/base/regular_file.h"
#include "analyzer/base/search.h"
#include "analyzer/base/text.h"

#define FILE_TIME_NS 1000000000

struct entry {
	uint64_t start;
	uint64_t end;
	const char *name; /* in the text; of two for one place the later one is the newer code */
};

struct perf_map {
	char *text; /* of the file, cut into names */
	struct entry *entries; /* by start */
	size_t count;
};

static bool is_trusted(const struct stat *status, int64_t started_wall_ns)
{
	int64_t changed = status->st_mtim.tv_sec * INT64_C(1000000000) + status->st_mtim.tv_nsec;

	return (status->st_uid == geteuid() || status->st_uid == 0) && changed + FILE_TIME_NS >= started_wall_ns;
}

static void add_line(struct perf_map *map, char *line)
{
	char *end;
	uint64_t start = strtoull(line, &end, 16);
	uint64_t bytes = *end == ' ' ? strtoull(end + 1, &end, 16) : 0;

	if (*end == ' ' && bytes && start + bytes >= start)
		map->entries[map->count++] = (struct entry){.start = start, .end = start + bytes, .name = end + 1};
}

static int compare(const void *a, const void *b)
{
	const struct entry *left = a;
	const struct entry *right = b;

	if (left->start != right->start)
		return left->start < right->start ? -1 : 1;
	return (left->name > right->name) - (left->name < right->name);
}

static size_t count_lines(const char *text)
{
	size_t count = 1;

	while ((text = strchr(text, '\n'))) {
		text++;
		count++;
	}
	return count;
}

static void add_lines(struct perf_map *map)
{
	char *rest = map->text;
	char *line;

	while ((line = strsep(&rest, "\n")))
		add_line(map, line);
	if (map->count)
		qsort(map->entries, map->count, sizeof(*map->entries), compare);
}

struct perf_map *perf_map_open(const char *path, int64_t started_wall_ns)
{
	struct stat status;
	struct perf_map *map;
	int descriptor = regular_file_open(path, O_NOFOLLOW, &status);
	size_t bytes;
	size_t lines;

	if (descriptor < 0)
		return NULL;
	if (!is_trusted(&status, started_wall_ns) || !limits_spend(LIMIT_PERF_MAPS, (uint64_t)status.st_size)) {
		close(descriptor);
		return NULL;
	}
	map = text_allocate(sizeof(*map));
	map->text = regular_file_read(descriptor, (size_t)status.st_size, &bytes);
	lines = count_lines(map->text);
	if (!limits_spend(LIMIT_PERF_MAPS, lines * sizeof(*map->entries))) {
		perf_map_close(map);
		return NULL;
	}
	map->entries = text_allocate(lines * sizeof(*map->entries));
	add_lines(map);
	return map;
}

void perf_map_close(struct perf_map *map)
{
	free(map->text);
	free(map->entries);
	free(map);
}

const char *perf_map_find(const struct perf_map *map, uint64_t address)
{
	size_t count = search_count_to(
		map->entries, map->count, sizeof(*map->entries), offsetof(struct entry, start), address);

	return count && address < map->entries[count - 1].end ? map->entries[count - 1].name : NULL;
}
