/* fixture.h: what the tests of the wording share: incidents, and what must be said of them. */
#ifndef SOCKSAN_WORDING_FIXTURE_H
#define SOCKSAN_WORDING_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "analyzer/wording/wording.h"

#define NOW_NS UINT64_C(1000000000000)
#define MS UINT64_C(1000000)

static struct process program = {.pid = 10, .exe = {.bytes = "/opt/client", .length = 11}};

/* A write of 12 bytes on a TCP connection, told 2 ms before by a read that returned 0, and rejected. */
static inline struct story base(enum trace_kind kind)
{
	struct story story = {
		.record = {.kind = (uint8_t)kind,
			.knowledge = TRACE_TOLD,
			.outcome = TRACE_REJECTED,
			.error = EPIPE,
			.fd = 4,
			.call = "send",
			.count = 1,
			.bytes_offered = 12,
			.first_ns = NOW_NS,
			.last_ns = NOW_NS,
			.disconnect_ns = NOW_NS - 3 * MS,
			.told_ns = NOW_NS - 2 * MS,
			.told_call = "read",
			.history = {{.t_ns = NOW_NS - 2 * MS + 10, .call = "read"},
				{.t_ns = NOW_NS, .length = 12, .result = -EPIPE, .call = "send"}},
			.history_count = 2},
		.process = &program,
		.has_socket = true,
	};

	story.socket.record.protocol = TRACE_TCP;
	story.socket.process = &program;
	return story;
}

/* The same, unknown to the program. */
static inline struct story untold(enum trace_kind kind)
{
	struct story story = base(kind);

	story.record.knowledge = TRACE_KERNEL;
	story.record.told_ns = 0;
	story.record.told_call[0] = '\0';
	story.record.history[0] = story.record.history[1];
	story.record.history_count = 1;
	return story;
}

/* Bytes of which it turned out later that nobody acknowledged them. */
static inline struct story afterwards(enum trace_kind kind, int error)
{
	struct story story = untold(kind);

	story.record.knowledge = TRACE_NOBODY;
	story.record.outcome = TRACE_LOST;
	story.record.error = error;
	story.record.count = 3;
	story.record.bytes_offered = story.record.bytes_accepted = 36;
	story.record.bytes_lost = 30;
	story.record.last_ns = NOW_NS + 400 * MS;
	story.record.disconnect_ns = NOW_NS + 900 * MS;
	story.record.silent_since_ns = NOW_NS - 100 * MS;
	story.record.retransmissions = 5;
	return story;
}

static inline void expect_title(const struct story *story, const char *expected)
{
	char *title = wording_title(story);

	cr_expect_str_eq(title, expected);
	free(title);
}

static inline void expect_outcome(const struct story *story, const char *expected)
{
	char *outcome = wording_outcome(story);

	cr_expect_str_eq(outcome, expected);
	free(outcome);
}

static inline void expect_peer(const struct story *story, const char *expected)
{
	char *peer = wording_peer(story);

	cr_expect_str_eq(peer, expected);
	free(peer);
}

/* The lines, joined by " | ". */
static inline void expect_evidence(const struct story *story, const char *expected)
{
	char *lines[WORDING_EVIDENCE];
	size_t count = wording_evidence(story, lines);
	char all[1024] = "";

	for (size_t i = 0; i < count; i++) {
		strcat(strcat(all, i ? " | " : ""), lines[i]);
		free(lines[i]);
	}
	cr_expect_str_eq(all, expected);
}

#endif
