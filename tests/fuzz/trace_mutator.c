/*
 * trace_mutator.c: see trace_mutator.h.
 */
#include "tests/fuzz/trace_mutator.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "shim/trace_format.h"
#include "tests/fuzz/trace_fields.h"

#define MAX_RECORDS 512
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/*
 * --- A trace while it is changed
 * -----------------------------------------------------------------------------------------
 */

struct mutation {
	uint8_t *data;
	size_t size;
	size_t max_size;
	uint64_t state; /* of the random numbers */
	uint32_t offsets[MAX_RECORDS];
	size_t count;
};

static uint32_t next(struct mutation *mutation, uint32_t below)
{
	mutation->state = mutation->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((mutation->state >> 33) % below);
}

static struct trace_record record_at(const struct mutation *mutation, uint32_t offset)
{
	struct trace_record record;

	memcpy(&record, mutation->data + offset, sizeof(record));
	return record;
}

/* A value that is likely to be on some border. */
static uint64_t odd_number(struct mutation *mutation)
{
	static const uint64_t values[] = {0, 1, 7, 8, 16, 127, 128, 255, 256, 4096, 65535, 65536, INT32_MAX,
		(uint64_t)INT32_MAX + 1, UINT32_MAX - 7, UINT32_MAX, (uint64_t)UINT32_MAX + 1, INT64_MAX,
		(uint64_t)INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX, 1000000000, UINT64_C(999950000), 86400000000000};

	return values[next(mutation, COUNT_OF(values))];
}

/* Near one of the record's own times or another's: what comes before what decides most of a story. */
static uint64_t likely_time(struct mutation *mutation, uint64_t now)
{
	static const uint64_t steps[] = {0, 1, 1000, 2000000, 1000000000, 60000000000, UINT64_C(10000000000000)};
	uint64_t step = steps[next(mutation, COUNT_OF(steps))];

	if (next(mutation, 4) == 0)
		return odd_number(mutation);
	if (now == 0)
		now = UINT64_C(1000000000000);
	return next(mutation, 2) ? now + step : now - step;
}

static uint64_t small_number(struct mutation *mutation)
{
	static const uint64_t families[] = {AF_INET, AF_INET6, AF_UNIX};

	switch (next(mutation, 4)) {
	case 0: return families[next(mutation, COUNT_OF(families))];
	case 1: return UINT64_C(1) << next(mutation, 20);
	case 2: return odd_number(mutation);
	}
	return next(mutation, 24);
}

static void change_text(struct mutation *mutation, uint8_t *bytes, size_t length)
{
	static const char *const words[] = {"\xff\xfe", "\033[2J", "\xe2\x80\xae", "<!--</script>", "]]>", "%s%n", "\n",
		"\"", "write", "close", "read", "/opt/../x", "_ZN1aILi9EEE", "python3.11"};
	const char *word = words[next(mutation, COUNT_OF(words))];
	size_t word_length = strlen(word);
	size_t at = next(mutation, (uint32_t)length);

	if (next(mutation, 2)) {
		LLVMFuzzerMutate(bytes, length, length);
		return;
	}
	memcpy(bytes + at, word, word_length < length - at ? word_length : length - at);
}

static void set_field(struct mutation *mutation, uint8_t *bytes, const struct trace_field *field)
{
	uint64_t value = 0;

	if (field->kind == FIELD_TEXT) {
		change_text(mutation, bytes, field->bytes);
		return;
	}
	memcpy(&value, bytes, field->bytes);
	switch (field->kind) {
	case FIELD_SMALL: value = small_number(mutation); break;
	case FIELD_TIME: value = likely_time(mutation, value); break;
	case FIELD_REF:
		value = next(mutation, 8) ? mutation->offsets[next(mutation, (uint32_t)mutation->count)]
					  : odd_number(mutation);
		break;
	default: value = next(mutation, 2) ? value ^ UINT64_C(1) << next(mutation, 64) : odd_number(mutation); break;
	}
	memcpy(bytes, &value, field->bytes);
}

/*
 * --- The ways to change one
 * ----------------------------------------------------------------------------------------------
 */

static void change_field(struct mutation *mutation)
{
	uint32_t offset = mutation->offsets[next(mutation, (uint32_t)mutation->count)];
	struct trace_record record = record_at(mutation, offset);
	size_t count;
	const struct trace_field *fields = trace_fields(record.type, &count);

	for (unsigned times = 1 + next(mutation, 3); fields && times > 0; times--) {
		const struct trace_field *field = &fields[next(mutation, (uint32_t)count)];

		if ((size_t)field->offset + field->bytes <= record.size)
			set_field(mutation, mutation->data + offset + field->offset, field);
	}
}

/* What lies behind the struct: paths, frames, texts. Frames are made to lie in the modules that there are. */
static void change_tail(struct mutation *mutation)
{
	uint32_t offset = mutation->offsets[next(mutation, (uint32_t)mutation->count)];
	struct trace_record record = record_at(mutation, offset);
	size_t fixed = trace_struct_bytes(record.type);
	size_t start = fixed ? fixed : sizeof(record);
	uint8_t *tail = mutation->data + offset + start;

	if (record.size <= start)
		return;
	if (record.type == TRACE_STACK && record.size - start >= 8 && next(mutation, 2)) {
		uint64_t frame = UINT64_C(0x100000) * (1 + next(mutation, 4)) + next(mutation, 0x1100);

		memcpy(tail + next(mutation, (uint32_t)(record.size - start) / 8) * 8, &frame, sizeof(frame));
		return;
	}
	change_text(mutation, tail, record.size - start);
}

static void change_word(struct mutation *mutation)
{
	uint32_t offset = mutation->offsets[next(mutation, (uint32_t)mutation->count)];
	struct trace_record record = record_at(mutation, offset);

	switch (next(mutation, 4)) {
	case 0: record.state = (uint16_t)next(mutation, 5); break;
	case 1: record.type = (uint16_t)next(mutation, 8); break;
	case 2: record.size = (uint32_t)odd_number(mutation); break;
	case 3: record.size += next(mutation, 2) ? 8 : (uint32_t)-8; break;
	}
	memcpy(mutation->data + offset, &record, sizeof(record));
}

static void copy_record(struct mutation *mutation)
{
	uint32_t offset = mutation->offsets[next(mutation, (uint32_t)mutation->count)];
	uint32_t size = record_at(mutation, offset).size;

	if (mutation->size + size > mutation->max_size)
		return;
	memcpy(mutation->data + mutation->size, mutation->data + offset, size);
	mutation->size += size;
}

/* A record of any type, of little but zeros. */
static void add_record(struct mutation *mutation)
{
	unsigned type = 1 + next(mutation, TRACE_TYPES - 1);
	size_t tail = type == TRACE_MODULE || type == TRACE_STACK || type == TRACE_TEXT ? 8 * next(mutation, 32) : 0;
	size_t bytes = (trace_struct_bytes(type) + tail + 7) / 8 * 8;
	struct trace_record record = {.size = (uint32_t)bytes, .type = (uint16_t)type, .state = TRACE_COMMITTED};
	size_t count;
	const struct trace_field *fields = trace_fields(type, &count);

	if (mutation->size % 8 || mutation->size + bytes > mutation->max_size)
		return;
	memset(mutation->data + mutation->size, 0, bytes);
	memcpy(mutation->data + mutation->size, &record, sizeof(record));
	if (mutation->count < MAX_RECORDS)
		mutation->offsets[mutation->count++] = (uint32_t)mutation->size;
	mutation->size += bytes;
	for (unsigned i = next(mutation, 12); i > 0; i--) {
		const struct trace_field *field = &fields[next(mutation, (uint32_t)count)];

		set_field(mutation, mutation->data + mutation->size - bytes + field->offset, field);
	}
}

/* Every reference behind it is off from then on, which is a change of its own. */
static void remove_record(struct mutation *mutation)
{
	uint32_t offset = mutation->offsets[next(mutation, (uint32_t)mutation->count)];
	uint32_t size = record_at(mutation, offset).size;

	memmove(mutation->data + offset, mutation->data + offset + size, mutation->size - offset - size);
	mutation->size -= size;
}

/* What the target does with it. */
static void change_selector(struct mutation *mutation)
{
	uint32_t selector = next(mutation, 1 << 16);

	memcpy(mutation->data + offsetof(struct trace_header, reserved), &selector, sizeof(selector));
}

static void change_bytes(struct mutation *mutation)
{
	mutation->size = LLVMFuzzerMutate(mutation->data, mutation->size, mutation->max_size);
}

/* So that what was added is looked at; seldom not, since a reader must stand that, too. */
static void mend_header(struct mutation *mutation)
{
	struct trace_header header;

	if (mutation->size < sizeof(header) || next(mutation, 24) == 0)
		return;
	memcpy(&header, mutation->data, sizeof(header));
	memcpy(header.magic, TRACE_MAGIC, sizeof(header.magic));
	header.version = TRACE_VERSION;
	header.byte_order = TRACE_BYTE_ORDER;
	header.header_bytes = sizeof(header);
	header.file_bytes = header.log_end = mutation->size;
	memcpy(mutation->data, &header, sizeof(header));
}

size_t trace_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	static void (*const ways[])(struct mutation *) = {change_field, change_field, change_field, change_field,
		change_tail, change_word, copy_record, add_record, remove_record, change_selector, change_bytes};
	struct mutation mutation = {.data = data, .size = size, .max_size = max_size, .state = seed};

	next(&mutation, 2);
	for (unsigned times = 1 + next(&mutation, 4); times > 0; times--) {
		mutation.count = trace_records(data, mutation.size, mutation.offsets, MAX_RECORDS);
		if (mutation.count == 0)
			change_bytes(&mutation);
		else
			ways[next(&mutation, COUNT_OF(ways))](&mutation);
	}
	mend_header(&mutation);
	return mutation.size;
}
