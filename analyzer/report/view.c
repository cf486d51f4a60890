/*
 * view.c: one incident, ready to be shown. See render.h.
 */
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/limits.h"
#include "analyzer/base/progress.h"
#include "analyzer/report/render.h"
#include "analyzer/wording/wording.h"

/* Frames of a stack that are shown where many incidents have long ones. */
#define FEW_FRAMES 3

static uint64_t cost_of(const struct stack *stack)
{
	uint64_t cost = 0;

	for (size_t i = 0; i < stack->count; i++)
		cost += sizeof(struct frame) + strlen(stack->frames[i].function) + strlen(stack->frames[i].file) +
			strlen(stack->frames[i].module);
	return cost;
}

/*
 * Looks up a stack. A trace can refer to one long stack from every incident, so what all of them show is bounded:
 * beyond that only the first frames are looked at.
 */
static void load_stack(
	struct symbolizer *symbolizer, const struct address_space *space, struct raw_stack *raw, struct stack *stack)
{
	if (!limits_left(LIMIT_STACKS)) {
		raw->count = raw->count < FEW_FRAMES ? raw->count : FEW_FRAMES;
		if (raw->python.length > FEW_FRAMES * 256)
			raw->python.length = FEW_FRAMES * 256;
	}
	symbolize_stack(symbolizer, space, raw, stack);
	limits_charge(LIMIT_STACKS, cost_of(stack));
	if (!limits_left(LIMIT_STACKS) && stack->count > FEW_FRAMES)
		stack->count = FEW_FRAMES;
}

bool view_load(const struct report *report, const struct incident *incident, struct view *view)
{
	struct symbolizer *symbolizer = report->symbolizer;
	const struct address_space *space;
	struct story *story = &view->story;

	progress_count("incidents");
	*view = (struct view){.incident = incident, .kind = kinds_get(incident->kind)};
	if (!lifecycle_load(report->lifecycle, incident, story))
		return false;
	view->title = wording_title(story);
	space = lifecycle_space(report->lifecycle, incident->trace);
	limits_charge(LIMIT_STACKS, story->note.length + story->label.length);
	load_stack(symbolizer, space, &story->write, &view->write);
	load_stack(symbolizer, space, &story->told, &view->told);
	load_stack(symbolizer, space, &story->closed, &view->closed);
	load_stack(symbolizer, space, &story->opened, &view->opened);
	load_stack(symbolizer, space, &story->new_owner, &view->new_owner);
	if (story->has_peer)
		load_stack(symbolizer, lifecycle_space(report->lifecycle, story->peer.trace), &story->peer_closed,
			&view->peer_closed);
	return true;
}

void view_free(struct view *view)
{
	symbolize_free(&view->write);
	symbolize_free(&view->told);
	symbolize_free(&view->closed);
	symbolize_free(&view->opened);
	symbolize_free(&view->new_owner);
	symbolize_free(&view->peer_closed);
	lifecycle_story_free(&view->story);
	free(view->title);
}
