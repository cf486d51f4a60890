/*
 * text_page.h: the layout of the text report: labelled paragraphs of 80 columns, with colour on a terminal.
 *
 * Everything that is printed through this is escaped.
 */
#ifndef SOCKSAN_TEXT_PAGE_H
#define SOCKSAN_TEXT_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "analyzer/symbols/source.h"
#include "analyzer/trace/model.h"

#define PAGE_COLUMNS 80
#define PAGE_INDENT 15 /* where what follows a label begins */

struct text_page {
	FILE *stream;
	bool color;
	const struct sources *sources; /* how source files are named; NULL: as the debugging information does */
};

/* "  label        text ...", broken into lines that begin below the text. An empty label continues the one before. */
void text_page_field(const struct text_page *page, const char *label, const char *text);

/* The same for bytes of any kind, which may break the line anywhere; NULs are shown, too. */
void text_page_bytes(const struct text_page *page, const char *label, const char *bytes, size_t length);

/* A whole line, broken into lines of 80 columns where it is longer; the others begin `indent` columns in. */
void text_page_line(const struct text_page *page, unsigned indent, const char *text);

/* The word for a severity in capitals, in its colour. */
void text_page_severity(const struct text_page *page, enum severity severity);

/* Text in bold, at the start of a line and broken as text_page_line does. */
void text_page_title(const struct text_page *page, const char *text);

/*
 * A label, the call `what`, and up to `limit` frames of the stack that made it, one to a line: "write in reply
 * (server.c:42)". That there are more is shown by dots or, unless `brief`, by their number. The C library's start-up
 * code, and an interpreter's own frames where it named its program's, are left out.
 */
void text_page_stack(const struct text_page *page, const char *label, const char *what, const struct stack *stack,
	size_t limit, bool brief);

#endif
