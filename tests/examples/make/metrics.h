/*
 * metrics.h: sends measurements to a collector, a line each ("requests 17\n"), which acknowledges each with "ok\n".
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>
#include <stdint.h>

struct metrics {
	int fd; /* -1: not connected */
};

/* Connects to a collector on this machine. Returns whether it could. */
bool metrics_connect(struct metrics *metrics, uint16_t port);

/* Sends one measurement. Losing one is no reason to disturb the program, so this does not fail. */
void metrics_push(struct metrics *metrics, const char *name, long value);

/* Waits for an acknowledgement. Returns whether one came. */
bool metrics_flush(struct metrics *metrics);

void metrics_close(struct metrics *metrics);

#endif
