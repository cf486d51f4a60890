/*
 * trace_file.h: the file behind a trace: its name, its size, its blocks. Part of trace_log.c, which writes into it.
 *
 * The file is made, mapped and closed again: the program keeps no descriptor of ours. It is the owner's alone (0600), follows no
 * link and replaces nothing that is there.
 */
#ifndef SOCKSAN_TRACE_FILE_H
#define SOCKSAN_TRACE_FILE_H

#include <stddef.h>
#include <stdint.h>

#define TRACE_FILE_STEP (64u << 10) /* bytes: blocks are reserved by so many at a time */

struct trace_file {
	char *base; /* where it is mapped, shared */
	uint64_t size; /* of file and mapping; what is not reserved is a hole */
	uint64_t reserved; /* blocks stand behind it up to here */
};

/*
 * Makes the file of this process, as large as max_trace, RLIMIT_FSIZE and the address space allow, and reserves its beginning.
 * Returns 0, or minus errno, and then `name` says what could not be made: a path, or the limit that is too small (EFBIG).
 */
long trace_file_make(struct trace_file *file, char *name, size_t size_of_name);

/*
 * Reserves the blocks of so many bytes that are mapped at `from`: touching them raises no SIGBUS afterwards. Returns 0, or minus errno:
 * EFAULT where the disk is full, EINVAL where the kernel cannot do this (before Linux 5.14). From any thread and signal handler.
 */
long trace_file_reserve(char *from, uint64_t bytes);

/* Leaves an empty file where none can be written: it says that there was a process of which nothing is recorded. */
void trace_file_leave_empty(void);

#endif
