/*
 * golden.c: see golden.h.
 */
#include "tests/unit/golden.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_all(FILE *file)
{
	char *text = NULL;
	size_t size = 0;

	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	return text;
}

void golden_expect(const char *name, const char *text)
{
	char path[256];
	const char *update = getenv("GOLDEN_UPDATE");
	FILE *file;
	char *expected;

	snprintf(path, sizeof(path), "tests/golden/%s", name);
	file = fopen(path, update && *update ? "we" : "re");
	cr_assert_not_null(file, "%s cannot be opened: tests run from the top of the repository", path);
	if (update && *update) {
		fputs(text, file);
		fclose(file);
		return;
	}
	expected = read_all(file);
	fclose(file);
	cr_assert(!strcmp(text, expected), "differs from %s:\n%s", path, text);
	free(expected);
}
