/* progress.c: the words of the line that shows progress. */
#include <criterion/criterion.h>

#include "analyzer/base/progress.h"

Test(progress, words)
{
	static const struct {
		uint64_t done;
		uint64_t total;
		const char *units;
		const char *words;
	} cases[] = {
		{0, 0, NULL, "socksan: reading traces"},
		{0, 3, NULL, "socksan: reading traces: 0 %"},
		{2, 3, NULL, "socksan: reading traces: 66 %"},
		{3, 3, NULL, "socksan: reading traces: 100 %"},
		/* A trace that grew since it was found. */
		{4, 3, NULL, "socksan: reading traces: 100 %"},
		{UINT64_MAX - 1, UINT64_MAX, NULL, "socksan: reading traces: 100 %"},
		{1200, 0, "files", "socksan: reading traces: 1,200 files"},
		{1200, 5000000, "sockets", "socksan: reading traces: 1,200 of 5,000,000 sockets"},
	};
	char words[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_str_eq(progress_words(words, sizeof(words), "reading traces", cases[i].done, cases[i].total,
					 cases[i].units),
			cases[i].words);
	cr_expect_str_eq(progress_words(words, 9, "reading", 1, 2, "files"), "socksan:");
}

/* Whatever is said before it is allowed, or where there is no terminal, is said to nobody; and none of it fails. */
Test(progress, silence)
{
	progress_at(1, 2, NULL);
	progress_allow(false);
	progress_begin("nothing");
	for (unsigned i = 0; i < 1000; i++)
		progress_count("files");
	progress_clear();
	progress_end();
}
