/*
 * text_page.c: see text_page.h.
 */
#include "analyzer/text_page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/escape.h"
#include "analyzer/symbolize.h"
#include "analyzer/text.h"

#define RESET "\033[0m"
#define BOLD "\033[1m"

static void fill(const struct text_page *page, struct text_layout layout, const char *text)
{
	char *safe = escape_copy(text, strlen(text));

	text_fill(page->stream, layout, safe);
	free(safe);
}

void text_page_field(const struct text_page *page, const char *label, const char *text)
{
	fprintf(page->stream, "  %-*s", PAGE_INDENT - 2, label);
	fill(page, (struct text_layout){.indent = PAGE_INDENT, .width = PAGE_COLUMNS, .column = PAGE_INDENT}, text);
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

static bool begins_with(const char *string, const char *prefix)
{
	return !strncmp(string, prefix, strlen(prefix));
}

/* What calls main, or a thread's first function. */
static bool is_start_code(const struct frame *frame)
{
	static const char *const names[] = {"_start", "start_thread", "clone", "clone3", "__clone", "__clone3"};

	if (frame->language != LANGUAGE_NATIVE)
		return false;
	if (begins_with(frame->function, "__libc_start") || begins_with(text_basename(frame->module), "libc.so") ||
		begins_with(text_basename(frame->module), "ld-linux"))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(frame->function, names[i]))
			return true;
	return false;
}

static size_t without_start_code(const struct stack *stack)
{
	size_t count = stack->count;

	while (count && is_start_code(&stack->frames[count - 1]))
		count--;
	return count ? count : stack->count;
}

static bool is_interpreter(const struct frame *frame)
{
	const char *module = text_basename(frame->module);

	return frame->language == LANGUAGE_NATIVE &&
	       (begins_with(module, "python") || begins_with(module, "libpython"));
}

/* The last two parts of a path, or the last alone: enough to find the file, and short. */
static const char *short_path(const char *path, bool shorter)
{
	const char *last = strrchr(path, '/');
	const char *start = last;

	if (!last || last == path)
		return path;
	if (shorter)
		return last + 1;
	while (start > path && start[-1] != '/')
		start--;
	return begins_with(start, "./") ? last + 1 : start;
}

static char *escape_and_free(char *string)
{
	char *safe = escape_copy(string, strlen(string));

	free(string);
	return safe;
}

/* Both parts of a frame's line, escaped; the caller frees them. */
static void describe(const struct frame *frame, bool shorter, char **name, char **place)
{
	const char *module = *frame->module ? text_basename(frame->module) : "unknown code";

	if (*frame->function)
		*name = escape_copy(frame->function, strlen(frame->function));
	else
		*name = escape_and_free(text_format("%s+%#" PRIx64, module, frame->offset));
	if (*frame->file && frame->line > 0)
		*place = escape_and_free(text_format(" (%s:%d)", short_path(frame->file, shorter), frame->line));
	else if (frame->language == LANGUAGE_JIT)
		*place = text_copy(" (compiled at run time)");
	else
		*place = *frame->function ? escape_and_free(text_format(" (in %s)", module)) : text_copy("");
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

/* Writes a frame into `room` columns, of which a long function's name gives way first. */
static void print_frame(const struct text_page *page, const struct frame *frame, size_t room)
{
	char *name;
	char *place;
	size_t taken;

	describe(frame, false, &name, &place);
	if (text_columns(name) + text_columns(place) > room) {
		free(name);
		free(place);
		describe(frame, true, &name, &place);
	}
	taken = text_columns(place);
	shorten(name, taken + 20 < room ? room - taken : 20);
	fprintf(page->stream, "%s%s", name, place);
	free(name);
	free(place);
}

/* The label and the call; returns the columns that are left on the line for the first frame. */
static size_t print_call(const struct text_page *page, const char *label, const char *what, bool has_frames)
{
	char *safe = escape_copy(what, strlen(what));
	size_t room = PAGE_COLUMNS - PAGE_INDENT;
	size_t columns = text_columns(safe) + 4;

	fprintf(page->stream, "  %-*s%s", PAGE_INDENT - 2, label, safe);
	if (has_frames && columns + 40 <= room) {
		fputs(*safe ? " in " : "", page->stream);
		room -= *safe ? columns : 0;
	} else if (has_frames) {
		fprintf(page->stream, " in\n%*s", PAGE_INDENT, "");
	}
	free(safe);
	return room;
}

void text_page_stack(const struct text_page *page, const char *label, const char *what, const struct stack *stack,
	size_t limit, bool brief)
{
	size_t count = without_start_code(stack);
	bool has_python = false;
	size_t printed = 0;
	size_t left = 0;
	size_t room = print_call(page, label, what, count != 0);

	for (size_t i = 0; i < count; i++)
		has_python |= stack->frames[i].language == LANGUAGE_PYTHON;
	for (size_t i = 0; i < count; i++) {
		if (has_python && is_interpreter(&stack->frames[i]))
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
