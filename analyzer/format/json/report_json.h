/*
 * report_json.h: the objects of the schema socksan-report/1 (docs/DESIGN.md, section 5), which the formats json and
 * jsonl share.
 *
 * Each function writes the members of an object that its caller has opened and will close. What is not known is an
 * empty string, 0, or null where 0 could be meant.
 */
#ifndef SOCKSAN_REPORT_JSON_H
#define SOCKSAN_REPORT_JSON_H

#include "analyzer/base/json.h"
#include "analyzer/report/render.h"

#define REPORT_JSON_SCHEMA "socksan-report/1"

/* One of the counts of a summary, as it is named in JSON and as an attribute of OpenTelemetry. */
struct report_json_count {
	const char *member;
	const char *attribute;
	size_t offset; /* of the uint64_t in struct summary */
};

/* The count number `at`, from 0; NULL behind the last one. */
const struct report_json_count *report_json_count(size_t at);
uint64_t report_json_count_of(const struct report_json_count *count, const struct summary *summary);

void report_json_summary(struct json *json, const struct summary *summary);
void report_json_process(struct json *json, const struct process *process);
void report_json_unaudited(struct json *json, const struct escaped_process *process);
void report_json_socket(struct json *json, const struct connection *connection);

/* `limits`, what the report leaves out (limits.h): a list of sentences, and no member where there are none. */
void report_json_limits(struct json *json);

/* `length`, `result` and `errno` of one call. */
void report_json_result(struct json *json, const struct trace_operation *operation);

/* `suppression` is the rule that suppresses it, or NULL. */
void report_json_incident(struct json *json, const struct view *view, const struct suppression *suppression);

#endif
