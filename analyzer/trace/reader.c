/*
 * reader.c: see reader.h; what makes a record valid is in shim/trace_format.h.
 */
#include "analyzer/trace/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/base/regular_file.h"
#include "analyzer/base/text.h"

_Static_assert(READER_RECORD_BYTES <= READER_WINDOW_BYTES, "a record fits the window");
_Static_assert(sizeof(struct trace_process) <= READER_RECORD_BYTES, "a process record is read whole");

/*
 * Two pages, of which the first holds the beginning of the record that was asked for; and how much is read where one
 * record was asked for after the other, as when the ends of one process's connections are looked up in the trace of
 * another.
 */
#define NEAR_PAGE 4096u
#define NEAR_BYTES (2 * NEAR_PAGE)
#define NEAR_AHEAD_BYTES (16 * NEAR_PAGE)

/* The size of each record's struct, which is the least a valid one has. 0 = a type of a later writer. */
static size_t least_bytes(unsigned type)
{
	static const size_t sizes[] = {
		[TRACE_PROCESS] = sizeof(struct trace_process),
		[TRACE_MODULE] = sizeof(struct trace_module),
		[TRACE_STACK] = sizeof(struct trace_stack),
		[TRACE_TEXT] = sizeof(struct trace_text),
		[TRACE_SOCKET] = sizeof(struct trace_socket),
		[TRACE_INCIDENT] = sizeof(struct trace_incident),
	};

	return type < sizeof(sizes) / sizeof(sizes[0]) ? sizes[type] : 0;
}

/* pread that takes what there is: returns fewer bytes only at the end of the file or at an error. */
static size_t read_at(int descriptor, void *buffer, size_t bytes, uint64_t offset)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t got = pread(descriptor, (char *)buffer + done, bytes - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}

static bool header_is_valid(const struct trace_header *header, uint64_t file_bytes, const char *path, bool quiet)
{
	char trouble[160] = "";

	if (memcmp(header->magic, TRACE_MAGIC, sizeof(header->magic)))
		snprintf(trouble, sizeof(trouble),
			"offset 0: expected the magic of a socksan trace; this is another kind of file");
	else if (header->byte_order != TRACE_BYTE_ORDER)
		snprintf(trouble, sizeof(trouble),
			"offset %zu: expected byte order %#x, found %#x: written by another architecture",
			offsetof(struct trace_header, byte_order), TRACE_BYTE_ORDER, header->byte_order);
	else if (header->version > TRACE_VERSION || header->version == 0)
		snprintf(trouble, sizeof(trouble),
			"offset %zu: expected version %d or lower, found %u: a newer socksan can read it",
			offsetof(struct trace_header, version), TRACE_VERSION, header->version);
	else if (header->header_bytes < sizeof(*header) || header->header_bytes % 8 ||
		 header->header_bytes > file_bytes)
		snprintf(trouble, sizeof(trouble), "offset %zu: expected the size of the header, found %u",
			offsetof(struct trace_header, header_bytes), header->header_bytes);
	if (*trouble && !quiet)
		text_complain("%s: %s; the file is skipped", path, trouble);
	return !*trouble;
}

bool reader_open(struct reader *reader, const char *path, bool quiet)
{
	struct stat status;
	uint64_t file_bytes;
	int descriptor = regular_file_open(path, 0, &status);

	if (descriptor < 0) {
		*reader = (struct reader){.error = errno};
		if (!quiet)
			text_complain("%s: %s", path,
				reader->error == EINVAL ? "not a regular file" : strerror(reader->error));
		return false;
	}
	*reader = (struct reader){
		.path = path, .descriptor = descriptor, .device = status.st_dev, .inode = status.st_ino};
	file_bytes = (uint64_t)status.st_size;
	if (read_at(descriptor, &reader->header, sizeof(reader->header), 0) < sizeof(reader->header)) {
		if (!quiet)
			text_complain("%s: offset 0: expected a header of %zu bytes, the file has %" PRIu64
				      "; it is skipped",
				path, sizeof(reader->header), file_bytes);
		goto fail;
	}
	if (file_bytes > reader->header.file_bytes)
		file_bytes = reader->header.file_bytes;
	if (!header_is_valid(&reader->header, file_bytes, path, quiet))
		goto fail;
	reader->end = file_bytes;
	if (reader->end > UINT32_MAX)
		reader->end = UINT32_MAX; /* a trace_ref reaches no further */
	return true;
fail:
	reader_close(reader);
	return false;
}

void reader_close(struct reader *reader)
{
	close(reader->descriptor);
	reader->descriptor = -1;
	free(reader->near);
	reader->near = NULL;
}

void reader_walk_begin(struct reader_walk *walk, struct reader *reader, bool quiet)
{
	/* No larger than the log, so that many small traces do not each pay for a large one. */
	uint64_t log_bytes = reader->end - reader->header.header_bytes;

	*walk = (struct reader_walk){
		.reader = reader,
		.quiet = quiet,
		.offset = reader->header.header_bytes,
		.window = malloc(log_bytes < READER_WINDOW_BYTES ? log_bytes + 1 : READER_WINDOW_BYTES),
	};
	if (!walk->window)
		text_out_of_memory();
	posix_fadvise(reader->descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
}

void reader_walk_end(struct reader_walk *walk)
{
	free(walk->window);
	walk->window = NULL;
}

/* How far to read ahead. Behind the log a file is mostly hole, and reading a hole costs as much as reading data. */
static size_t window_bytes(const struct reader_walk *walk, uint64_t left)
{
	uint64_t log_end = walk->reader->header.log_end;
	uint64_t wanted = log_end > walk->offset ? log_end - walk->offset : 0;

	if (wanted < READER_RECORD_BYTES)
		wanted = READER_RECORD_BYTES;
	if (wanted > READER_WINDOW_BYTES)
		wanted = READER_WINDOW_BYTES;
	return wanted < left ? wanted : left;
}

/* The bytes at walk->offset, `bytes` of them where the file has as many; *got says. */
static const unsigned char *peek(struct reader_walk *walk, size_t bytes, size_t *got)
{
	uint64_t window_end = walk->window_start + walk->window_bytes;
	uint64_t left = walk->reader->end - walk->offset;

	if (bytes > left)
		bytes = left;
	if (walk->offset < walk->window_start || walk->offset + bytes > window_end) {
		walk->window_start = walk->offset;
		walk->window_bytes =
			read_at(walk->reader->descriptor, walk->window, window_bytes(walk, left), walk->offset);
	}
	*got = walk->window_start + walk->window_bytes - walk->offset;
	if (*got > bytes)
		*got = bytes;
	return walk->window + (walk->offset - walk->window_start);
}

static void damage(struct reader_walk *walk, const char *expected)
{
	if (!walk->quiet)
		text_complain("%s: offset %" PRIu64 ": expected %s; the rest of this file is skipped",
			walk->reader->path, walk->offset, expected);
	walk->damaged = true;
}

/*
 * A log ends at a word of 0, or with its file. It should not end before the place that the writer had noted: then
 * blocks were lost behind it.
 */
static void check_end(struct reader_walk *walk)
{
	if (walk->reader->header.log_end <= walk->offset || walk->quiet)
		return;
	text_complain("%s: offset %" PRIu64 ": the log ends here, expected it to go on to %" PRIu64
		      "; the rest was lost",
		walk->reader->path, walk->offset, walk->reader->header.log_end);
}

size_t reader_record_bytes(const struct trace_record *record)
{
	return record->size < READER_RECORD_BYTES ? record->size : READER_RECORD_BYTES;
}

/* Whether the record at the walk's offset can be stepped over; where not, the damage has been told. */
static bool is_sound(struct reader_walk *walk, const struct trace_record *record)
{
	uint64_t left = walk->reader->end - walk->offset;

	if (record->size < sizeof(*record) || record->size % 8) {
		damage(walk, "the size of a record, a multiple of 8");
	} else if (record->size > left) {
		damage(walk, "a record that ends within the file");
	} else if (record->state > TRACE_VOID || record->state == TRACE_FREE) {
		damage(walk, "the state of a record");
	} else if (record->state == TRACE_COMMITTED && record->size < least_bytes(record->type)) {
		damage(walk, "a record as long as its type is");
	} else {
		return true;
	}
	return false;
}

/* The record at the walk's offset, of which `first` was seen; NULL where it is not there whole any more. */
static const struct trace_record *load(struct reader_walk *walk, struct trace_record first)
{
	const struct trace_record *record;
	size_t wanted = reader_record_bytes(&first);
	size_t got;

	record = (const struct trace_record *)peek(walk, wanted, &got);
	if (got == wanted && record->size == first.size && record->type == first.type)
		return record;
	damage(walk, "a record that stays as it is while it is read");
	return NULL;
}

const struct trace_record *reader_walk_next(struct reader_walk *walk, trace_ref *ref)
{
	struct trace_record first = {0};
	const struct trace_record *record = NULL;
	const unsigned char *bytes;
	size_t got;

	while (!walk->damaged && !record) {
		bytes = peek(walk, sizeof(first), &got);
		if (got == sizeof(first))
			memcpy(&first, bytes, sizeof(first));
		if (got < sizeof(first) || (first.size == 0 && first.type == 0 && first.state == TRACE_FREE)) {
			check_end(walk);
			return NULL;
		}
		if (!is_sound(walk, &first))
			return NULL;
		*ref = (trace_ref)walk->offset;
		if (first.state == TRACE_COMMITTED && least_bytes(first.type))
			record = load(walk, first);
		walk->offset += first.size;
	}
	return record;
}

/* As read_at, from what was read before where that holds the bytes. */
static size_t read_near(struct reader *reader, void *buffer, size_t bytes, uint64_t offset)
{
	uint64_t start = offset / NEAR_PAGE * NEAR_PAGE;
	size_t got;

	if (bytes > NEAR_PAGE)
		return read_at(reader->descriptor, buffer, bytes, offset);
	if (!reader->near)
		reader->near = text_allocate(NEAR_AHEAD_BYTES);
	if (!reader->near_bytes || offset < reader->near_start ||
		offset + bytes > reader->near_start + reader->near_bytes) {
		bool goes_on = reader->near_bytes && offset >= reader->near_start &&
			       offset - reader->near_start < NEAR_AHEAD_BYTES;

		reader->near_start = start;
		reader->near_bytes =
			read_at(reader->descriptor, reader->near, goes_on ? NEAR_AHEAD_BYTES : NEAR_BYTES, start);
	}
	start = reader->near_start;
	got = reader->near_bytes > offset - start ? reader->near_bytes - (offset - start) : 0;
	if (got > bytes)
		got = bytes;
	memcpy(buffer, reader->near + (offset - start), got);
	return got;
}

size_t reader_get(struct reader *reader, trace_ref ref, enum trace_type type, void *buffer, size_t buffer_bytes)
{
	struct trace_record record;
	size_t bytes;

	if (ref < reader->header.header_bytes || ref % 8 || ref + sizeof(record) > reader->end)
		return 0;
	bytes = reader->end - ref < buffer_bytes ? reader->end - ref : buffer_bytes;
	bytes = read_near(reader, buffer, bytes, ref);
	if (bytes < least_bytes(type))
		return 0;
	memcpy(&record, buffer, sizeof(record));
	if (record.type != type || record.state != TRACE_COMMITTED || record.size < least_bytes(type) ||
		record.size % 8 || record.size > reader->end - ref)
		return 0;
	return bytes < record.size ? bytes : record.size;
}

size_t reader_stack_frames(const struct trace_stack *stack, size_t bytes)
{
	size_t room = (bytes - sizeof(*stack)) / sizeof(stack->frames[0]);
	size_t count = stack->frame_count < room ? stack->frame_count : room;

	return count < TRACE_STACK_MAX ? count : TRACE_STACK_MAX;
}

size_t reader_text_length(const struct trace_text *text, size_t bytes)
{
	size_t room = bytes - sizeof(*text);

	return text->length < room ? text->length : room;
}

size_t reader_path_length(const struct trace_module *module, size_t bytes)
{
	size_t room = bytes - sizeof(*module);
	size_t length = module->path_length < room ? module->path_length : room;

	return strnlen(module->path, length);
}
