/*
 * text_coverage.h: what the audit could not see, as the text report tells it.
 */
#ifndef SOCKSAN_TEXT_COVERAGE_H
#define SOCKSAN_TEXT_COVERAGE_H

#include <stdbool.h>

#include "analyzer/format/text/text_page.h"
#include "analyzer/report/render.h"

/* Whether a report without incidents is a clean one: every process was audited and nothing was lost. */
bool text_coverage_is_whole(const struct report *report);

/* Writes a short list of what was not audited, or not wholly; nothing where there is nothing to say. */
void text_coverage_show(const struct text_page *page, const struct report *report);

/*
 * Writes what this report leaves out so as not to take time or memory without bound (limits.h); to be asked at its end.
 */
void text_coverage_limits(const struct text_page *page);

/* What the audit covered: "3 processes, 14 sockets, 1,024 writes". The caller frees it. */
char *text_coverage_audited(const struct report *report);

#endif
