/*
 * perf_map.c: see perf_map.h. Each line of the file is START SIZE NAME, the numbers in hexadecimal.
 */
#include "analyzer/perf_map.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/text.h"

/* The file is in a directory where everybody can write; a real one is far smaller. */
#define MAX_BYTES (256u << 20)
#define FILE_TIME_NS 1000000000

struct entry {
	uint64_t start;
	uint64_t end;
	size_t order; /* the later of two for one place is the newer code */
	char *name;
};

struct perf_map {
	struct entry *entries; /* by start */
	size_t count;
};

static bool is_trusted(const struct stat *status, int64_t started_wall_ns)
{
	int64_t changed = status->st_mtim.tv_sec * INT64_C(1000000000) + status->st_mtim.tv_nsec;

	return S_ISREG(status->st_mode) && (status->st_uid == geteuid() || status->st_uid == 0) &&
	       changed + FILE_TIME_NS >= started_wall_ns && status->st_size <= MAX_BYTES;
}

static void add_line(struct perf_map *map, char *line)
{
	char *end;
	uint64_t start = strtoull(line, &end, 16);
	uint64_t bytes = *end == ' ' ? strtoull(end + 1, &end, 16) : 0;

	if (*end != ' ' || bytes == 0 || start + bytes < start)
		return;
	end[strcspn(end, "\n")] = '\0';
	map->entries = text_grow(map->entries, map->count, sizeof(*map->entries));
	map->entries[map->count] =
		(struct entry){.start = start, .end = start + bytes, .order = map->count, .name = text_copy(end + 1)};
	map->count++;
}

static int compare(const void *a, const void *b)
{
	const struct entry *left = a;
	const struct entry *right = b;

	if (left->start != right->start)
		return left->start < right->start ? -1 : 1;
	return (left->order > right->order) - (left->order < right->order);
}

struct perf_map *perf_map_open(const char *path, int64_t started_wall_ns)
{
	struct stat status;
	struct perf_map *map;
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "r");
	char *line = NULL;
	size_t capacity = 0;

	if (!file) {
		if (descriptor >= 0)
			close(descriptor);
		return NULL;
	}
	if (fstat(descriptor, &status) || !is_trusted(&status, started_wall_ns)) {
		fclose(file);
		return NULL;
	}
	map = text_allocate(sizeof(*map));
	while (getline(&line, &capacity, file) > 0)
		add_line(map, line);
	free(line);
	fclose(file);
	if (map->count)
		qsort(map->entries, map->count, sizeof(*map->entries), compare);
	return map;
}

void perf_map_close(struct perf_map *map)
{
	for (size_t i = 0; i < map->count; i++)
		free(map->entries[i].name);
	free(map->entries);
	free(map);
}

const char *perf_map_find(const struct perf_map *map, uint64_t address)
{
	size_t low = 0;
	size_t high = map->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->entries[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < map->entries[low - 1].end ? map->entries[low - 1].name : NULL;
}
