/*
 * raw_stack.c: texts and stacks of a trace, and where a process had its modules. See lifecycle.h.
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/text.h"
#include "analyzer/trace/lifecycle_private.h"

/* The text of a Python stack as far as it is looked at: what libsocksan writes is no longer. */
#define MAX_PYTHON_BYTES (16 * 1024)

struct text lifecycle_load_text(struct reader *reader, trace_ref ref, size_t max_bytes)
{
	struct trace_text *record = text_allocate(sizeof(*record) + max_bytes);
	size_t bytes = reader_get(reader, ref, TRACE_TEXT, record, sizeof(*record) + max_bytes);
	struct text text = {0};

	if (bytes) {
		text.length = reader_text_length(record, bytes);
		text.bytes = memcpy(text_allocate(text.length + 1), record->text, text.length);
	}
	free(record);
	return text;
}

void lifecycle_load_stack(struct lifecycle *lifecycle, uint32_t trace, trace_ref ref, struct raw_stack *raw)
{
	struct reader *reader = ref ? trace_set_open(&lifecycle->set, trace) : NULL;
	_Alignas(struct trace_stack) char buffer[sizeof(struct trace_stack) + sizeof(raw->frames)];
	const struct trace_stack *record = (const struct trace_stack *)buffer;
	size_t bytes = reader ? reader_get(reader, ref, TRACE_STACK, buffer, sizeof(buffer)) : 0;

	raw->ref = 0;
	raw->count = 0;
	raw->python = (struct text){0};
	if (!bytes)
		return;
	raw->ref = ref;
	raw->count = (uint32_t)reader_stack_frames(record, bytes);
	memcpy(raw->frames, record->frames, raw->count * sizeof(raw->frames[0]));
	if (record->text)
		raw->python = lifecycle_load_text(reader, record->text, MAX_PYTHON_BYTES);
}

void lifecycle_stack_free(struct raw_stack *raw)
{
	free((char *)raw->python.bytes);
	raw->python = (struct text){0};
}

const struct address_space *lifecycle_space(struct lifecycle *lifecycle, uint32_t trace)
{
	const struct trace_source *source = &lifecycle->set.sources[trace];
	const struct process *process = &lifecycle->processes[source->first_process];
	uint64_t before_trace = source->created_ns - process->started_ns;

	if (!source->process_count)
		return NULL;
	return trace_set_space(
		&lifecycle->set, trace, process, (int64_t)((uint64_t)source->created_wall_ns - before_trace));
}
