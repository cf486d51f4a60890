/*
 * fuzz_findings.c: any bytes as an earlier report, in JSON or JSON Lines, that a baseline or `socksan diff` reads.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/report/findings.h"
#include "tests/fuzz/input.h"

static volatile size_t sum;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct findings *findings = findings_new();
	const char *path = input_file("report.json", data, size);
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	struct finding **list;
	size_t count;

	/* Without the look at the first byte, which sends everything but JSON to the reader of traces. */
	findings_parse(findings, path, descriptor);
	close(descriptor);
	list = findings_list(findings, &count);
	for (size_t i = 0; i < count; i++) {
		sum += strlen(list[i]->kind) + strlen(list[i]->title) + strlen(list[i]->place);
		sum += findings_cover(findings, list[i]->fingerprint, SEVERITY_ERROR);
	}
	free(list);
	findings_free(findings);
	return 0;
}
