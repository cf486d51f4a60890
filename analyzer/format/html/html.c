/*
 * html.c: see html.h.
 */
#include "analyzer/format/html/html.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/escape.h"
#include "analyzer/base/text.h"

static void put_references(FILE *stream, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		switch (bytes[i]) {
		case '&': fputs("&amp;", stream); break;
		case '<': fputs("&lt;", stream); break;
		case '>': fputs("&gt;", stream); break;
		case '"': fputs("&quot;", stream); break;
		case '\'': fputs("&#39;", stream); break;
		default: fputc(bytes[i], stream);
		}
	}
}

void html_bytes(FILE *stream, const char *bytes, size_t length)
{
	char *safe = escape_copy(length ? bytes : "", length);

	put_references(stream, safe, strlen(safe));
	free(safe);
}

void html_text(FILE *stream, const char *string)
{
	html_bytes(stream, string, strlen(string));
}

void html_owned(FILE *stream, char *string)
{
	html_text(stream, string);
	free(string);
}

void html_format(FILE *stream, const char *format, ...)
{
	va_list arguments;
	char *string;

	va_start(arguments, format);
	string = text_format_list(format, arguments);
	va_end(arguments);
	html_owned(stream, string);
}

void html_code(FILE *stream, const char *bytes, size_t length)
{
	size_t size;

	for (size_t i = 0; i < length; i += size) {
		uint32_t character;

		size = escape_decode(bytes + i, length - i, &character);
		if (size && (character == '\t' || !escape_is_deceptive(character))) {
			put_references(stream, bytes + i, size);
			continue;
		}
		fputs("<span class=\"odd\">", stream);
		html_bytes(stream, bytes + i, size ? size : 1);
		fputs("</span>", stream);
		size = size ? size : 1;
	}
}
