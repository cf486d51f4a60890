/*
 * render_sarif.c: SARIF 2.1.0 for code scanning services: one run, a rule for each kind, a result for each place.
 *
 * Limits are GitHub's, the narrowest known: it shows 5,000 results of a run and takes 10 MB compressed; what is left
 * out is counted in a notification. Results carry our fingerprint, so that an alert stays the same alert when lines
 * move.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "analyzer/base/escape.h"
#include "analyzer/base/text.h"
#include "analyzer/format/ci/sarif_result.h"
#include "analyzer/format/text/text_coverage.h"
#include "analyzer/report/render.h"

#define MAX_RESULTS 5000

/* "write-after-close" as "WriteAfterClose". */
static char *rule_name(const char *id)
{
	char *name = text_allocate(strlen(id) + 1);
	char *end = name;
	bool capital = true;

	for (; *id; id++) {
		if (*id == '-') {
			capital = true;
			continue;
		}
		*end++ = capital && *id >= 'a' && *id <= 'z' ? (char)(*id - 'a' + 'A') : *id;
		capital = false;
	}
	return name;
}

/* "Write after close: the program's own close of that descriptor." */
static char *short_description(const struct kind *kind)
{
	char *words = text_format("%s: %s.", kind->id, kind->text->summary);

	for (char *at = words; *at != ':'; at++)
		*at = at == words ? (char)(*at - 'a' + 'A') : *at == '-' ? ' ' : *at;
	return words;
}

static void render_rule(struct json *json, const struct kind *kind)
{
	const struct kind_text *text = kind->text;

	json_open_object(json, NULL);
	json_text(json, "id", kind->id);
	json_owned_text(json, "name", rule_name(kind->id));
	sarif_message(json, "shortDescription", short_description(kind));
	sarif_message(json, "fullDescription", text_copy(text->meaning));
	json_open_object(json, "help");
	json_owned_text(json, "text",
		text_format("%s\n\nLikely causes: %s\n\nHow to fix it: %s", text->meaning, text->causes, text->fix));
	json_owned_text(json, "markdown",
		text_format("%s\n\n**Likely causes**\n\n%s\n\n**How to fix it**\n\n%s", text->meaning, text->causes,
			text->fix));
	json_close_object(json);
	json_open_object(json, "defaultConfiguration");
	json_text(json, "level", kinds_severity_name(kind->told));
	json_close_object(json);
	json_open_object(json, "properties");
	json_open_list(json, "tags");
	json_text(json, NULL, "reliability");
	json_text(json, NULL, "sockets");
	json_close_list(json);
	json_text(json, "precision", "very-high");
	json_text(json, "problem.severity",
		kind->told == SEVERITY_NOTE ? "recommendation" : kinds_severity_name(kind->told));
	json_close_object(json);
	json_close_object(json);
	json_break(json);
}

static void render_tool(struct json *json)
{
	size_t count;
	const struct kind *kinds = kinds_all(&count);

	json_open_object(json, "tool");
	json_open_object(json, "driver");
	json_text(json, "name", "socksan");
	json_text(json, "version", SOCKSAN_VERSION);
	json_text(json, "semanticVersion", SOCKSAN_VERSION);
	json_open_list(json, "rules");
	json_break(json);
	for (size_t i = 0; i < count; i++)
		render_rule(json, &kinds[i]);
	json_close_list(json);
	json_close_object(json);
	json_close_object(json);
	json_break(json);
}

static void render_root(struct json *json, const struct sources *sources)
{
	const char *root = sources_root(sources);
	char *directory = text_format("%s%s", root, strcmp(root, "/") ? "/" : "");

	json_open_object(json, "originalUriBaseIds");
	json_open_object(json, "%SRCROOT%");
	json_owned_text(json, "uri", source_uri(directory));
	sarif_message(json, "description", text_copy("The top of the checkout."));
	json_close_object(json);
	json_close_object(json);
	json_break(json);
	free(directory);
}

static void render_notification(struct json *json, const char *level, char *words)
{
	json_open_object(json, NULL);
	json_text(json, "level", level);
	sarif_message(json, "message", words);
	json_close_object(json);
}

/* What the audit could not see, in one notification. */
static void render_coverage(struct json *json, const struct report *report)
{
	struct text_buffer buffer;
	struct text_page page = {.stream = text_open(&buffer)};
	char *words;

	text_coverage_show(&page, report);
	text_coverage_limits(&page);
	words = text_close(&buffer);
	if (*words)
		render_notification(json, text_coverage_is_whole(report) ? "note" : "warning", words);
	else
		free(words);
}

static void render_command(struct json *json, const struct run_facts *facts)
{
	int status = facts->wait_status;

	json_open_list(json, "arguments");
	for (size_t i = 1; facts->argv && facts->argv[0] && facts->argv[i]; i++)
		json_owned_text(json, NULL, escape_copy(facts->argv[i], strlen(facts->argv[i])));
	json_close_list(json);
	json_integer(json, "processId", facts->pid);
	if (WIFEXITED(status))
		json_integer(json, "exitCode", WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		json_integer(json, "exitSignalNumber", WTERMSIG(status));
}

static void render_times(struct json *json, const struct report *report)
{
	size_t count;
	const struct process *processes = lifecycle_processes(report->lifecycle, &count);
	uint64_t started_ns = 0;
	uint64_t ended_ns = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t trace = processes[i].trace;
		uint64_t started = lifecycle_wall_ns(report->lifecycle, trace, processes[i].started_ns);
		uint64_t ended = processes[i].ended_ns;

		ended = ended ? lifecycle_wall_ns(report->lifecycle, trace, ended) : 0;
		started_ns = !started_ns || started < started_ns ? started : started_ns;
		ended_ns = ended > ended_ns ? ended : ended_ns;
	}
	sarif_time(json, "startTimeUtc", started_ns);
	sarif_time(json, "endTimeUtc", ended_ns);
}

static void render_invocation(struct json *json, const struct report *report, size_t left_out)
{
	char number[TEXT_NUMBER_BYTES];

	json_open_list(json, "invocations");
	json_open_object(json, NULL);
	json_boolean(json, "executionSuccessful", true);
	if (report->facts)
		render_command(json, report->facts);
	render_times(json, report);
	json_open_list(json, "toolExecutionNotifications");
	render_coverage(json, report);
	if (left_out)
		render_notification(json, "warning",
			text_format("%s left out, none of them worse than those that are here",
				text_plural(number, left_out, "result")));
	json_close_list(json);
	json_close_object(json);
	json_close_list(json);
	json_break(json);
}

static void render_results(struct sarif *sarif, size_t shown)
{
	struct json *json = &sarif->json;

	json_open_list(json, "results");
	json_break(json);
	for (size_t i = 0; i < shown && !ferror(json->stream); i++)
		sarif_result(sarif, &sarif->report->groups.groups[i]);
	json_close_list(json);
}

void render_sarif(const struct report *report, FILE *stream, bool color)
{
	struct sarif *sarif = text_allocate(sizeof(*sarif));
	struct json *json = &sarif->json;
	size_t all = report->groups.count + report->groups.suppressed;
	size_t shown = all < MAX_RESULTS ? all : MAX_RESULTS;

	(void)color;
	sarif->report = report;
	sarif->sources = sources_new();
	json_begin(json, stream);
	json_open_object(json, NULL);
	json_text(json, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
	json_text(json, "version", "2.1.0");
	json_open_list(json, "runs");
	json_open_object(json, NULL);
	render_tool(json);
	json_open_object(json, "automationDetails");
	json_text(json, "id", "socksan/");
	json_close_object(json);
	json_text(json, "columnKind", "utf16CodeUnits");
	render_root(json, sarif->sources);
	render_results(sarif, shown);
	/* Last, as it says what the results leave out. */
	render_invocation(json, report, all - shown);
	json_close_object(json);
	json_close_list(json);
	json_close_object(json);
	json_end(json);
	sources_free(sarif->sources);
	free(sarif);
}
