/* stack_store.c: a hash table of references into the trace, filled without locks and never emptied. */
#include "shim/stack/stack_store.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "shim/stack/module_map.h"
#include "shim/trace/trace_log.h"

#define SLOTS 8192u
#define PROBES 16u

static trace_ref stored[SLOTS];

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0xff51afd7ed558ccdu;
	return hash ^ hash >> 32;
}

static uint32_t hash_of(const struct capture *capture)
{
	uint64_t hash = 0x9e3779b97f4a7c15u ^ (uint64_t)capture->count;

	for (int i = 0; i < capture->count; i++)
		hash = mix(hash, (uint64_t)(uintptr_t)capture->frames[i]);
	for (uint32_t i = 0; i < capture->text_length; i++)
		hash = mix(hash, (unsigned char)capture->text[i]);
	return (uint32_t)hash;
}

static bool is_same_text(trace_ref ref, const struct capture *capture)
{
	const struct trace_text *text = trace_log_at(ref);

	if (!text || !capture->text)
		return !text && capture->text_length == 0;
	return text->length == capture->text_length && !memcmp(text->text, capture->text, text->length);
}

static bool is_same(trace_ref ref, const struct capture *capture)
{
	const struct trace_stack *stack = trace_log_at(ref);

	return stack->frame_count == (uint32_t)capture->count &&
	       !memcmp(stack->frames, capture->frames, (size_t)capture->count * sizeof(*capture->frames)) &&
	       is_same_text(stack->text, capture);
}

static trace_ref add(const struct capture *capture)
{
	size_t bytes = (size_t)capture->count * sizeof(*capture->frames);
	struct trace_stack *stack;
	trace_ref text = 0;

	module_map_cover(capture->frames, capture->count);
	if (capture->text_length)
		text = trace_log_text(TRACE_TEXT_PYTHON_STACK, capture->text, capture->text_length);
	stack = trace_log_claim(TRACE_STACK, (uint32_t)(sizeof(*stack) + bytes));
	if (!stack)
		return 0;
	stack->frame_count = (uint32_t)capture->count;
	stack->text = text;
	memcpy(stack->frames, capture->frames, bytes);
	return trace_log_commit(stack);
}

/* Two threads may come with the same new stack at once: it has one reference all the same, or its writes look apart. */
trace_ref stack_store(const struct capture *capture)
{
	uint32_t slot = hash_of(capture) % SLOTS;
	trace_ref ours = 0;

	for (uint32_t i = 0; i < PROBES; i++) {
		trace_ref *place = &stored[(slot + i) % SLOTS];
		trace_ref seen = __atomic_load_n(place, __ATOMIC_ACQUIRE);

		if (!seen) {
			if (!ours)
				ours = add(capture);
			if (!ours || __atomic_compare_exchange_n(
					     place, &seen, ours, false, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
				return ours;
		}
		if (!is_same(seen, capture))
			continue;
		if (ours)
			trace_log_void(trace_log_at(ours));
		return seen;
	}
	return ours ? ours : add(capture);
}

void stack_store_forked(void)
{
	memset(stored, 0, sizeof(stored));
}
