/*
 * html_bars.c: see html_bars.h.
 */
#include "analyzer/format/html/html_bars.h"

#include <stdlib.h>

#include "analyzer/base/text.h"
#include "analyzer/wording/names.h"

#define MAX_BARS 2000

const char *html_bars_end(enum bar_end end)
{
	static const char *const words[ENDS] = {
		[END_OWN] = "closed by the program",
		[END_PEER] = "the peer closed first",
		[END_RESET] = "ended by a reset or an error",
		[END_OPEN] = "still open at the end",
		[END_LISTENED] = "listened",
		[END_UNCONNECTED] = "never connected",
	};

	return words[end];
}

static uint64_t wall_ns(const struct overview *overview, uint32_t trace, uint64_t t_ns)
{
	return lifecycle_wall_ns(overview->page->report->lifecycle, trace, t_ns);
}

static int compare_dots(const void *left, const void *right)
{
	const struct dot *a = left;
	const struct dot *b = right;

	if (a->trace != b->trace)
		return a->trace < b->trace ? -1 : 1;
	if (a->socket != b->socket)
		return a->socket < b->socket ? -1 : 1;
	return (a->wall_ns > b->wall_ns) - (a->wall_ns < b->wall_ns);
}

static void find_dots(struct overview *overview)
{
	size_t count;
	const struct incident *incidents = lifecycle_incidents(overview->page->report->lifecycle, &count);

	overview->dots = text_allocate(count * sizeof(*overview->dots));
	for (size_t i = 0; i < count; i++)
		if (incidents[i].socket && !incidents[i].suppressed_by)
			overview->dots[overview->dot_count++] = (struct dot){
				.trace = incidents[i].trace,
				.socket = incidents[i].socket,
				.group = incidents[i].group,
				.severity = incidents[i].severity,
				.wall_ns = wall_ns(overview, incidents[i].trace, incidents[i].first_ns),
			};
	qsort(overview->dots, overview->dot_count, sizeof(*overview->dots), compare_dots);
}

/* The first dot of a socket, or the one before which it would stand. */
static const struct dot *dots_of(const struct overview *overview, uint32_t trace, trace_ref ref)
{
	size_t low = 0;
	size_t high = overview->dot_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct dot *dot = &overview->dots[middle];

		if (dot->trace < trace || (dot->trace == trace && dot->socket < ref))
			low = middle + 1;
		else
			high = middle;
	}
	return overview->dots + low;
}

static bool is_dot_of(const struct overview *overview, const struct dot *dot, uint32_t trace, trace_ref ref)
{
	return dot < overview->dots + overview->dot_count && dot->trace == trace && dot->socket == ref;
}

static enum bar_end end_of(const struct trace_socket *record)
{
	if (record->flags & TRACE_SOCKET_LISTENS)
		return END_LISTENED;
	if (record->end == TRACE_END_RESET || record->reset_ns)
		return END_RESET;
	if (record->peer_closed_ns && (!record->closed_ns || record->peer_closed_ns <= record->closed_ns))
		return END_PEER;
	if (record->origin == TRACE_SOCKET_CALL && !record->connected_ns)
		return END_UNCONNECTED;
	return record->closed_ns ? END_OWN : END_OPEN;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void add_bar(struct overview *overview, const struct connection *connection, enum bar_end end, bool has_incident)
{
	const struct trace_socket *record = &connection->record;
	uint64_t last = lifecycle_last_ns(connection);
	char *words = names_connection(connection, NAMES_ARROW);
	char time[TEXT_NUMBER_BYTES];
	struct bar *bar;

	overview->bars = text_grow(overview->bars, overview->bar_count, sizeof(*overview->bars));
	bar = &overview->bars[overview->bar_count++];
	*bar = (struct bar){
		.process_begin_ns = wall_ns(overview, connection->trace, connection->process->started_ns),
		.process = (uint32_t)(connection->process - overview->processes),
		.trace = connection->trace,
		.ref = connection->ref,
		.end = end,
		.has_incident = has_incident,
		.begin_ns = wall_ns(overview, connection->trace, record->opened_ns),
		.end_ns = wall_ns(overview, connection->trace, last),
		.title = text_format("%s, descriptor %d: %s; %s", words, record->fd,
			text_duration(time, last - record->opened_ns), html_bars_end(end)),
	};
	free(words);
}

static bool visit_socket(const struct connection *connection, void *context)
{
	struct overview *overview = context;
	enum bar_end end = end_of(&connection->record);
	bool has_incident = is_dot_of(
		overview, dots_of(overview, connection->trace, connection->ref), connection->trace, connection->ref);

	overview->counts[end]++;
	if (!connection->record.opened_ns)
		return true;
	if (has_incident ? overview->bar_count - overview->clean_bars >= MAX_BARS : overview->clean_bars >= MAX_BARS)
		return true;
	overview->clean_bars += !has_incident;
	add_bar(overview, connection, end, has_incident);
	return true;
}

static int compare_bars(const void *left, const void *right)
{
	const struct bar *a = left;
	const struct bar *b = right;

	if (a->process_begin_ns != b->process_begin_ns)
		return a->process_begin_ns < b->process_begin_ns ? -1 : 1;
	if (a->process != b->process)
		return a->process < b->process ? -1 : 1;
	if (a->begin_ns != b->begin_ns)
		return a->begin_ns < b->begin_ns ? -1 : 1;
	return (a->ref > b->ref) - (a->ref < b->ref);
}

/* Leaves MAX_BARS: clean ones give way. */
static void drop_bars(struct overview *overview)
{
	size_t wanted = overview->bar_count - overview->clean_bars;
	size_t clean_left = wanted < MAX_BARS ? MAX_BARS - wanted : 0;
	size_t kept = 0;

	for (size_t i = 0; i < overview->bar_count; i++) {
		struct bar *bar = &overview->bars[i];

		if (!bar->has_incident && clean_left == 0) {
			free(bar->title);
			continue;
		}
		clean_left -= !bar->has_incident;
		overview->bars[kept++] = *bar;
	}
	overview->bar_count = kept;
	if (kept)
		qsort(overview->bars, kept, sizeof(*overview->bars), compare_bars);
}

static void find_span(struct overview *overview)
{
	overview->begin_ns = UINT64_MAX;
	for (size_t i = 0; i < overview->bar_count; i++) {
		const struct bar *bar = &overview->bars[i];

		if (bar->begin_ns < overview->begin_ns)
			overview->begin_ns = bar->begin_ns;
		overview->end_ns = later(overview->end_ns, later(bar->begin_ns, bar->end_ns));
	}
	for (size_t i = 0; i < overview->dot_count; i++)
		overview->end_ns = later(overview->end_ns, overview->dots[i].wall_ns);
	if (overview->bar_count && overview->end_ns <= overview->begin_ns)
		overview->end_ns = overview->begin_ns + 1;
}

const struct dot *html_bars_dot(const struct overview *overview, const struct bar *bar, const struct dot *dot)
{
	dot = dot ? dot + 1 : dots_of(overview, bar->trace, bar->ref);
	return is_dot_of(overview, dot, bar->trace, bar->ref) ? dot : NULL;
}

void html_bars_find(struct overview *overview, const struct html_page *page)
{
	size_t count;

	*overview = (struct overview){.page = page, .processes = lifecycle_processes(page->report->lifecycle, &count)};
	find_dots(overview);
	lifecycle_each_socket(page->report->lifecycle, false, visit_socket, overview);
	drop_bars(overview);
	find_span(overview);
}

void html_bars_free(struct overview *overview)
{
	for (size_t i = 0; i < overview->bar_count; i++)
		free(overview->bars[i].title);
	free(overview->bars);
	free(overview->dots);
}
