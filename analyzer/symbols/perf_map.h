/*
 * perf_map.h: names of code that a just-in-time compiler made, from /tmp/perf-PID.map, as perf reads it.
 */
#ifndef SOCKSAN_PERF_MAP_H
#define SOCKSAN_PERF_MAP_H

#include <stdint.h>

struct perf_map;

/*
 * Reads the map at `path`. NULL where there is none that can be trusted: a regular file of this user or of root,
 * written to since `started_wall_ns`, so that it is not that of an earlier process of the same number.
 */
struct perf_map *perf_map_open(const char *path, int64_t started_wall_ns);
void perf_map_close(struct perf_map *map);

/* The name of the code at `address`, valid until the map is closed, or NULL. */
const char *perf_map_find(const struct perf_map *map, uint64_t address);

#endif
