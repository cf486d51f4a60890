/*
 * trace_log.c: claim and commit.
 *
 * The claim is the heart: the first word of free space is 0, and becomes {size, type, CLAIMED} by one compare and swap.
 * Who loses the race has read the winner's size and tries behind it. So the log never has a hole, and a thread that is
 * killed or interrupted between claim and commit holds nobody up.
 */
#include "shim/trace/trace_log.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

#include "shim/base/pages.h"
#include "shim/base/shared.h"
#include "shim/base/thread.h"
#include "shim/trace/trace_open.h"

struct trace_log the_log;
struct trace_process trace_log_unrecorded;

struct trace_process *trace_log_process(void)
{
	struct trace_process *process = __atomic_load_n(&the_log.process, __ATOMIC_ACQUIRE);

	return process ? process : &trace_log_unrecorded;
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
	if (error == -EFAULT && !shared_get(the_log.is_cut) && trace_file_is_cut(&the_log.file))
		__atomic_store_n(&the_log.is_cut, true, __ATOMIC_RELAXED);
	return shared_get(the_log.is_cut) ? TRACE_LOST_NO_TRACE : TRACE_LOST_NO_SPACE;
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
	advance(&((struct trace_header *)(void *)trace_file_at(&the_log.file, 0))->log_end, at + record->size);
	return true;
}

/* A record that would cross from one segment to the next begins there, behind a filler. */
void *trace_log_claim_any(enum trace_type type, uint32_t size)
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
	record = trace_log_claim_any(type, (size + 7) & ~7u);
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
	return shared_get(record->type) == type && shared_get(record->size) >= size &&
			       __atomic_load_n(&record->state, __ATOMIC_ACQUIRE) == TRACE_COMMITTED
		       ? record
		       : NULL;
}

void trace_log_fill_text(struct trace_text *record, enum trace_text_kind kind, const char *text, uint32_t length)
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
	trace_log_fill_text(record, kind, text, length);
	return trace_log_commit(record);
}
