/*
 * trace_builder.h: makes trace files for tests, as libsocksan writes them or broken on purpose.
 *
 * Records are appended in memory and given back as pointers to change; each call may move them, so a test fills in one
 * record before it asks for the next, or keeps its trace_ref and uses builder_at.
 */
#ifndef SOCKSAN_TRACE_BUILDER_H
#define SOCKSAN_TRACE_BUILDER_H

#include <stddef.h>
#include <stdint.h>

#include "shim/trace_format.h"

struct builder {
	unsigned char *bytes; /* the file, header included */
	size_t length; /* the log's end */
	size_t capacity;
	uint64_t next_socket_id;
	uint64_t next_incident_id;
};

#define BUILDER_NOW_NS UINT64_C(1000000000000) /* when the fixtures' processes start: a thousand seconds after boot */
#define BUILDER_PID 4000000 /* above any real number, so never alive */

void builder_init(struct builder *builder);
void builder_free(struct builder *builder);

/* The record at `ref`, until the next record is added. */
void *builder_at(struct builder *builder, trace_ref ref);

/* Adds a committed record of `type` with `bytes` (rounded up to a multiple of 8), zeroed but for its first word. */
trace_ref builder_record(struct builder *builder, enum trace_type type, size_t bytes);

/* An exited process, BUILDER_PID, running /usr/bin/server. */
trace_ref builder_process(struct builder *builder);

/* Gives a process the executable at this path, and its name. */
void builder_name(struct trace_process *process, const char *exe);

/* A module that covers [start, end). */
trace_ref builder_module(struct builder *builder, const char *path, uint64_t start, uint64_t end,
	const uint8_t *build_id, size_t id_length);

/* The modules that this very process has loaded, so that its own addresses can be symbolised. */
void builder_own_modules(struct builder *builder);

trace_ref builder_text(struct builder *builder, enum trace_text_kind kind, const void *text, size_t length);
trace_ref builder_stack(struct builder *builder, const uint64_t *frames, uint32_t count, trace_ref text);

/* An accepted TCP connection 127.0.0.1:6379 -> 127.0.0.1:PORT, closed after a second. */
trace_ref builder_socket(struct builder *builder, trace_ref process, uint16_t port);

/* One rejected write of 12 bytes on `socket`, told by read 2.4 ms before. */
trace_ref builder_incident(struct builder *builder, trace_ref process, trace_ref socket, enum trace_kind kind);

/* Sets log_end and file_bytes and writes the file. Fails the program where it cannot. */
void builder_write(struct builder *builder, const char *path);

/* A new temporary directory; and its removal, with all that is in it. */
char *builder_directory(void);
void builder_remove(char *directory);

/* DIRECTORY/NAME. The caller frees it. */
char *builder_path(const char *directory, const char *name);

#endif
