/* text.c: numbers and paragraphs as people read them. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "analyzer/base/text.h"

Test(text, durations)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "0 ns"},
		{999, "999 ns"},
		{2400000, "2.4 ms"},
		{99960, "100 us"},
		{1500000000, "1.5 s"},
		{65000000000, "1 min 5 s"},
		{7260000000000, "2 h 1 min"},
		{UINT64_MAX, "5124095 h 34 min"},
	};
	char buffer[TEXT_NUMBER_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_str_eq(text_duration(buffer, cases[i].ns), cases[i].text);
}

Test(text, numbers)
{
	char buffer[TEXT_NUMBER_BYTES];

	cr_assert_str_eq(text_plural(buffer, 0, "byte"), "0 bytes");
	cr_assert_str_eq(text_plural(buffer, 1, "byte"), "1 byte");
	cr_assert_str_eq(text_plural(buffer, 1024, "process"), "1,024 processes");
	cr_assert_str_eq(text_number(buffer, UINT64_MAX), "18,446,744,073,709,551,615");
}

static char *fill(struct text_layout layout, const char *string)
{
	char *text;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	text_fill(stream, layout, string);
	fclose(stream);
	return text;
}

Test(text, fill_breaks_at_blanks)
{
	char *text = fill((struct text_layout){.indent = 2, .width = 10}, "one two three four");

	cr_assert_str_eq(text, "one two\n  three\n  four\n");
	free(text);
}

Test(text, fill_keeps_numbers_and_units_together)
{
	char *text = fill((struct text_layout){.width = 10}, "took 2.4 ms or 12 bytes");

	cr_assert_str_eq(text, "took\n2.4 ms or\n12 bytes\n");
	free(text);
}

Test(text, fill_leaves_long_words_whole)
{
	char *text = fill((struct text_layout){.indent = 2, .width = 6, .column = 2}, "a /very/long/path b");

	cr_assert_str_eq(text, "a\n  /very/long/path\n  b\n");
	free(text);
}

Test(text, fill_counts_characters)
{
	char *text = fill((struct text_layout){.width = 7}, "\xc3\xa4\xc3\xa4\xc3\xa4 \xc3\xb6\xc3\xb6\xc3\xb6 b");

	cr_assert_str_eq(text, "\xc3\xa4\xc3\xa4\xc3\xa4 \xc3\xb6\xc3\xb6\xc3\xb6\nb\n");
	free(text);
}

Test(text, grow_keeps_what_was_there)
{
	uint64_t *numbers = NULL;

	for (uint64_t i = 0; i < 1000; i++) {
		numbers = text_grow(numbers, i, sizeof(*numbers));
		numbers[i] = i;
	}
	for (uint64_t i = 0; i < 1000; i++)
		cr_assert_eq(numbers[i], i);
	free(numbers);
}
