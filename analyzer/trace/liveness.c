/*
 * liveness.c: see liveness.h.
 */
#include "analyzer/trace/liveness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000LL

/* Clocks are read one after another and /proc counts in ticks: what lies closer than this is the same moment. */
#define TOLERANCE_NS (NS_PER_S / 2)

/* How far the wall clock may have been set while the machine ran before a trace counts as from another boot. */
#define CLOCK_SET_NS (600 * NS_PER_S)

/* A trace may say any time at all, and a difference that wraps is as wrong as the time was. */
static int64_t minus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* How long ago `pid` started; negative where there is no such process, or it is dead and only not yet waited for. */
static int64_t process_age_ns(int32_t pid)
{
	char path[48];
	char line[1024];
	char state;
	unsigned long long start_ticks;
	const char *after_name;
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	length = fread(line, 1, sizeof(line) - 1, file);
	fclose(file);
	line[length] = '\0';
	/* The name may hold anything, blanks and parentheses included; what follows the last one is plain. */
	after_name = strrchr(line, ')');
	if (!after_name || sscanf(after_name + 1,
				   " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
				   &state, &start_ticks) != 2)
		return -1;
	if (state == 'Z' || state == 'X')
		return -1;
	return now_ns(CLOCK_BOOTTIME) - (int64_t)(start_ticks * (unsigned long long)(NS_PER_S / sysconf(_SC_CLK_TCK)));
}

/* Whether the image can be told, and is another one. */
static bool runs_another_image(int32_t pid, const char exe[256])
{
	static const char deleted[] = " (deleted)";
	char path[48];
	char image[4096];
	size_t length = strnlen(exe, 256);
	ssize_t image_length;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	image_length = readlink(path, image, sizeof(image));
	if (image_length < 0 || length == 0 || length >= 255)
		return false;
	if ((size_t)image_length > sizeof(deleted) - 1 &&
		!memcmp(image + image_length - (sizeof(deleted) - 1), deleted, sizeof(deleted) - 1))
		return false;
	return (size_t)image_length != length || memcmp(image, exe, length);
}

bool liveness_check(int32_t pid, const char exe[256], uint64_t created_ns, int64_t created_wall_ns)
{
	int64_t trace_age = minus(now_ns(CLOCK_MONOTONIC), (int64_t)created_ns);
	int64_t trace_age_wall = minus(now_ns(CLOCK_REALTIME), created_wall_ns);
	int64_t suspended = now_ns(CLOCK_BOOTTIME) - now_ns(CLOCK_MONOTONIC);
	int64_t difference = minus(trace_age_wall, trace_age);
	int64_t age;

	if (pid <= 0 || (int64_t)created_ns < 0 || trace_age < 0)
		return false;
	/* The two ages differ by the time the machine was suspended since, and by how the clock was set. */
	if (difference < -CLOCK_SET_NS || difference > suspended + CLOCK_SET_NS)
		return false;
	age = process_age_ns(pid);
	return age >= 0 && age + TOLERANCE_NS >= trace_age && !runs_another_image(pid, exe);
}
