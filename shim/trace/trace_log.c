/*
 * trace_log.c: claim, commit, open.
 *
 * The claim is the heart: the first word of free space is 0, and becomes {size, type, CLAIMED} by one compare and swap.
 * Who loses the race has read the winner's size and tries behind it. So the log never has a hole, and a thread that is
 * killed or interrupted between claim and commit holds nobody up.
 */
#include "shim/trace/trace_log.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

#include "shim/base/config.h"
#include "shim/base/deep_stack.h"
#include "shim/base/kernel.h"
#include "shim/base/line.h"
#include "shim/base/line_list.h"
#include "shim/base/pages.h"
#include "shim/base/process.h"
#include "shim/base/roster.h"
#include "shim/base/thread.h"
#include "shim/trace/trace_file.h"

#define ATTEMPTS 16 /* after that only now and then */

enum log_state { LOG_NONE, LOG_OPENING, LOG_OPEN };

struct log {
	uint32_t state;
	uint32_t attempts;
	int32_t opener; /* the thread that makes it */
	struct trace_file file;
	uint64_t cursor; /* the log is full of records up to here at least */
	struct trace_process *process;
	struct trace_file inherited; /* the parent's */
	bool told; /* said already why there is no trace */
	bool is_cut; /* somebody has truncated it */
};

static struct log the_log;
static struct trace_process unrecorded; /* counts until there is a process record */

void (*trace_log_mapped)(void);

struct trace_process *trace_log_process(void)
{
	struct trace_process *process = __atomic_load_n(&the_log.process, __ATOMIC_ACQUIRE);

	return process ? process : &unrecorded;
}

void trace_log_lost(enum trace_loss why)
{
	__atomic_fetch_add(&trace_log_process()->lost[why], 1, __ATOMIC_RELAXED);
}

bool trace_log_is_open(void)
{
	return __atomic_load_n(&the_log.state, __ATOMIC_ACQUIRE) == LOG_OPEN;
}

uint32_t trace_log_fill(void)
{
	return the_log.file.size
		       ? (uint32_t)(__atomic_load_n(&the_log.cursor, __ATOMIC_RELAXED) * 256 / the_log.file.size)
		       : 0;
}

static enum trace_loss loss_of(long error)
{
	if (error == -ENOMEM || error == -EAGAIN)
		return TRACE_LOST_NO_MEMORY;
	if (error == -EFAULT && !the_log.is_cut && trace_file_is_cut(&the_log.file))
		__atomic_store_n(&the_log.is_cut, true, __ATOMIC_RELAXED);
	return the_log.is_cut ? TRACE_LOST_NO_TRACE : TRACE_LOST_NO_SPACE;
}

/* Makes sure that the file up to `end` can be touched. */
static bool reserve(uint64_t end)
{
	long error;

	if (end <= __atomic_load_n(&the_log.file.reserved, __ATOMIC_ACQUIRE))
		return true;
	error = trace_file_reserve(&the_log.file, end);
	if (error < 0)
		trace_log_lost(loss_of(error));
	return error == 0;
}

/* Moves a mark forward, never back. */
static void advance(uint64_t *mark, uint64_t to)
{
	uint64_t seen = __atomic_load_n(mark, __ATOMIC_RELAXED);

	while (seen < to && !__atomic_compare_exchange_n(mark, &seen, to, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

bool trace_log_replace(const void *address)
{
	uintptr_t page = (uintptr_t)address & ~(getauxval(AT_PAGESZ) - 1);

	if (!trace_file_holds(&the_log.file, address) && !trace_file_holds(&the_log.inherited, address))
		return false;
	__atomic_store_n(&the_log.is_cut, true, __ATOMIC_RELAXED);
	return pages_replace((void *)page, getauxval(AT_PAGESZ));
}

/* Where it can still be said, that is if the beginning of the file is there. */
static void say_cut(void)
{
	struct trace_process *process = trace_log_process();

	if (!(__atomic_load_n(&process->coverage, __ATOMIC_RELAXED) & TRACE_CUT_SHORT))
		__atomic_fetch_or(&process->coverage, TRACE_CUT_SHORT, __ATOMIC_RELAXED);
}

/*
 * Changes the word of 0 at `at` to the beginning of this record. Where another one is there, returns false, and which
 * in `*record`.
 */
static bool place(uint64_t at, struct trace_record *record)
{
	union {
		struct trace_record record;
		uint64_t word;
	} mine = {.record = *record}, seen = {.word = 0};

	if (!__atomic_compare_exchange_n((uint64_t *)(void *)trace_file_at(&the_log.file, at), &seen.word, mine.word,
		    false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		*record = seen.record;
		return false;
	}
	advance(&the_log.cursor, at + record->size);
	advance(&((struct trace_header *)(void *)the_log.file.segments[0])->log_end, at + record->size);
	return true;
}

/* A record that would cross from one segment to the next begins there, behind a filler. */
static void *claim(enum trace_type type, uint32_t size)
{
	uint64_t at = __atomic_load_n(&the_log.cursor, __ATOMIC_ACQUIRE);

	if (__builtin_expect(__atomic_load_n(&the_log.is_cut, __ATOMIC_RELAXED), 0))
		say_cut();
	while (at + size <= the_log.file.size && size <= the_log.file.segment_bytes) {
		uint64_t left = trace_file_segment_end(&the_log.file, at) - at;
		struct trace_record record = {.size = size, .type = (uint16_t)type, .state = TRACE_CLAIMED};
		bool placed;

		if (size > left)
			record = (struct trace_record){(uint32_t)left, TRACE_FILLER, TRACE_VOID};
		if (!reserve(at + record.size))
			return NULL;
		placed = place(at, &record);
		if (placed && size <= left)
			return trace_file_at(&the_log.file, at);
		if (record.size < sizeof(record)) { /* the half of a record: the trace was cut */
			trace_log_lost(TRACE_LOST_NO_SPACE);
			return NULL;
		}
		at += record.size;
	}
	trace_log_lost(TRACE_LOST_LOG_FULL);
	return NULL;
}

/* Remembers that this thread is making a record, until it is committed or given up: NULL, in place of it. */
static void note_claim(const void *before, void *record)
{
	for (int i = 0; i < THREAD_CLAIMS; i++)
		if (thread_state.claims[i].record == before) {
			thread_state.claims[i].frame = (uintptr_t)__builtin_frame_address(0);
			thread_state.claims[i].record = record;
			return;
		}
}

void trace_log_leave(uintptr_t frame)
{
	for (int i = 0; i < THREAD_CLAIMS; i++) {
		struct trace_record *record = thread_state.claims[i].record;

		if (!record || !thread_is_left(thread_state.claims[i].frame, frame))
			continue;
		thread_state.claims[i].record = NULL;
		if (__atomic_load_n(&record->state, __ATOMIC_ACQUIRE) != TRACE_CLAIMED)
			continue;
		__atomic_store_n(&record->state, TRACE_VOID, __ATOMIC_RELEASE);
		trace_log_lost(TRACE_LOST_STALE);
	}
}

void *trace_log_claim(enum trace_type type, uint32_t size)
{
	void *record;

	if (!trace_log_is_open()) {
		trace_log_lost(TRACE_LOST_NO_TRACE);
		return NULL;
	}
	record = claim(type, (size + 7) & ~7u);
	if (record)
		note_claim(NULL, record);
	return record;
}

void trace_log_reserve(uint64_t bytes)
{
	uint64_t end = __atomic_load_n(&the_log.cursor, __ATOMIC_RELAXED) + bytes;

	if (trace_log_is_open())
		reserve(end < the_log.file.size ? end : the_log.file.size);
}

trace_ref trace_log_commit(void *record)
{
	__atomic_store_n(&((struct trace_record *)record)->state, TRACE_COMMITTED, __ATOMIC_RELEASE);
	note_claim(record, NULL);
	return trace_log_ref(record);
}

void trace_log_void(void *record)
{
	__atomic_store_n(&((struct trace_record *)record)->state, TRACE_VOID, __ATOMIC_RELEASE);
	note_claim(record, NULL);
}

void *trace_log_at(trace_ref ref)
{
	bool is_mapped = ref < __atomic_load_n(&the_log.file.reserved, __ATOMIC_ACQUIRE);

	return ref && is_mapped ? trace_file_at(&the_log.file, ref) : NULL;
}

trace_ref trace_log_ref(const void *record)
{
	return record ? (trace_ref)trace_file_offset(&the_log.file, record) : 0;
}

void *trace_log_find(trace_ref ref, enum trace_type type, uint32_t size)
{
	uint64_t end = __atomic_load_n(&the_log.cursor, __ATOMIC_ACQUIRE);
	struct trace_record *record;

	if (!trace_log_is_open() || ref < TRACE_HEADER_BYTES || ref % 8 || ref + (uint64_t)size > end ||
		ref + (uint64_t)size > trace_file_segment_end(&the_log.file, ref))
		return NULL;
	record = trace_log_at(ref);
	return record->type == type && record->size >= size && record->state == TRACE_COMMITTED ? record : NULL;
}

static void fill_text(struct trace_text *record, enum trace_text_kind kind, const char *text, uint32_t length)
{
	record->kind = kind;
	record->length = length;
	memcpy(record->text, text, length);
}

trace_ref trace_log_text(enum trace_text_kind kind, const char *text, uint32_t length)
{
	struct trace_text *record = trace_log_claim(TRACE_TEXT, (uint32_t)sizeof(*record) + length);

	if (!record)
		return 0;
	fill_text(record, kind, text, length);
	return trace_log_commit(record);
}

/* ---- creation ---- */

/* What trace_log_gap was told, kept for the trace that is still to be made and for those of children. */
static struct {
	uint32_t coverage;
	uint32_t busy;
	struct line_list lines;
} gaps;

static void write_gaps(struct trace_process *process)
{
	struct trace_text *record =
		gaps.lines.length ? claim(TRACE_TEXT, ((uint32_t)sizeof(*record) + gaps.lines.length + 7) & ~7u) : NULL;

	__atomic_fetch_or(&process->coverage, gaps.coverage, __ATOMIC_RELAXED);
	if (!record)
		return;
	fill_text(record, TRACE_TEXT_GAPS, gaps.lines.text, gaps.lines.length);
	__atomic_store_n(&process->gaps, trace_log_commit(record), __ATOMIC_RELEASE);
}

void trace_log_gap(uint32_t coverage, const char *line)
{
	__atomic_fetch_or(&gaps.coverage, coverage, __ATOMIC_RELAXED);
	if (!__atomic_exchange_n(&gaps.busy, 1, __ATOMIC_ACQUIRE)) {
		line_list_add(&gaps.lines, line);
		if (trace_log_is_open())
			write_gaps(the_log.process);
		__atomic_store_n(&gaps.busy, 0, __ATOMIC_RELEASE);
	}
}

/* Why there is no trace: once to the roster, and where there is no roster to standard error. */
static void tell_no_trace(const char *name, long error)
{
	int saved = errno;
	char text[232] = "";

	if (the_log.told)
		return;
	the_log.told = true;
	line_append_number(line_append(line_append(text, text + 200, name), text + 210, ": errno "), text + 230,
		(unsigned long)error);
	roster_add(TRACE_ROSTER_NO_TRACE, 0, text);
	if (!config.roster[0])
		line_say("this process is not recorded, its trace cannot be made: ", name, error);
	errno = saved;
}

static void write_header(char *base, uint64_t size)
{
	struct trace_header *header = (struct trace_header *)(void *)base;
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	header->version = TRACE_VERSION;
	header->byte_order = TRACE_BYTE_ORDER;
	header->header_bytes = TRACE_HEADER_BYTES;
	header->file_bytes = size;
	header->log_end = TRACE_HEADER_BYTES;
	header->created_ns = kernel_now_ns();
	header->created_wall_ns = (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec;
	strncpy(header->writer, SOCKSAN_VERSION, sizeof(header->writer) - 1);
	memcpy(header->magic, TRACE_MAGIC, sizeof(header->magic));
}

/* Appends the process record; with it the losses counted so far. */
static bool write_process(uint32_t coverage)
{
	struct trace_process *process = claim(TRACE_PROCESS, sizeof(*process));

	if (!process)
		return false;
	process->pid = process_page->pid;
	process->ppid = (int32_t)kernel_call0(SYS_getppid);
	process->started_ns = process_names.started_ns;
	process->coverage = coverage | unrecorded.coverage | (kernel_forbidden ? TRACE_SECCOMP : 0);
	process->sockets_seen = unrecorded.sockets_seen;
	memcpy(process->lost, unrecorded.lost, sizeof(process->lost));
	memset(&unrecorded, 0, sizeof(unrecorded));
	memcpy(process->comm, process_names.comm, sizeof(process->comm));
	memcpy(process->exe, process_names.exe, sizeof(process->exe));
	process->argv_length = process_names.argv_length;
	memcpy(process->argv, process_names.argv, process_names.argv_length);
	trace_log_commit(process);
	write_gaps(process);
	__atomic_store_n(&the_log.process, process, __ATOMIC_RELEASE);
	return true;
}

/* Returns 0, or minus errno, with the name that could not be made in `name`. */
static long open_own(char *name, size_t size_of_name)
{
	long result = trace_file_make(&the_log.file, name, size_of_name);

	if (result == -EFBIG && !the_log.inherited.size && !the_log.told)
		trace_file_leave_empty();
	if (result < 0)
		return result;
	the_log.cursor = TRACE_HEADER_BYTES;
	write_header(the_log.file.segments[0], the_log.file.size);
	return write_process(0) ? 0 : -ENOSPC;
}

static bool open_inherited(void)
{
	if (!the_log.inherited.size)
		return false;
	the_log.file = the_log.inherited;
	the_log.cursor = TRACE_HEADER_BYTES;
	return write_process(TRACE_SHARED_FILE);
}

/*
 * Waits while another thread makes the trace: it may have to wait for a processor, but for nothing that we hold. Not
 * where it is this very thread, which a signal handler has interrupted to come here. Gives up after some hundred
 * milliseconds.
 */
static bool wait_for_opener(void)
{
	struct timespec pause = {0, 50000};

	if (__atomic_load_n(&the_log.opener, __ATOMIC_RELAXED) == process_thread_id())
		return false;
	for (int i = 0; i < 5000 && __atomic_load_n(&the_log.state, __ATOMIC_ACQUIRE) == LOG_OPENING; i++)
		kernel_call2(SYS_nanosleep, &pause, NULL);
	return trace_log_is_open();
}

/* Names of files, and lines about them. */
static void make_trace(void *argument)
{
	char name[CONFIG_PATH_MAX + 64];
	bool *done = argument;
	long error = open_own(name, sizeof(name));

	*done = error == 0 || open_inherited();
	if (!*done)
		tell_no_trace(name, -error);
	else if (trace_log_mapped)
		trace_log_mapped();
}

bool trace_log_open(void)
{
	uint32_t none = LOG_NONE;
	uint64_t signals;
	bool done = false;

	if (trace_log_is_open())
		return true;
	if (the_log.attempts >= ATTEMPTS && (++the_log.attempts & 1023) != 0)
		return false;
	thread_block_signals(&signals); /* a handler that jumped out of this would leave others waiting */
	if (!__atomic_compare_exchange_n(
		    &the_log.state, &none, LOG_OPENING, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		thread_allow_signals(&signals);
		return none == LOG_OPEN || wait_for_opener();
	}
	__atomic_store_n(&the_log.opener, process_thread_id(), __ATOMIC_RELAXED);
	the_log.attempts++;
	if (!deep_stack_call(make_trace, &done))
		make_trace(&done); /* rather than no trace, and not a word */
	__atomic_store_n(&the_log.state, done ? LOG_OPEN : LOG_NONE, __ATOMIC_RELEASE);
	thread_allow_signals(&signals);
	return done;
}

void trace_log_forked(void)
{
	if (the_log.file.size)
		the_log.inherited = the_log.file;
	memset(&the_log.file, 0, sizeof(the_log.file));
	the_log.cursor = 0;
	the_log.attempts = 0;
	the_log.process = NULL;
	the_log.told = false;
	the_log.is_cut = false;
	gaps.busy = 0;
	memset(&unrecorded, 0, sizeof(unrecorded));
	memset(thread_state.claims, 0, sizeof(thread_state.claims));
	__atomic_store_n(&the_log.state, LOG_NONE, __ATOMIC_RELEASE);
}
