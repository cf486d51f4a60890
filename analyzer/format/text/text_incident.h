/*
 * text_incident.h: one incident as labelled paragraphs, at most a screen of them. The text report is made of these, and
 * other formats whose readers see plain text alone show them too.
 */
#ifndef SOCKSAN_TEXT_INCIDENT_H
#define SOCKSAN_TEXT_INCIDENT_H

#include "analyzer/format/text/text_page.h"
#include "analyzer/report/render.h"

/* Program, connection, evidence, outcome, stacks, last operations and usual cause; not the title. */
void text_incident_show(const struct text_page *page, const struct view *view);

/* One line on how often the same happened elsewhere; nothing for a group of one. */
void text_incident_others(const struct text_page *page, const struct report *report, const struct group *group);

#endif
