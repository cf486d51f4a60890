/*
 * load.h: what the programs of scripts/load share. Each makes a load with a known number of misused connections in it,
 * checks its own view of every call, and prints what it did as words NAME=NUMBER on one line.
 */
#ifndef SOCKSAN_LOAD_H
#define SOCKSAN_LOAD_H

#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "tests/programs/support.h"

/* Argument number `index`, a number greater than 0. */
static inline unsigned long load_number(int argc, char **argv, int index)
{
	unsigned long number = index < argc ? strtoul(argv[index], NULL, 10) : 0;

	if (number == 0) {
		fprintf(stderr, "%s: argument %d: expected a number\n", argv[0], index);
		_exit(2);
	}
	return number;
}

static inline uint64_t load_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The most memory that this process had at any time. */
static inline long load_peak_kib(void)
{
	struct rusage usage;

	CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
	return usage.ru_maxrss;
}

/* What the program asks of the other side, and gets back. */
static inline void load_echo(int client, int server)
{
	char buffer[16];

	CHECK(write(client, "0123456789abcdef", 16) == 16);
	CHECK(recv(server, buffer, 16, MSG_WAITALL) == 16);
	CHECK(write(server, buffer, 16) == 16);
	CHECK(recv(client, buffer, 16, MSG_WAITALL) == 16);
}

#endif
