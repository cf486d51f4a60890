/*
 * render_json.c: the report as JSON, schema socksan-report/1 (report_json.h).
 *
 * Written as it is made, one element of each list to a line, so that memory does not grow with the report.
 */
#include <stdlib.h>

#include "analyzer/base/text.h"
#include "analyzer/format/json/report_json.h"
#include "analyzer/report/render.h"

static void begin_list(struct json *json, const char *name)
{
	json_open_list(json, name);
	json_break(json);
}

static void end_element(struct json *json)
{
	json_close_object(json);
	json_break(json);
}

static void render_unaudited(struct json *json, const struct report *report)
{
	begin_list(json, "unaudited");
	for (size_t i = 0; i < report->unaudited_count; i++) {
		json_open_object(json, NULL);
		report_json_unaudited(json, &report->unaudited[i]);
		end_element(json);
	}
	json_close_list(json);
}

static bool render_socket(const struct connection *connection, void *context)
{
	struct json *json = context;

	json_open_object(json, NULL);
	report_json_socket(json, connection);
	end_element(json);
	return !ferror(json->stream);
}

static void render_incidents(struct json *json, const struct report *report)
{
	size_t count;
	const struct incident *incidents = lifecycle_incidents(report->lifecycle, &count);

	begin_list(json, "incidents");
	for (size_t i = 0; i < count && !ferror(json->stream); i++) {
		struct view view;

		if (view_load(report, &incidents[i], &view)) {
			json_open_object(json, NULL);
			report_json_incident(json, &view, report_suppression(report, &incidents[i]));
			end_element(json);
		}
		view_free(&view);
	}
	json_close_list(json);
}

void render_json(const struct report *report, FILE *stream, bool color)
{
	struct json *json = text_allocate(sizeof(*json));
	size_t count;
	const struct process *processes = lifecycle_processes(report->lifecycle, &count);

	(void)color;
	json_begin(json, stream);
	json_open_object(json, NULL);
	json_text(json, "schema", REPORT_JSON_SCHEMA);
	json_open_object(json, "summary");
	report_json_summary(json, &report->summary);
	end_element(json);
	begin_list(json, "processes");
	for (size_t i = 0; i < count; i++) {
		json_open_object(json, NULL);
		report_json_process(json, &processes[i]);
		end_element(json);
	}
	json_close_list(json);
	render_unaudited(json, report);
	begin_list(json, "sockets");
	lifecycle_each_socket(report->lifecycle, true, render_socket, json);
	json_close_list(json);
	render_incidents(json, report);
	report_json_limits(json);
	json_close_object(json);
	json_end(json);
	free(json);
}
