/*
 * fixture.h: what the tests of the shim's modules share. A directory for traces, a process that is set up as the
 * constructor would do it, and a reader of what was written, which holds each record against the rules of
 * shim/trace_format.h.
 *
 * Criterion runs each test in a process of its own, so each begins with a shim that has done nothing yet.
 */
#ifndef SOCKSAN_SHIM_FIXTURE_H
#define SOCKSAN_SHIM_FIXTURE_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/config.h"
#include "shim/base/hold.h"
#include "shim/base/process.h"
#include "shim/forked.h"
#include "shim/socket/record.h"
#include "shim/socket/socket.h"
#include "shim/socket/socket_hold.h"
#include "shim/socket/socket_table.h"
#include "shim/trace/trace_file.h"
#include "shim/trace/trace_log.h"
#include "shim/verdict/incident.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* Sanitizers make everything some times slower; what is repeated very often, is repeated less often there. */
#if defined(__SANITIZE_ADDRESS__)
#define FIXTURE_SLOWER 5
#else
#define FIXTURE_SLOWER 1
#endif

static char fixture_directory[] = "/tmp/socksan-unit-XXXXXX";

/* As the constructor in init.c does it, with traces of at most `max_trace` bytes in a new directory. */
static inline void fixture_begin(uint64_t max_trace)
{
	static char program[] = "program", argument[] = "an argument";
	static char *argv[] = {program, argument, NULL};

	unsetenv("SOCKSAN_OPTIONS");
	cr_assert_not_null(mkdtemp(fixture_directory));
	process_remember_arguments(2, argv);
	process_forked = forked_forget_parent;
	socket_released = record_release;
	hold_abandoned = incident_abandoned;
	cr_assert(process_set_up());
	snprintf(config.log_path, sizeof(config.log_path), "%s/", fixture_directory);
	config.max_trace = max_trace;
}

/* Removes the directory, and whatever a test made in it. */
static inline void fixture_end(void)
{
	DIR *directory = opendir(fixture_directory);
	const struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory)
		closedir(directory);
	rmdir(fixture_directory);
}

/* The path of a file in the directory; each of the last four results stays valid. */
static inline const char *fixture_path(const char *name)
{
	static char paths[4][512];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", fixture_directory, name);
	return path;
}

/* The path of the trace of `pid`, its Nth. */
static inline const char *fixture_trace_path(pid_t pid, int n)
{
	char name[128];

	snprintf(name, sizeof(name), "%s.%d.%d.trace", process_names.comm, (int)pid, n);
	return fixture_path(name);
}

/* ---- sockets, where a test's one thread needs no hold ---- */

/* The open socket of a number, or NULL. */
static inline struct socket *fixture_socket(int fd)
{
	uint64_t entry = socket_table_entry(fd);

	return socket_entry_is_open(entry) ? socket_at(socket_entry_index(entry)) : NULL;
}

/* Closes a number's entry. Returns the socket, NULL where none was open. */
static inline struct socket *fixture_close(int fd, bool *last)
{
	struct socket *socket = fixture_socket(fd);

	return socket_table_close(fd, socket_table_entry(fd), last) ? socket : NULL;
}

static inline struct socket *fixture_find_cookie(uint64_t cookie)
{
	struct socket_hold hold;
	struct socket *found = socket_hold_cookie(&hold, cookie) ? hold.socket : NULL;

	socket_release(&hold);
	return found;
}

static inline void fixture_renew(int fd)
{
	struct socket_hold hold;

	cr_assert(socket_hold_open(&hold, fd));
	record_renew(&hold);
	socket_release(&hold);
}

static inline void fixture_continue(int fd)
{
	struct socket_hold hold;

	cr_assert(socket_hold_open(&hold, fd));
	record_continue(&hold, TRACE_CONNECT);
	socket_release(&hold);
}

/* ---- standard error, in a file ---- */

static inline void fixture_catch_stderr(void)
{
	int fd = open(fixture_path("stderr"), O_WRONLY | O_CREAT | O_APPEND, 0600);

	cr_assert(fd >= 0);
	dup2(fd, 2);
	close(fd);
}

/* What was said so far. */
static inline const char *fixture_said(void)
{
	static char text[4096];
	FILE *stream = fopen(fixture_path("stderr"), "r");
	size_t length = stream ? fread(text, 1, sizeof(text) - 1, stream) : 0;

	text[length] = '\0';
	if (stream)
		fclose(stream);
	return text;
}

static inline int fixture_count_lines(const char *text)
{
	int lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

/* ---- the log ---- */

/* Appends until nothing fits any more. Returns how many records that were. */
static inline size_t fixture_fill(uint32_t size)
{
	struct trace_text *text;
	size_t count = 0;

	for (; (text = trace_log_claim(TRACE_TEXT, size)); count++) {
		memset(text->text, 'f', size - sizeof(*text));
		text->length = (uint32_t)(size - sizeof(*text));
		trace_log_commit(text);
	}
	return count;
}

/* ---- a trace, read back as it is in the file at that moment ---- */

struct fixture_trace {
	const char *bytes;
	uint64_t size;
	uint64_t at; /* of the walk */
};

static inline struct fixture_trace fixture_open_trace(const char *path)
{
	struct fixture_trace trace = {NULL, 0, TRACE_HEADER_BYTES};
	const struct trace_header *header;
	struct stat status;
	char *bytes;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	cr_assert(fd >= 0, "no trace %s", path);
	cr_assert(fstat(fd, &status) == 0);
	trace.size = (uint64_t)status.st_size;
	cr_assert(trace.size >= TRACE_HEADER_BYTES);
	bytes = calloc(1, trace.size);
	cr_assert_not_null(bytes);
	/* read, not mapped: of a hole in a full tmpfs a mapping would raise SIGBUS */
	cr_assert(read(fd, bytes, trace.size) == (ssize_t)trace.size);
	close(fd);
	trace.bytes = bytes;
	header = (const void *)trace.bytes;
	cr_assert(!memcmp(header->magic, TRACE_MAGIC, 8));
	cr_assert(header->version == TRACE_VERSION && header->byte_order == TRACE_BYTE_ORDER);
	cr_assert(header->header_bytes == TRACE_HEADER_BYTES && header->file_bytes == trace.size);
	cr_assert(header->created_ns && header->created_wall_ns);
	return trace;
}

/* The least size of a record, or 0 where there is no such type. */
static inline uint32_t fixture_least_size(uint16_t type)
{
	switch (type) {
	case TRACE_PROCESS: return sizeof(struct trace_process);
	case TRACE_MODULE: return sizeof(struct trace_module);
	case TRACE_STACK: return sizeof(struct trace_stack);
	case TRACE_TEXT: return sizeof(struct trace_text);
	case TRACE_SOCKET: return sizeof(struct trace_socket);
	case TRACE_INCIDENT: return sizeof(struct trace_incident);
	default: return 0;
	}
}

/* The next record of the walk, whatever its state; NULL at the end of the log, behind which all must be untouched. */
static inline const struct trace_record *fixture_next(struct fixture_trace *trace)
{
	const struct trace_record *record = (const void *)(trace->bytes + trace->at);
	const struct trace_header *header = (const void *)trace->bytes;

	if (trace->at + sizeof(*record) > trace->size || record->size == 0) {
		cr_assert(trace->at == header->log_end, "log_end is %llu, not %llu",
			(unsigned long long)header->log_end, (unsigned long long)trace->at);
		for (uint64_t at = trace->at; at < trace->size && at < trace->at + 65536; at++)
			cr_assert(!trace->bytes[at], "byte %llu behind the log", (unsigned long long)at);
		return NULL;
	}
	if (record->type == TRACE_FILLER) {
		cr_assert(record->state == TRACE_VOID && record->size % 8 == 0);
		trace->at += record->size;
		cr_assert(trace->at % TRACE_FILE_STEP == 0, "a filler ends a segment");
		return fixture_next(trace);
	}
	cr_assert(record->state >= TRACE_CLAIMED && record->state <= TRACE_VOID);
	cr_assert(fixture_least_size(record->type), "type %d at %llu", record->type, (unsigned long long)trace->at);
	cr_assert(record->size >= fixture_least_size(record->type) && record->size % 8 == 0 &&
			  trace->at + record->size <= trace->size,
		"size %u at %llu", record->size, (unsigned long long)trace->at);
	trace->at += record->size;
	return record;
}

/* How many records of this type and state a trace holds. */
static inline size_t fixture_count(const char *path, enum trace_type type, enum trace_state state)
{
	struct fixture_trace trace = fixture_open_trace(path);
	const struct trace_record *record;
	size_t count = 0;

	while ((record = fixture_next(&trace)))
		count += record->type == type && record->state == state;
	free((void *)(uintptr_t)trace.bytes);
	return count;
}

static inline uint64_t fixture_losses(const struct trace_process *process)
{
	uint64_t sum = 0;

	for (int i = 0; i < TRACE_LOSSES; i++)
		sum += process->lost[i];
	return sum;
}

static inline const char *fixture_own_trace(void)
{
	return fixture_trace_path(getpid(), 0);
}

static inline const struct trace_process *fixture_process_of(const char *path)
{
	struct fixture_trace trace = fixture_open_trace(path);
	const struct trace_record *record = fixture_next(&trace);

	cr_assert_not_null(record);
	cr_assert(record->type == TRACE_PROCESS && record->state == TRACE_COMMITTED);
	return (const void *)record;
}

static inline void fixture_set_log_path(const char *path)
{
	snprintf(config.log_path, sizeof(config.log_path), "%s", path);
}

#endif
