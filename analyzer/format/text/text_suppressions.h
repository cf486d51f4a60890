/*
 * text_suppressions.h: what the text report says of suppressions: which were used, which were not, and which could be.
 */
#ifndef SOCKSAN_TEXT_SUPPRESSIONS_H
#define SOCKSAN_TEXT_SUPPRESSIONS_H

#include "analyzer/format/text/text_page.h"
#include "analyzer/report/render.h"

/* Which rules were used how often, and those that were not. Nothing where there are none. */
void text_suppressions_show(const struct text_page *page, const struct report *report);

/* A rule for each group of incidents, ready to be copied into a file, under a comment that names the place. */
void text_suppressions_propose(const struct text_page *page, const struct report *report);

#endif
