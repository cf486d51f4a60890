/*
 * html_timeline.h: the moments of an incident as a picture and as a list.
 */
#ifndef SOCKSAN_HTML_TIMELINE_H
#define SOCKSAN_HTML_TIMELINE_H

#include "analyzer/format/html/html_page.h"

/* Both ends as lanes, time going down, an arrow for what passed between them; below it the same as a table. */
void html_timeline(const struct html_page *page, const struct view *view);

#endif
