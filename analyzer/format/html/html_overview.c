/*
 * html_overview.c: see html_overview.h.
 *
 * Positions across are per cent, so that the picture fits any width without being scaled. Each process has its lanes; a
 * bar takes the first lane that is free.
 */
#include "analyzer/format/html/html_overview.h"

#include <stdlib.h>

#include "analyzer/base/text.h"
#include "analyzer/format/html/html.h"
#include "analyzer/format/html/html_bars.h"
#include "analyzer/wording/names.h"

#define MAX_DOTS 5 /* on one bar */
#define HEAD 20 /* a process's name */
#define AXIS 24
#define LANE 12
#define NARROW_LANE 5
#define LEAST_PERCENT 0.05 /* the width of a bar; nothing is drawn of one without any */
#define MANY_LANES 300 /* from here on they are narrow */

static const char *const classes[ENDS] = {
	[END_OWN] = "own",
	[END_PEER] = "peer",
	[END_RESET] = "reset",
	[END_OPEN] = "open",
	[END_LISTENED] = "listened",
	[END_UNCONNECTED] = "unconnected",
};

/* The bars of one process. */
struct block {
	size_t first;
	size_t count;
	unsigned lanes;
	unsigned top;
};

struct picture {
	FILE *stream;
	const struct overview *overview;
	unsigned *lanes; /* of each bar, in its block */
	struct block *blocks;
	size_t block_count;
	unsigned lane_height;
	unsigned height;
};

static double percent(const struct overview *overview, uint64_t wall_ns)
{
	if (wall_ns <= overview->begin_ns)
		return 0;
	return 100.0 * (double)(wall_ns - overview->begin_ns) / (double)(overview->end_ns - overview->begin_ns);
}

/* Gives each bar of the block that begins at `first` its lane. */
static struct block pack(const struct picture *picture, size_t first)
{
	const struct overview *overview = picture->overview;
	const struct bar *bars = overview->bars;
	uint64_t gap = (overview->end_ns - overview->begin_ns) / 400; /* so that neighbours can be told apart */
	struct block block = {.first = first};
	uint64_t *free_from = NULL;
	size_t i;

	for (i = first; i < overview->bar_count && bars[i].process == bars[first].process; i++) {
		unsigned lane = 0;

		while (lane < block.lanes && free_from[lane] > bars[i].begin_ns)
			lane++;
		if (lane == block.lanes)
			free_from = text_grow(free_from, block.lanes++, sizeof(*free_from));
		free_from[lane] = bars[i].end_ns + gap;
		picture->lanes[i] = lane;
	}
	block.count = i - first;
	free(free_from);
	return block;
}

static void lay_out(struct picture *picture)
{
	size_t bar_count = picture->overview->bar_count;
	unsigned lanes = 0;

	picture->lanes = text_allocate(bar_count * sizeof(*picture->lanes));
	for (size_t first = 0; first < bar_count;) {
		struct block block = pack(picture, first);

		picture->blocks = text_grow(picture->blocks, picture->block_count, sizeof(block));
		picture->blocks[picture->block_count++] = block;
		first += block.count;
		lanes += block.lanes;
	}
	picture->lane_height = lanes > MANY_LANES ? NARROW_LANE : LANE;
	picture->height = AXIS;
	for (size_t i = 0; i < picture->block_count; i++) {
		picture->blocks[i].top = picture->height;
		picture->height += HEAD + picture->blocks[i].lanes * picture->lane_height + 4;
	}
}

static void draw_axis(const struct picture *picture)
{
	const struct overview *overview = picture->overview;
	char time[TEXT_NUMBER_BYTES];

	for (unsigned i = 0; i <= 4; i++)
		fprintf(picture->stream,
			"<line class=\"grid\" x1=\"%u%%\" y1=\"%d\" x2=\"%u%%\" y2=\"%u\"/><text class=\"tick\" "
			"x=\"%u%%\" y=\"14\" text-anchor=\"%s\">%s</text>\n",
			i * 25, AXIS - 4, i * 25, picture->height, i * 25,
			i == 0   ? "start"
			: i == 4 ? "end"
				 : "middle",
			i ? text_duration(time, (overview->end_ns - overview->begin_ns) / 4 * i) : "0");
}

static void draw_dots(const struct picture *picture, const struct bar *bar, unsigned y)
{
	const struct overview *overview = picture->overview;
	const struct dot *dot = NULL;
	FILE *stream = picture->stream;

	for (unsigned i = 0; i < MAX_DOTS && (dot = html_bars_dot(overview, bar, dot)); i++) {
		const char *severity = kinds_severity_name(dot->severity);
		bool linked = dot->group < overview->page->places;

		if (linked)
			fprintf(stream, "<a href=\"#incident-%u\" aria-label=\"%s, incident %u\">", dot->group + 1,
				severity, dot->group + 1);
		fprintf(stream, "<circle class=\"dot %s\" cx=\"%.3f%%\" cy=\"%u\" r=\"4\"><title>%s: ", severity,
			percent(overview, dot->wall_ns), y, severity);
		html_text(stream, bar->title);
		fprintf(stream, "</title></circle>%s", linked ? "</a>" : "");
	}
}

static void draw_bar(const struct picture *picture, const struct bar *bar, unsigned y)
{
	double begin = percent(picture->overview, bar->begin_ns);
	double end = percent(picture->overview, bar->end_ns);
	unsigned height = picture->lane_height == LANE ? LANE - 5 : NARROW_LANE - 2;

	fprintf(picture->stream, "<rect class=\"%s\" x=\"%.3f%%\" y=\"%u\" width=\"%.3f%%\" height=\"%u\"><title>",
		classes[bar->end], begin, y, end > begin + LEAST_PERCENT ? end - begin : LEAST_PERCENT, height);
	html_text(picture->stream, bar->title);
	fputs("</title></rect>", picture->stream);
	if (bar->has_incident)
		draw_dots(picture, bar, y + height / 2);
	fputc('\n', picture->stream);
}

static void draw_block(const struct picture *picture, const struct block *block)
{
	const struct bar *bars = picture->overview->bars;
	const struct process *process = &picture->overview->processes[bars[block->first].process];
	char *program = names_program(process);
	char *name = text_format("%s (pid %d)", program, process->pid);

	fputs("<g class=\"process\" data-process=\"", picture->stream);
	html_text(picture->stream, name);
	fprintf(picture->stream, "\"><text class=\"name\" x=\"2\" y=\"%u\">", block->top + HEAD - 6);
	html_text(picture->stream, name);
	fputs("</text>\n", picture->stream);
	for (size_t i = block->first; i < block->first + block->count; i++)
		draw_bar(picture, &bars[i], block->top + HEAD + picture->lanes[i] * picture->lane_height);
	fputs("</g>\n", picture->stream);
	free(name);
	free(program);
}

static void draw(const struct overview *overview)
{
	struct picture picture = {.stream = overview->page->stream, .overview = overview};

	lay_out(&picture);
	fprintf(picture.stream,
		"<div class=\"scroll overview\" tabindex=\"0\" role=\"group\" aria-label=\"Connections over time\">"
		"<svg class=\"%s\" width=\"100%%\" height=\"%u\" role=\"group\" "
		"aria-label=\"A bar for each connection, a dot for each incident\">\n",
		picture.lane_height == LANE ? "wide" : "narrow", picture.height);
	draw_axis(&picture);
	for (size_t i = 0; i < picture.block_count; i++)
		draw_block(&picture, &picture.blocks[i]);
	fputs("</svg></div>\n", picture.stream);
	free(picture.blocks);
	free(picture.lanes);
}

/* How connections ended, counted of all: also the key to the colours. */
static void put_key(const struct overview *overview)
{
	FILE *stream = overview->page->stream;
	char number[TEXT_NUMBER_BYTES];

	fputs("<ul class=\"key\" aria-label=\"How connections ended\">", stream);
	for (unsigned end = 0; end < ENDS; end++)
		if (overview->counts[end])
			fprintf(stream, "<li><span class=\"swatch %s\"></span>%s <b>%s</b></li>", classes[end],
				html_bars_end((enum bar_end)end), text_number(number, overview->counts[end]));
	fputs("</ul>\n", stream);
}

void html_overview(const struct html_page *page)
{
	uint64_t all = lifecycle_socket_count(page->report->lifecycle);
	struct overview overview;
	char shown[TEXT_NUMBER_BYTES];
	char number[TEXT_NUMBER_BYTES];

	html_bars_find(&overview, page);
	if (overview.bar_count) {
		fputs("<section id=\"run\" aria-labelledby=\"run-title\"><h2 id=\"run-title\">The run</h2>\n",
			page->stream);
		put_key(&overview);
		draw(&overview);
		if (overview.bar_count < all)
			fprintf(page->stream,
				"<p class=\"aside\">%s of %s connections are drawn: those with incidents, then the "
				"first others.</p>\n",
				text_number(shown, overview.bar_count), text_number(number, all));
		fputs("</section>\n", page->stream);
	}
	html_bars_free(&overview);
}
