/*
 * reader.h: trace files, validated.
 *
 * The only module that looks at the bytes of a trace. Whatever a file holds, what this gives out is within its bounds:
 * a record has at least the size of its struct, text lies inside its record, a reference leads to a record of the type
 * that was asked for. Files are read with pread, never mapped: a trace that shrinks while it is read costs a record,
 * not the process. Memory is bounded by READER_WINDOW_BYTES, however large a file is. A record that is still being
 * written to is seen as it was a moment ago.
 *
 * Damage is told on standard error, with file and offset, once for each file, by the walk that is not `quiet`.
 */
#ifndef SOCKSAN_READER_H
#define SOCKSAN_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shim/trace_format.h"

#define READER_WINDOW_BYTES (1u << 20)

/* Bytes of one record that are ever looked at; a process record is the longest but for text, which is cut to this. */
#define READER_RECORD_BYTES (1u << 17)

struct reader {
	const char *path; /* the caller's */
	int error; /* why reader_open could not even open it: an errno; 0 where it did */
	int descriptor;
	uint64_t end; /* no record reaches beyond: the smaller of file and mapping */
	dev_t device;
	ino_t inode;
	struct trace_header header;
	/* What reader_get read last: records that belong together often stand close together. */
	unsigned char *near;
	uint64_t near_start;
	size_t near_bytes;
};

/*
 * Opens a trace and checks its header. Returns false, with nothing to close, where it cannot be read or is no trace
 * that this version understands; unless `quiet`, it says why. reader->error is set in any case.
 */
bool reader_open(struct reader *reader, const char *path, bool quiet);
void reader_close(struct reader *reader);

/* A walk over the committed records of a trace, in the order of the log. */
struct reader_walk {
	struct reader *reader;
	bool quiet;
	bool damaged; /* the walk ended at damage */
	uint64_t offset; /* of the next record */
	uint64_t window_start; /* of the bytes in `window` */
	size_t window_bytes;
	unsigned char *window;
};

void reader_walk_begin(struct reader_walk *walk, struct reader *reader, bool quiet);
void reader_walk_end(struct reader_walk *walk);

/*
 * The next record of a type this version knows, valid until the next call; NULL at the end of the log. `*ref` is where
 * it stands. Its `size` is what the file says, of which at most READER_RECORD_BYTES are in memory.
 */
const struct trace_record *reader_walk_next(struct reader_walk *walk, trace_ref *ref);

/*
 * Copies the record at `ref` into `buffer`, as far as it fits. Returns the bytes copied, at least the size of the
 * struct of `type`, or 0 where there is no such record: a reference that is 0, out of range, or to something else.
 */
size_t reader_get(struct reader *reader, trace_ref ref, enum trace_type type, void *buffer, size_t buffer_bytes);

/* How many frames, bytes of text, or bytes of path a record that has `bytes` in memory really holds. */
size_t reader_stack_frames(const struct trace_stack *stack, size_t bytes);
size_t reader_text_length(const struct trace_text *text, size_t bytes);
size_t reader_path_length(const struct trace_module *module, size_t bytes);

/* The bytes of `record` that are in memory while a walk stands on it. */
size_t reader_record_bytes(const struct trace_record *record);

#endif
