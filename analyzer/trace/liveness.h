/*
 * liveness.h: whether a process that a trace tells of still runs on this machine.
 */
#ifndef SOCKSAN_LIVENESS_H
#define SOCKSAN_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether `pid` is that process: alive (a zombie is not), started before its trace was created at `created_ns`
 * (CLOCK_MONOTONIC) and `created_wall_ns` (CLOCK_REALTIME), in this boot, and, where both can be told, running the
 * image `exe`. False where in doubt.
 */
bool liveness_check(int32_t pid, const char exe[256], uint64_t created_ns, int64_t created_wall_ns);

#endif
