/*
 * message.c: see message.h.
 */
#include "analyzer/report/message.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/escape.h"
#include "analyzer/base/text.h"
#include "analyzer/symbols/frames.h"
#include "analyzer/wording/wording.h"

char *message_frame(const struct frame *frame, const struct sources *sources)
{
	const char *module = *frame->module ? text_basename(frame->module) : "unknown code";
	bool inside;
	char *path = NULL;
	char *words;

	if (*frame->file && frame->line > 0) {
		path = sources_path(sources, frame->file, &inside);
		words = text_format("%s (%s:%d)", *frame->function ? frame->function : module, path, frame->line);
	} else if (*frame->function) {
		words = text_format("%s (in %s)", frame->function, module);
	} else {
		words = text_format("%s+%#" PRIx64, module, frame->offset);
	}
	free(path);
	return words;
}

static void put_line(FILE *stream, const char *prefix, const char *line)
{
	fprintf(stream, "\n%s", prefix);
	escape_write(stream, line, strlen(line));
}

const struct frame *message_place(const struct view *view)
{
	const struct frame *place = frames_place(&view->write);

	if (!place)
		place = frames_place(&view->told);
	return place ? place : frames_place(&view->opened);
}

static void put_frame(FILE *stream, const char *before, const struct frame *frame, const struct sources *sources)
{
	char *words = message_frame(frame, sources);

	fputs(before, stream);
	escape_write(stream, words, strlen(words));
	free(words);
}

/* The place and the next frame that is the program's own and has a name. */
static void put_place(FILE *stream, const struct view *view, const struct sources *sources)
{
	const struct frame *place = frames_place(&view->write);
	const struct frame *opened = frames_place(&view->opened);
	const struct frame *end;
	char call[17] = "";

	if (!place && opened)
		put_frame(stream, "\nthe connection was opened in ", opened, sources);
	if (!place)
		return;
	memcpy(call, view->story.record.call, 16);
	put_line(stream, "", call);
	put_frame(stream, " in ", place, sources);
	end = view->write.frames + frames_count(&view->write);
	for (const struct frame *frame = place + 1; frame < end; frame++) {
		if (frame->system || !*frame->function)
			continue;
		put_frame(stream, ", called by ", frame, sources);
		break;
	}
}

static void put_others(FILE *stream, const struct group *group)
{
	char number[TEXT_NUMBER_BYTES];

	if (group && group->count > 1)
		fprintf(stream, "\nand %s more like it", text_number(number, group->count - 1));
}

char *message_make(const struct view *view, const struct group *group, const struct sources *sources)
{
	char *evidence[WORDING_EVIDENCE];
	size_t count = wording_evidence(&view->story, evidence);
	char *outcome = wording_outcome(&view->story);
	struct text_buffer buffer;
	FILE *stream = text_open(&buffer);

	escape_write(stream, view->title, strlen(view->title));
	put_line(stream, "outcome: ", outcome);
	for (size_t i = 0; i < count; i++) {
		put_line(stream, i ? "" : "evidence: ", evidence[i]);
		free(evidence[i]);
	}
	put_place(stream, view, sources);
	put_others(stream, group);
	free(outcome);
	return text_close(&buffer);
}
