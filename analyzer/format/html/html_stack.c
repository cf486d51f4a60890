/*
 * html_stack.c: see html_stack.h.
 */
#include "analyzer/format/html/html_stack.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/text.h"
#include "analyzer/format/html/html.h"
#include "analyzer/symbols/frames.h"

#define MAX_FRAMES 40
#define CONTEXT_LINES 3 /* before and after the line itself */
#define MAX_LINE_BYTES 400
#define SOURCES_OF_MAIN 3 /* frames of the main stack that are shown with source */

static bool is_place(const struct frame *frame)
{
	return *frame->file && frame->line > 0;
}

static void put_name(const struct html_page *page, const struct frame *frame)
{
	const char *module = *frame->module ? text_basename(frame->module) : "unknown code";

	fputs("<code class=\"function\">", page->stream);
	if (*frame->function)
		html_text(page->stream, frame->function);
	else
		html_format(page->stream, "%s+%#" PRIx64, module, frame->offset);
	fputs("</code>", page->stream);
	if (frame->inlined)
		fputs(" <small>inlined</small>", page->stream);
	if (frame->language == LANGUAGE_JIT)
		fputs(" <small>compiled at run time</small>", page->stream);
}

static void put_place(const struct html_page *page, const struct frame *frame)
{
	bool inside;
	char *path;

	if (is_place(frame)) {
		path = sources_path(page->sources, frame->file, &inside);
		fputs(" <span class=\"place\">", page->stream);
		html_format(page->stream, "%s:%d", path, frame->line);
		fputs("</span>", page->stream);
		free(path);
	} else if (*frame->function && *frame->module) {
		fputs(" <span class=\"place\">in ", page->stream);
		html_text(page->stream, text_basename(frame->module));
		fputs("</span>", page->stream);
	}
}

static void put_line(const struct html_page *page, const struct source_file *file, size_t number, bool is_it)
{
	size_t length;
	const char *line = source_line(file, number, &length);

	if (!line)
		return;
	fprintf(page->stream, "<span class=\"line%s\"><span class=\"n\">%zu</span><span>", is_it ? " it" : "", number);
	html_code(page->stream, line, length < MAX_LINE_BYTES ? length : MAX_LINE_BYTES);
	fputs("\n</span></span>", page->stream);
}

/* The line and a few around it. Returns false where the source is not at hand. */
static bool put_source(const struct html_page *page, const struct frame *frame, uint64_t wall_ns, bool is_open)
{
	const struct source_file *file = is_place(frame) ? sources_open(page->sources, frame->file) : NULL;
	size_t line = (size_t)frame->line;

	if (!file || line > file->line_count)
		return false;
	if (!is_open)
		fputs("<details><summary>source</summary>", page->stream);
	if (wall_ns && file->changed_wall_ns > (int64_t)wall_ns)
		fputs("<p class=\"caution\">This file has changed since the run: the lines may be others.</p>",
			page->stream);
	fputs("<pre class=\"source\" tabindex=\"0\">", page->stream);
	for (size_t i = line > CONTEXT_LINES ? line - CONTEXT_LINES : 1; i <= line + CONTEXT_LINES; i++)
		put_line(page, file, i, i == line);
	fputs("</pre>", page->stream);
	if (!is_open)
		fputs("</details>", page->stream);
	return true;
}

void html_stack(
	const struct html_page *page, const char *title, const struct stack *stack, uint64_t wall_ns, bool is_main)
{
	size_t count = frames_count(stack);
	const struct frame *place = frames_place(stack);
	bool has_python = frames_has_python(stack);
	unsigned sources = 0;
	size_t shown = 0;

	if (!count)
		return;
	fprintf(page->stream, "<section class=\"stack%s\"><h4>", is_main ? " main" : "");
	html_text(page->stream, title);
	fputs("</h4><ol>\n", page->stream);
	for (size_t i = 0; i < count && shown < MAX_FRAMES; i++) {
		const struct frame *frame = &stack->frames[i];

		if (has_python && frames_is_interpreter(frame))
			continue;
		shown++;
		fprintf(page->stream, "<li class=\"%s\">", frame->system ? "system" : "own");
		put_name(page, frame);
		put_place(page, frame);
		if (!frame->system && sources < (is_main ? SOURCES_OF_MAIN : 1))
			sources += put_source(page, frame, wall_ns, is_main && frame == place);
		fputs("</li>\n", page->stream);
	}
	fputs("</ol></section>\n", page->stream);
}
