/*
 * html_page.h: what the parts of the HTML report share while it is written.
 */
#ifndef SOCKSAN_HTML_PAGE_H
#define SOCKSAN_HTML_PAGE_H

#include "analyzer/render.h"
#include "analyzer/source.h"

#define HTML_MAX_PLACES 500 /* groups of incidents that are shown; the others are counted */

struct html_page {
	FILE *stream;
	const struct report *report;
	struct sources *sources;
	size_t places; /* groups that are shown: #incident-1 to #incident-N */
};

#endif
