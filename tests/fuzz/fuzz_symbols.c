/*
 * fuzz_symbols.c: any bytes as the ELF file that a trace's module names, with a hostile map: symbols are looked up in
 * it.
 *
 * The first bytes are a `struct place`; the file follows.
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/limits.h"
#include "analyzer/symbols/symbolize.h"
#include "tests/fuzz/input.h"

struct place {
	uint64_t start;
	uint64_t end;
	uint64_t bias;
	uint32_t frames[4]; /* counted from the bias, as the file counts */
	uint8_t build_id[20];
	uint8_t build_id_length;
	uint8_t pad[3];
};
_Static_assert(sizeof(struct place) == 64, "as scripts/fuzz writes it");

static volatile size_t sum;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct place place = {0};
	size_t head = size < sizeof(place) ? size : sizeof(place);
	struct module module = {.ref = 8};
	struct address_space space = {
		.modules = &module, .module_count = 1, .pid = 7, .started_wall_ns = INT64_MAX / 2};
	struct raw_stack raw = {.ref = 16, .count = sizeof(place.frames) / sizeof(place.frames[0])};
	struct symbolizer *symbolizer = symbolizer_new();
	struct stack stack;

	/* A name that explodes takes its time once, which is less than an input may take. */
	limits_reset();
	limits_set(LIMIT_DEMANGLING, 1);
	memcpy(&place, data, head);
	module.start = place.start;
	module.end = place.end;
	module.bias = place.bias;
	module.build_id_length = place.build_id_length > sizeof(place.build_id) ? 0 : place.build_id_length;
	memcpy(module.build_id, place.build_id, sizeof(place.build_id));
	module.path = input_file("module", data + head, size - head);
	for (uint32_t i = 0; i < raw.count; i++)
		raw.frames[i] = place.bias + place.frames[i];
	symbolize_stack(symbolizer, &space, &raw, &stack);
	for (size_t i = 0; i < stack.count; i++)
		sum += strlen(stack.frames[i].function) + strlen(stack.frames[i].file);
	symbolize_free(&stack);
	symbolizer_free(symbolizer);
	return 0;
}
