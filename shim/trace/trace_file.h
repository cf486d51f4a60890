/*
 * trace_file.h: the file behind a trace: its name, its size, its mappings, its blocks. Part of trace_log.c, which
 * writes into it.
 *
 * The file is made, its beginning mapped, and closed again: the program keeps no descriptor of ours. It is the owner's
 * alone (0600), follows no link and replaces nothing that is there.
 *
 * What is mapped grows as the log does, a segment at a time: of a program's address space (RLIMIT_AS) and of what it
 * may lock (RLIMIT_MEMLOCK) no more is taken than is used. Segments lie anywhere, so nothing that is to be one piece
 * may cross from one to the next. A further segment needs no descriptor: mremap(2) of a shared mapping with an old size
 * of 0 maps the same file once more, and may go on behind what was mapped.
 */
#ifndef SOCKSAN_TRACE_FILE_H
#define SOCKSAN_TRACE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_FILE_STEP (64u << 10) /* bytes: blocks are reserved by so many at a time */
#define TRACE_FILE_SEGMENTS 1024u

struct trace_file {
	char *segments[TRACE_FILE_SEGMENTS]; /* where each is mapped, shared; NULL: not yet */
	uint32_t
		segment_bytes; /* of each but the last, which may be shorter: a power of two, TRACE_FILE_STEP at least */
	bool is_backed; /* blocks stand behind all of it */
	uint64_t size; /* of the file; what is not reserved is a hole */
	uint64_t reserved; /* mapped, with blocks behind it, up to here */
};

/*
 * Makes the file of this process, as large as max_trace and RLIMIT_FSIZE allow, and maps and reserves its beginning.
 * Returns 0, or minus errno, and then `name` says what could not be made: a path, or the limit that is too small
 * (EFBIG).
 */
long trace_file_make(struct trace_file *file, char *name, size_t size_of_name);

/*
 * Maps the file up to `end`, which is at most its size, and reserves its blocks: touching them raises no SIGBUS
 * afterwards. Returns 0, or minus errno: EFAULT where the disk is full, ENOMEM or EAGAIN where there is no room for the
 * mapping. From any thread and signal handler, by several at once.
 */
long trace_file_reserve(struct trace_file *file, uint64_t end);

/* After EFAULT: whether it is because somebody has truncated the file below what was reserved before. */
bool trace_file_is_cut(const struct trace_file *file);

/* A place in the file that lies below `reserved`, in memory. */
static inline char *trace_file_at(const struct trace_file *file, uint64_t offset)
{
	return __atomic_load_n(&file->segments[offset / file->segment_bytes], __ATOMIC_ACQUIRE) +
	       (offset & (file->segment_bytes - 1));
}

/* Where the segment that holds this place ends. */
static inline uint64_t trace_file_segment_end(const struct trace_file *file, uint64_t offset)
{
	return (offset | (file->segment_bytes - 1)) + 1;
}

/* The place in the file that an address is mapped from; 0 where it is none, or the first of all. */
uint64_t trace_file_offset(const struct trace_file *file, const void *address);

/* Whether an address is of what is mapped. */
bool trace_file_holds(const struct trace_file *file, const void *address);

/* Leaves an empty file where none can be written: it says that there was a process of which nothing is recorded. */
void trace_file_leave_empty(void);

#endif
