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

void report_json_summary(struct json *json, const struct summary *summary);
void report_json_process(struct json *json, const struct process *process);
void report_json_unaudited(struct json *json, const struct escaped_process *process);
void report_json_socket(struct json *json, const struct connection *connection);

/* `limits`, what the report leaves out (limits.h): a list of sentences, and no member where there are none. */
void report_json_limits(struct json *json);

/* `suppression` is the rule that suppresses it, or NULL. */
void report_json_incident(struct json *json, const struct view *view, const struct suppression *suppression);

#endif
