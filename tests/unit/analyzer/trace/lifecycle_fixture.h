/* lifecycle_fixture.h: what the tests of lifecycle.c share: traces, and what was read of them. */
#ifndef SOCKSAN_LIFECYCLE_FIXTURE_H
#define SOCKSAN_LIFECYCLE_FIXTURE_H

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "analyzer/trace/lifecycle.h"
#include "tests/unit/trace_builder.h"

static struct builder builder;
static char *directory;
static trace_ref process;
static struct lifecycle *lifecycle;

static inline void set_up(void)
{
	directory = builder_directory();
	builder_init(&builder);
	process = builder_process(&builder);
}

static inline void tear_down(void)
{
	if (lifecycle)
		lifecycle_free(lifecycle);
	builder_free(&builder);
	builder_remove(directory);
}

static inline void write_trace(struct builder *source, const char *name)
{
	char *path = builder_path(directory, name);

	builder_write(source, path);
	free(path);
}

static inline void read_all(const struct command_end *command)
{
	lifecycle = lifecycle_read(&directory, 1, command);
}

/* The only incident's story; the caller frees it. */
static inline struct story only_story(void)
{
	size_t count;
	const struct incident *incidents = lifecycle_incidents(lifecycle, &count);
	struct story story;

	cr_assert_eq(count, 1);
	cr_assert(lifecycle_load(lifecycle, &incidents[0], &story));
	cr_assert_eq(incidents[0].outcome, story.record.outcome);
	cr_assert_eq(incidents[0].error, story.record.error);
	return story;
}

static inline const struct process *only_process(void)
{
	size_t count;
	const struct process *processes = lifecycle_processes(lifecycle, &count);

	cr_assert_eq(count, 1);
	return processes;
}

static inline int64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Makes the trace one of this very moment and of `pid`, which has not ended. */
static inline void make_current(pid_t pid)
{
	struct trace_header *header = builder_at(&builder, 0);
	struct trace_process *record = builder_at(&builder, process);
	char exe[4096] = "";
	ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	cr_assert(length > 0);
	header->created_ns = (uint64_t)now_ns(CLOCK_MONOTONIC);
	header->created_wall_ns = now_ns(CLOCK_REALTIME);
	record->pid = pid;
	record->ended = TRACE_RUNNING;
	record->started_ns = header->created_ns;
	memset(record->exe, 0, sizeof(record->exe));
	memcpy(record->exe, exe, (size_t)length < sizeof(record->exe) ? (size_t)length : sizeof(record->exe));
}

/* A write under way. Returns its socket. */
static inline trace_ref make_in_call(enum trace_sigpipe sigpipe)
{
	trace_ref socket = builder_socket(&builder, process, 50000);
	struct trace_incident *incident =
		builder_at(&builder, builder_incident(&builder, process, socket, TRACE_WRITE_AFTER_PEER_CLOSE));

	incident->flags = TRACE_INCIDENT_IN_CALL;
	incident->outcome = TRACE_UNCONFIRMED;
	incident->error = 0;
	incident->sigpipe = sigpipe;
	return socket;
}

#endif
