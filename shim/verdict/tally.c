/* tally.c: numbers in a page of ours or of a runtime's. */
#include "shim/verdict/tally.h"

#include <string.h>

#include "shim/base/process.h"
#include "shim/base/shared.h"
#include "shim/base/thread.h"
#include "shim/trace/trace_log.h"

#define NOTED (sizeof(thread_state.noted) / sizeof(*thread_state.noted))

static struct tally_page own;
static struct tally_page *in_use = &own;

/* The page's label in the trace, as it was when it was last looked up. */
static uint64_t label_known; /* turn << 32 | trace_ref */
static uint32_t label_generation;

bool tally_use(struct tally_page *page)
{
	struct tally_page *now = __atomic_load_n(&in_use, __ATOMIC_ACQUIRE);

	if (page ? now != &own : now == &own)
		return !page;
	if (!page)
		page = &own;
	page->events = now->events;
	memcpy(page->by_kind, now->by_kind, sizeof(page->by_kind));
	__atomic_store_n(&label_generation, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&in_use, page, __ATOMIC_RELEASE);
	return true;
}

/* What the page says, as a text in the trace; 0 where it says nothing. */
static trace_ref page_label(void)
{
	struct tally_page *page = __atomic_load_n(&in_use, __ATOMIC_ACQUIRE);
	uint32_t turn = __atomic_load_n(&page->label_turn, __ATOMIC_ACQUIRE);
	uint32_t length = page->label_length;
	char label[sizeof(page->label)];
	uint64_t known;

	if (!length || length > sizeof(label) || turn % 2)
		return 0;
	known = __atomic_load_n(&label_known, __ATOMIC_ACQUIRE);
	if (known >> 32 == turn && __atomic_load_n(&label_generation, __ATOMIC_RELAXED) == process_generation())
		return (trace_ref)known;
	memcpy(label, page->label, length);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&page->label_turn, __ATOMIC_RELAXED) != turn)
		return 0; /* just then it changed: neither would be right */
	known = (uint64_t)turn << 32 | trace_log_text(TRACE_TEXT_LABEL, label, length);
	__atomic_store_n(&label_known, known, __ATOMIC_RELEASE);
	__atomic_store_n(&label_generation, process_generation(), __ATOMIC_RELAXED);
	return (trace_ref)known;
}

trace_ref tally_label(void)
{
	trace_ref label = thread_state.label_generation == process_generation() ? thread_state.label : 0;

	return label ? label : page_label();
}

static uint64_t *place_of(const struct trace_incident *incident, enum trace_severity severity)
{
	struct tally_page *page = __atomic_load_n(&in_use, __ATOMIC_ACQUIRE);
	uint8_t kind = shared_get(incident->kind);

	return &page->by_kind[kind < TRACE_KINDS_END ? kind : 0][severity];
}

void tally_count(struct trace_incident *incident)
{
	struct tally_page *page = __atomic_load_n(&in_use, __ATOMIC_ACQUIRE);
	uint32_t slot = thread_state.noted_next++ % NOTED;

	thread_state.noted[slot] = trace_log_ref(incident);
	thread_state.noted_generation[slot] = process_generation();
	thread_state.noted_events[slot] = __atomic_add_fetch(&page->events, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(place_of(incident, trace_incident_severity(incident)), 1, __ATOMIC_RELAXED);
}

void tally_take_back(const struct trace_incident *incident)
{
	struct tally_page *page = __atomic_load_n(&in_use, __ATOMIC_ACQUIRE);

	shared_take(&page->events, shared_get(incident->count));
	shared_take(place_of(incident, trace_incident_severity(incident)), shared_get(incident->count));
}

void tally_move(const struct trace_incident *incident, enum trace_severity before, uint64_t count)
{
	enum trace_severity now = trace_incident_severity(incident);

	if (now != before && shared_get(incident->label) == tally_label())
		__atomic_fetch_add(
			place_of(incident, now), shared_take(place_of(incident, before), count), __ATOMIC_RELAXED);
}

uint64_t tally_events(void)
{
	return __atomic_load_n(&__atomic_load_n(&in_use, __ATOMIC_ACQUIRE)->events, __ATOMIC_RELAXED);
}

struct trace_incident *tally_recent(uint64_t since, unsigned n)
{
	uint32_t slot = (thread_state.noted_next - 1 - n) % NOTED;
	struct trace_incident *incident;

	if (n >= NOTED || n >= thread_state.noted_next || thread_state.noted_events[slot] <= since ||
		thread_state.noted_generation[slot] != process_generation())
		return NULL;
	incident = trace_log_at(thread_state.noted[slot]);
	return incident && shared_get(incident->record.state) == TRACE_COMMITTED ? incident : NULL;
}
