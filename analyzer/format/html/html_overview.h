/*
 * html_overview.h: the whole run as a picture: connections as bars over time, with the incidents on them.
 */
#ifndef SOCKSAN_HTML_OVERVIEW_H
#define SOCKSAN_HTML_OVERVIEW_H

#include "analyzer/format/html/html_page.h"

void html_overview(const struct html_page *page);

#endif
