/*
 * view.c: one incident, ready to be shown. See render.h.
 */
#include <stdlib.h>

#include "analyzer/progress.h"
#include "analyzer/render.h"
#include "analyzer/wording.h"

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
	symbolize_stack(symbolizer, space, &story->write, &view->write);
	symbolize_stack(symbolizer, space, &story->told, &view->told);
	symbolize_stack(symbolizer, space, &story->closed, &view->closed);
	symbolize_stack(symbolizer, space, &story->opened, &view->opened);
	symbolize_stack(symbolizer, space, &story->new_owner, &view->new_owner);
	if (story->has_peer)
		symbolize_stack(symbolizer, lifecycle_space(report->lifecycle, story->peer.trace), &story->peer_closed,
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
