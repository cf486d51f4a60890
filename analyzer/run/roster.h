/*
 * roster.h: who was audited in a run, and who should have been.
 *
 * Every audited process signs in; every image that one is about to become, or has spawned, is announced. An image
 * that was announced and never signed in was not audited, as far as can be told: it may also have been killed
 * before it could.
 */
#ifndef SOCKSAN_ROSTER_H
#define SOCKSAN_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "analyzer/report/report.h"
#include "analyzer/symbols/elf_image.h"

/* A process that signed in. */
struct roster_process {
	pid_t pid;
	uint64_t t_ns; /* when */
};

struct roster {
	struct roster_process *processes; /* each once, though it may have signed in with several images */
	size_t process_count;
	struct escaped_process *escaped;
	size_t escaped_count;
	size_t untraced; /* processes that could make no trace */
	const char **troubles; /* what processes said of themselves, and what is wrong with the roster */
	size_t trouble_count;
};

/*
 * Reads the roster `path` of a run whose command was started as `command` in the process `pid`. `shim` is the image
 * of libsocksan.so, with which the escaped programs are compared. What cannot be read is a trouble in the result,
 * which roster_free() ends.
 */
void roster_read(struct roster *roster, const char *path, pid_t pid, const char *command, const struct elf_image *shim);

/* Adds a trouble of which the traces do not know. Takes `text`. */
void roster_add_trouble(struct roster *roster, char *text);

/* Whether a process that signed in still runs. */
bool roster_process_runs(const struct roster_process *process);

void roster_free(struct roster *roster);

#endif
