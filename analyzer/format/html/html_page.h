/*
 * html_page.h: what the parts of the HTML report share while it is written.
 */
#ifndef SOCKSAN_HTML_PAGE_H
#define SOCKSAN_HTML_PAGE_H

#include "analyzer/report/render.h"
#include "analyzer/symbols/source.h"

#define HTML_MAX_PLACES 500 /* groups of incidents that are shown; the others are counted */
#define HTML_WORST 10 /* of them that are listed on top */

struct html_page {
	FILE *stream;
	const struct report *report;
	struct sources *sources;
	size_t places; /* groups that are shown: #incident-1 to #incident-N */
	/* Of the first incident of each place that is shown twice; `incident` is NULL where it could not be read. */
	struct view worst[HTML_WORST];
	size_t worst_count;
};

#endif
