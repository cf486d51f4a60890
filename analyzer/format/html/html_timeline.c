/*
 * html_timeline.c: see html_timeline.h.
 *
 * The picture is drawn here, not in the browser, so that it is there without a script. A moment has a row of its own:
 * on a scale of time, 2 us beside 2 s could not be told apart.
 */
#include "analyzer/format/html/html_timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/text.h"
#include "analyzer/format/html/html.h"
#include "analyzer/format/html/timeline.h"
#include "analyzer/wording/names.h"

#define WIDTH 650
#define TIME_X 70 /* where times end */
#define OWN_X 300 /* the lanes */
#define PEER_X 420
#define TOP 58
#define ROW 26
#define LABEL_CHARACTERS 29

struct picture {
	FILE *stream;
	const struct view *view;
	const struct timeline *timeline;
	size_t peer_end; /* row in which the peer ended its side; SIZE_MAX where that is not known */
};

static const char *const classes[] = {
	[MOMENT_OPENED] = "opened",
	[MOMENT_RECEIVED] = "call",
	[MOMENT_SENT] = "call",
	[MOMENT_CALL] = "call",
	[MOMENT_END_SEEN] = "end",
	[MOMENT_RESET_SEEN] = "end",
	[MOMENT_TOLD] = "told",
	[MOMENT_SHUTDOWN] = "closed",
	[MOMENT_CLOSED] = "closed",
	[MOMENT_TAKEN] = "taken",
	[MOMENT_INCIDENT] = "incident",
};

static unsigned row_y(size_t row)
{
	return TOP + ROW / 2 + ROW * (unsigned)row;
}

static size_t find_row(const struct timeline *timeline, enum moment_type type, bool at_peer)
{
	for (size_t i = 0; i < timeline->count; i++)
		if (timeline->moments[i].type == type && timeline->moments[i].at_peer == at_peer)
			return i;
	return SIZE_MAX;
}

/* "-2.4 ms", "now", "+3 us": relative to the write. */
static void put_time(FILE *stream, uint64_t t_ns, uint64_t now)
{
	char time[TEXT_NUMBER_BYTES];

	if (t_ns == now)
		fputs("now", stream);
	else
		html_format(stream, "%s%s", t_ns < now ? "\xe2\x88\x92" : "+",
			text_duration(time, t_ns < now ? now - t_ns : t_ns - now));
}

/* A label that fits its side of the lanes; the whole of it where the pointer rests. */
static void put_label(FILE *stream, unsigned x, unsigned y, bool before, const char *class, const char *words)
{
	size_t columns = text_columns(words);
	const char *end = words;

	fprintf(stream, "<text class=\"%s\" x=\"%u\" y=\"%u\"%s>", class, x, y, before ? " text-anchor=\"end\"" : "");
	if (columns <= LABEL_CHARACTERS) {
		html_text(stream, words);
	} else {
		for (size_t i = 0; i < LABEL_CHARACTERS - 1; i++)
			for (end++; ((unsigned char)*end & 0xc0) == 0x80; end++)
				;
		html_bytes(stream, words, (size_t)(end - words));
		fputs("\xe2\x80\xa6<title>", stream);
		html_text(stream, words);
		fputs("</title>", stream);
	}
	fputs("</text>", stream);
}

static void put_arrow_head(FILE *stream, int x, int y, bool to_right)
{
	fprintf(stream, "<path class=\"head\" d=\"M%d %dl%d -4v8z\"/>", x, y, to_right ? -8 : 8);
}

/* From one lane to the other, or as far as it came. */
static void put_arrow(FILE *stream, const char *class, bool to_right, unsigned from_y, unsigned to_y, unsigned percent)
{
	int begin = to_right ? OWN_X + 9 : PEER_X - 9;
	int whole = to_right ? PEER_X - 9 - begin : OWN_X + 9 - begin;
	int end = begin + whole * (int)percent / 100;

	fprintf(stream, "<g class=\"arrow %s\"><line x1=\"%d\" y1=\"%u\" x2=\"%d\" y2=\"%u\"/>", class, begin, from_y,
		end, to_y);
	if (percent == 100)
		put_arrow_head(stream, end, (int)to_y, to_right);
	else
		fprintf(stream, "<path class=\"cross\" d=\"M%d %ul10 10m0 -10l-10 10\"/>", end - 5, to_y - 5);
	fputs("</g>", stream);
}

/* The peer's end as it came here: from where the peer made it, if that is known and `is_close` says so. */
static void put_end(const struct picture *picture, size_t row, const char *class, const char *words, bool is_close)
{
	unsigned to_y = row_y(row);
	unsigned from_y = is_close && picture->peer_end < row ? row_y(picture->peer_end) : to_y;

	put_arrow(picture->stream, class, false, from_y, to_y, 100);
	fprintf(picture->stream, "<text class=\"%s\" x=\"%d\" y=\"%u\" text-anchor=\"middle\">%s</text>", class,
		(OWN_X + PEER_X) / 2, (from_y + to_y) / 2 - 5, words);
}

/* Ends of a connection that no peer sent. */
static bool came_from_nobody(int error)
{
	return error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH || error == ENETDOWN;
}

/* What passed between the lanes at this moment. */
static void put_passage(const struct picture *picture, size_t row)
{
	const struct moment *moment = &picture->timeline->moments[row];
	const struct trace_incident *record = &picture->view->story.record;
	bool is_tcp = picture->view->story.has_socket && picture->view->story.socket.record.protocol == TRACE_TCP;
	bool is_close = trace_kind_is(record->kind, KIND_IS_CLOSE);
	unsigned y = row_y(row);

	if (moment->at_peer)
		return;
	switch (moment->type) {
	case MOMENT_SENT:
		if (moment->carried)
			put_arrow(picture->stream, "data", true, y, y, 100);
		break;
	case MOMENT_RECEIVED:
	case MOMENT_TOLD:
		if (moment->carried)
			put_arrow(picture->stream, "data", false, y, y, 100);
		break;
	case MOMENT_END_SEEN: put_end(picture, row, "fin", is_tcp ? "FIN" : "end", true); break;
	case MOMENT_RESET_SEEN:
		/* After a FIN it is the answer to what was written since, and not the peer's close that shows. */
		if (!came_from_nobody(record->error))
			put_end(picture, row, "rst", is_tcp ? "RST" : "reset",
				find_row(picture->timeline, MOMENT_END_SEEN, false) == SIZE_MAX);
		break;
	case MOMENT_INCIDENT:
		if (!is_close)
			put_arrow(picture->stream, record->outcome == TRACE_UNCONFIRMED ? "bad unsure" : "bad", true, y,
				y,
				record->outcome == TRACE_REJECTED ? 25
				: record->outcome == TRACE_LOST   ? 75
								  : 100);
		break;
	default: break;
	}
}

static void put_mark(const struct picture *picture, size_t row)
{
	const struct moment *moment = &picture->timeline->moments[row];
	const char *class = classes[moment->type];
	unsigned x = moment->at_peer ? PEER_X : OWN_X;
	unsigned y = row_y(row);

	switch (moment->type) {
	case MOMENT_INCIDENT:
		fprintf(picture->stream, "<path class=\"mark incident\" d=\"M%u %ul8 8l-8 8l-8 -8z\"/>", x, y - 8);
		break;
	case MOMENT_CLOSED:
	case MOMENT_SHUTDOWN:
		fprintf(picture->stream, "<rect class=\"mark %s\" x=\"%u\" y=\"%u\" width=\"10\" height=\"10\"/>",
			class, x - 5, y - 5);
		break;
	default:
		fprintf(picture->stream, "<circle class=\"mark %s\" cx=\"%u\" cy=\"%u\" r=\"%d\"/>", class, x, y,
			moment->type == MOMENT_TOLD ? 6 : 4);
	}
}

static void put_row(const struct picture *picture, size_t row)
{
	const struct moment *moment = &picture->timeline->moments[row];
	FILE *stream = picture->stream;
	unsigned y = row_y(row);

	fprintf(stream, "<g class=\"row%s\">", moment->type == MOMENT_INCIDENT ? " now" : "");
	if (moment->type == MOMENT_INCIDENT)
		fprintf(stream, "<rect class=\"band\" x=\"0\" y=\"%u\" width=\"%d\" height=\"%d\"/>", y - ROW / 2,
			WIDTH, ROW);
	fprintf(stream, "<text class=\"time\" x=\"%d\" y=\"%u\" text-anchor=\"end\">", TIME_X, y + 4);
	put_time(stream, moment->t_ns, picture->view->story.record.first_ns);
	fputs("</text>", stream);
	put_passage(picture, row);
	put_mark(picture, row);
	put_label(stream, moment->at_peer ? PEER_X + 14 : OWN_X - 14, y + 4, !moment->at_peer, classes[moment->type],
		moment->words);
	fputs("</g>\n", stream);
}

/* A lane: faint throughout, solid while the socket was open, dashed after its other end had closed. */
static void put_lane(const struct picture *picture, bool is_peer, bool is_known)
{
	size_t opened = find_row(picture->timeline, MOMENT_OPENED, is_peer);
	size_t closed = find_row(picture->timeline, MOMENT_CLOSED, is_peer);
	unsigned x = is_peer ? PEER_X : OWN_X;
	unsigned bottom = TOP + ROW * (unsigned)picture->timeline->count;
	unsigned begin = opened == SIZE_MAX ? TOP : row_y(opened);
	unsigned end = closed == SIZE_MAX ? bottom : row_y(closed);

	/* Nobody saw when a process was killed, but its end was seen here. */
	if (closed == SIZE_MAX && is_known && is_peer && picture->view->story.peer.process->end == PROCESS_KILLED) {
		closed = find_row(picture->timeline, MOMENT_END_SEEN, false);
		if (closed == SIZE_MAX)
			closed = find_row(picture->timeline, MOMENT_RESET_SEEN, false);
		end = closed == SIZE_MAX ? bottom : row_y(closed);
	}
	fprintf(picture->stream, "<line class=\"lane\" x1=\"%u\" y1=\"%d\" x2=\"%u\" y2=\"%u\"/>", x, TOP, x, bottom);
	if (is_known && end > begin)
		fprintf(picture->stream, "<line class=\"lane live\" x1=\"%u\" y1=\"%u\" x2=\"%u\" y2=\"%u\"/>", x,
			begin, x, end);
}

static char *end_name(const struct connection *connection)
{
	char *program = names_program(connection->process);
	char *name = text_format("%s (pid %d)", program, connection->process->pid);

	free(program);
	return name;
}

/* Whose lanes these are, above them. */
static void put_heads(const struct picture *picture)
{
	const struct story *story = &picture->view->story;
	FILE *stream = picture->stream;
	char *own = names_program(story->process);
	char *name = text_format("%s (pid %d)", own, story->process->pid);
	char *local = story->has_socket ? names_endpoint(&story->socket.local) : text_copy("");
	char *peer = story->has_socket ? names_endpoint(&story->socket.peer) : text_copy("");

	put_label(stream, OWN_X + 8, 20, true, "head", name);
	put_label(stream, OWN_X + 8, 38, true, "address", local);
	free(name);
	name = story->has_peer ? end_name(&story->peer) : text_copy("the peer (not audited)");
	put_label(stream, PEER_X - 8, 20, false, "head", name);
	put_label(stream, PEER_X - 8, 38, false, "address", peer);
	free(name);
	free(own);
	free(local);
	free(peer);
}

static void put_picture(struct picture *picture, const char *id)
{
	FILE *stream = picture->stream;
	unsigned height = TOP + ROW * (unsigned)picture->timeline->count + 8;
	size_t shut = find_row(picture->timeline, MOMENT_SHUTDOWN, true);

	picture->peer_end = shut != SIZE_MAX ? shut : find_row(picture->timeline, MOMENT_CLOSED, true);
	fputs("<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Timeline\">", stream);
	fprintf(stream,
		"<svg class=\"timeline\" role=\"img\" viewBox=\"0 0 %d %u\" width=\"%d\" height=\"%u\" "
		"aria-label=\"Timeline of ",
		WIDTH, height, WIDTH, height);
	html_text(stream, id);
	fputs(": the same as the list below it\">\n", stream);
	put_heads(picture);
	put_lane(picture, false, true);
	put_lane(picture, true, picture->view->story.has_peer);
	fputc('\n', stream);
	for (size_t i = 0; i < picture->timeline->count; i++)
		put_row(picture, i);
	fputs("</svg></div>\n", stream);
}

static void put_list(const struct html_page *page, const struct view *view, const struct timeline *timeline)
{
	FILE *stream = page->stream;

	fputs("<details class=\"moments\"><summary>The same as a list, with the code that made the calls</summary>"
	      "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Moments\"><table>"
	      "<thead><tr><th scope=\"col\">When</th><th scope=\"col\">At</th><th scope=\"col\">What</th>"
	      "<th scope=\"col\">Made by</th></tr></thead><tbody>\n",
		stream);
	for (size_t i = 0; i < timeline->count; i++) {
		const struct moment *moment = &timeline->moments[i];

		fprintf(stream, "<tr%s><td class=\"number\">", moment->type == MOMENT_INCIDENT ? " class=\"now\"" : "");
		put_time(stream, moment->t_ns, view->story.record.first_ns);
		fprintf(stream, "</td><td>%s</td><td><code>", moment->at_peer ? "the peer" : "this end");
		html_text(stream, moment->words);
		fputs("</code></td><td><code>", stream);
		html_text(stream, moment->by ? moment->by : "");
		fputs("</code></td></tr>\n", stream);
	}
	fputs("</tbody></table></div></details>\n", stream);
}

void html_timeline(const struct html_page *page, const struct view *view)
{
	struct timeline timeline;
	struct picture picture = {.stream = page->stream, .view = view, .timeline = &timeline};

	timeline_make(&timeline, view, page->sources);
	put_picture(&picture, view->story.id);
	put_list(page, view, &timeline);
	timeline_free(&timeline);
}
