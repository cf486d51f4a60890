/*
 * html.h: text on its way into HTML.
 *
 * Everything that is not markup of ours goes through these, wherever it came from: what means something in HTML is
 * written as a reference, also inside quoted attributes and SVG, and what escape.h calls deceptive becomes visible.
 */
#ifndef SOCKSAN_HTML_H
#define SOCKSAN_HTML_H

#include <stddef.h>
#include <stdio.h>

void html_bytes(FILE *stream, const char *bytes, size_t length);
void html_text(FILE *stream, const char *string);

/* What printf would write. */
void html_format(FILE *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same as html_text, and frees the string. */
void html_owned(FILE *stream, char *string);

/* A line of source: tabs and backslashes stay, and what is odd is marked as such. For element content alone. */
void html_code(FILE *stream, const char *bytes, size_t length);

#endif
