/*
 * sarif_result.h: one place where incidents happened, as a SARIF result.
 */
#ifndef SOCKSAN_SARIF_RESULT_H
#define SOCKSAN_SARIF_RESULT_H

#include "analyzer/base/json.h"
#include "analyzer/report/render.h"
#include "analyzer/symbols/source.h"

struct sarif {
	struct json json;
	const struct report *report;
	struct sources *sources;
};

/* Writes the result of a group. Returns false where its incident cannot be read any more, and nothing was written. */
bool sarif_result(struct sarif *sarif, const struct group *group);

/* {"text": ...}, the form that SARIF has for everything that is read by people. Takes the string. */
void sarif_message(struct json *json, const char *name, char *string);

/* "2023-11-14T22:13:20.000Z"; nothing for a time that is not known. */
void sarif_time(struct json *json, const char *name, uint64_t wall_ns);

#endif
