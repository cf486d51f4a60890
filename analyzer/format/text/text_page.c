/*
 * text_page.c: see text_page.h.
 */
#include "analyzer/format/text/text_page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/escape.h"
#include "analyzer/base/text.h"
#include "analyzer/symbols/frames.h"
#include "analyzer/symbols/symbolize.h"

#define RESET "\033[0m"
#define BOLD "\033[1m"

static void fill_bytes(const struct text_page *page, struct text_layout layout, const char *bytes, size_t length)
{
	char *safe = escape_copy(bytes, length);

	text_fill(page->stream, layout, safe);
	free(safe);
}

static void fill(const struct text_page *page, struct text_layout layout, const char *text)
{
	fill_bytes(page, layout, text, strlen(text));
}

void text_page_field(const struct text_page *page, const char *label, const char *text)
{
	fprintf(page->stream, "  %-*s", PAGE_INDENT - 2, label);
	fill(page, (struct text_layout){.indent = PAGE_INDENT, .width = PAGE_COLUMNS, .column = PAGE_INDENT}, text);
}

void text_page_bytes(const struct text_page *page, const char *label, const char *bytes, size_t length)
{
	const struct text_layout layout = {.indent = PAGE_INDENT, .width = PAGE_COLUMNS, .column = PAGE_INDENT};

	fprintf(page->stream, "  %-*s", PAGE_INDENT - 2, label);
	fill_bytes(page, layout, bytes, length);
}

void text_page_line(const struct text_page *page, unsigned indent, const char *text)
{
	fill(page, (struct text_layout){.indent = indent, .width = PAGE_COLUMNS}, text);
}

void text_page_severity(const struct text_page *page, enum severity severity)
{
	static const struct {
		const char *word;
		const char *color;
	} words[] = {
		[SEVERITY_NOTE] = {"NOTE", "\033[36m"},
		[SEVERITY_WARNING] = {"WARNING", "\033[33m"},
		[SEVERITY_ERROR] = {"ERROR", "\033[31m"},
	};

	fprintf(page->stream, "%s%s%s%s", page->color ? BOLD : "", page->color ? words[severity].color : "",
		words[severity].word, page->color ? RESET : "");
}

void text_page_title(const struct text_page *page, const char *text)
{
	fputs(page->color ? "  " BOLD : "  ", page->stream);
	fill(page, (struct text_layout){.indent = 2, .width = PAGE_COLUMNS, .column = 2}, text);
	fputs(page->color ? RESET : "", page->stream);
}

static char *escape_and_free(char *string)
{
	char *safe = escape_copy(string, strlen(string));

	free(string);
	return safe;
}

/* A frame's function or, where that is not known, its place in its module; escaped. The caller frees it. */
static char *frame_name(const struct frame *frame)
{
	const char *module = *frame->module ? text_basename(frame->module) : "unknown code";

	if (*frame->function)
		return escape_copy(frame->function, strlen(frame->function));
	return escape_and_free(text_format("%s+%#" PRIx64, module, frame->offset));
}

/*
 * " (src/server.c:42)" in at most `room` columns where that can be: outer directories give way to dots, the file's name
 * never. The caller frees it.
 */
static char *source_place(const struct text_page *page, const struct frame *frame, size_t room)
{
	bool inside;
	char *path = page->sources ? sources_path(page->sources, frame->file, &inside) : text_copy(frame->file);
	const char *shown = path;
	char *place = escape_and_free(text_format(" (%s:%d)", path, frame->line));

	while (text_columns(place) > room && strchr(shown + 1, '/')) {
		shown = strchr(shown + 1, '/');
		free(place);
		place = escape_and_free(text_format(" (...%s:%d)", shown, frame->line));
	}
	if (text_columns(place) > room && shown != path) {
		free(place);
		place = escape_and_free(text_format(" (%s:%d)", shown + 1, frame->line));
	}
	free(path);
	return place;
}

/* Where a frame is, after its name; escaped. The caller frees it. */
static char *frame_place(const struct text_page *page, const struct frame *frame, size_t room)
{
	if (*frame->file && frame->line > 0)
		return source_place(page, frame, room);
	if (frame->language == LANGUAGE_JIT)
		return text_copy(" (compiled at run time)");
	if (!*frame->function)
		return text_copy("");
	return escape_and_free(text_format(" (in %s)", *frame->module ? text_basename(frame->module) : "unknown code"));
}

/* Shortens UTF-8 text to `columns`, the last three of them dots. */
static void shorten(char *string, size_t columns)
{
	size_t seen = 0;
	char *at = string;

	if (text_columns(string) <= columns)
		return;
	for (; *at && seen + 3 < columns; seen++)
		do
			at++;
		while (((unsigned char)*at & 0xc0) == 0x80);
	strcpy(at, "...");
}

/* Writes a frame into `room` columns: first the path of its file gives way, then a long function's name. */
static void print_frame(const struct text_page *page, const struct frame *frame, size_t room)
{
	char *name = frame_name(frame);
	size_t columns = text_columns(name);
	char *place = frame_place(page, frame, columns < room ? room - columns : 0);
	size_t taken = text_columns(place);

	shorten(name, taken + 20 < room ? room - taken : 20);
	fprintf(page->stream, "%s%s", name, place);
	free(name);
	free(place);
}

/* The label and the call; returns the columns that are left on the line for the first frame. */
static size_t print_call(const struct text_page *page, const char *label, const char *what)
{
	size_t room = PAGE_COLUMNS - PAGE_INDENT;
	char *safe = escape_copy(what, strlen(what));
	size_t columns = text_columns(safe) + strlen(" in ");
	char *line;

	if (!*safe) {
		fprintf(page->stream, "  %-*s", PAGE_INDENT - 2, label);
	} else if (columns + 40 <= room) {
		fprintf(page->stream, "  %-*s%s in ", PAGE_INDENT - 2, label, safe);
		room -= columns;
	} else {
		line = text_format("%s in", what);
		text_page_field(page, label, line);
		fprintf(page->stream, "%*s", PAGE_INDENT, "");
		free(line);
	}
	free(safe);
	return room;
}

void text_page_stack(const struct text_page *page, const char *label, const char *what, const struct stack *stack,
	size_t limit, bool brief)
{
	size_t count = frames_count(stack);
	bool has_python = frames_has_python(stack);
	size_t printed = 0;
	size_t left = 0;
	size_t room;

	if (count == 0) {
		text_page_field(page, label, what);
		return;
	}
	room = print_call(page, label, what);
	for (size_t i = 0; i < count; i++) {
		if (has_python && frames_is_interpreter(&stack->frames[i]))
			continue;
		if (printed == limit) {
			left++;
			continue;
		}
		if (printed++) {
			fprintf(page->stream, "\n%*s", PAGE_INDENT, "");
			room = PAGE_COLUMNS - PAGE_INDENT;
		}
		print_frame(page, &stack->frames[i], room - (brief ? 4 : 0));
	}
	if (left && brief)
		fputs(" ...", page->stream);
	else if (left)
		fprintf(page->stream, "\n%*s... and %zu more", PAGE_INDENT, "", left);
	fputc('\n', page->stream);
}
