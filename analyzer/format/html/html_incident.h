/*
 * html_incident.h: one place where incidents happened, as an article of the HTML report.
 */
#ifndef SOCKSAN_HTML_INCIDENT_H
#define SOCKSAN_HTML_INCIDENT_H

#include "analyzer/format/html/html_page.h"

/*
 * The article of group `number`: id "incident-NUMBER", counted from 1. Nothing where its incident cannot be read any
 * more.
 */
void html_incident(const struct html_page *page, size_t number);

/* One row of the list of the worst, page->worst: severity, title with a link to the article, place, how often. */
void html_incident_row(const struct html_page *page, size_t number);

#endif
