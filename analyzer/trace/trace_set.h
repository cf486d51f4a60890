/*
 * trace_set.h: the trace files of a report, of which there may be more than a process may have open.
 *
 * A few stay open, least recently used closed first. A file that has gone or changed by the time it is wanted again is
 * as if its records were not there.
 */
#ifndef SOCKSAN_TRACE_SET_H
#define SOCKSAN_TRACE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/trace/model.h"
#include "analyzer/trace/reader.h"

/* One file, and what is kept of it. */
struct trace_source {
	char *path;
	dev_t device;
	ino_t inode;
	uint64_t created_ns;
	int64_t created_wall_ns;
	uint32_t boot; /* number of the machine's boot: traces that trace_set_same_boot has of one boot have the same */
	uint32_t slot; /* where it is open, from 1; 0 = nowhere, or it was closed meanwhile */
	int32_t pid; /* of the process that made it; 0 = it holds none */
	unsigned ordinal; /* 1, 2, ... among the traces of that pid: an image that was executed has one of its own */
	uint32_t first_process; /* its processes are a run of the list of all */
	uint32_t process_count;
	size_t module_count;
	trace_ref *modules;
	uint64_t socket_count;
	uint64_t bytes; /* of its log, when it was found */
};

#define TRACE_SET_OPEN 64

/* A file that is open, and the modules it lists where somebody asked. */
struct trace_slot {
	uint64_t last_use; /* 0: free */
	uint32_t trace;
	struct reader reader;
	bool has_space;
	struct address_space space;
	struct module *modules;
	struct module_index *index; /* of many modules; else NULL */
};

struct trace_set {
	struct trace_source *sources;
	size_t count;
	uint64_t bytes; /* of all of them */
	struct unreadable_trace *unreadable;
	size_t unreadable_count;
	uint64_t uses;
	struct trace_slot slots[TRACE_SET_OPEN];
};

/*
 * Finds the traces that `paths` name: files, and in directories the regular files called *.trace, in the order of their
 * names. Each file once. Those that are no traces are told on standard error and left out; those that are there and
 * cannot be read stand in `unreadable`: what their processes did is not known.
 */
void trace_set_find(struct trace_set *set, char *const *paths, size_t path_count);
void trace_set_free(struct trace_set *set);

/* Adds to `unreadable` what turned out to be so later. */
void trace_set_note_unreadable(struct trace_set *set, const char *path, const char *reason);

/* The file, open. NULL where it cannot be opened any more. Valid until TRACE_SET_OPEN others have been opened. */
struct reader *trace_set_open(struct trace_set *set, uint32_t trace);

/*
 * The modules of a trace, valid as trace_set_open says. `executable` is the path of the module that has none; `pid` and
 * `started_wall_ns` are passed on. NULL where the file cannot be opened any more.
 */
const struct address_space *trace_set_space(
	struct trace_set *set, uint32_t trace, const struct process *process, int64_t started_wall_ns);

/* CLOCK_REALTIME minus CLOCK_MONOTONIC on the machine, and since the boot, that a trace was made in. */
int64_t trace_set_clock_offset(const struct trace_set *set, uint32_t trace);

/* Whether two of those are of one boot: then they differ only by how the wall clock was set meanwhile. */
bool trace_set_same_boot(int64_t clock_offset_ns, int64_t other_ns);

#endif
