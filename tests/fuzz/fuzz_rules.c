/*
 * fuzz_rules.c: a file of suppressions, and after the first NUL what they are held against, one text a line.
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/report/suppress.h"
#include "tests/fuzz/input.h"

static volatile size_t matches;

static void hold_against(const struct suppressions *suppressions, char *texts)
{
	char *state;

	for (char *text = strtok_r(texts, "\n", &state); text; text = strtok_r(NULL, "\n", &state))
		for (size_t i = 0; i < suppressions->count; i++)
			matches += suppression_matches(&suppressions->rules[i], "double-close", text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct suppressions suppressions = {0};
	size_t length = strnlen((const char *)data, size);
	size_t rest = length < size ? size - length - 1 : 0;
	char *texts = strndup((const char *)data + size - rest, rest);

	suppressions_read(&suppressions, input_file("rules", data, length));
	suppressions_add_name(&suppressions, "baseline", "file");
	hold_against(&suppressions, texts);
	suppressions_free(&suppressions);
	free(texts);
	return 0;
}
