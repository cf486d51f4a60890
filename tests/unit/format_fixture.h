/*
 * format_fixture.h: reports in formats that name where and by what they were made, with such things replaced by words
 * that are the same on every machine.
 */
#ifndef SOCKSAN_FORMAT_FIXTURE_H
#define SOCKSAN_FORMAT_FIXTURE_H

#include "tests/unit/report_fixture.h"

/* One trace, made with `builder`, and what is reported of it. */
struct format_fixture {
	struct builder builder;
	char *directory;
	char *report; /* of the last format_report */
	int status;
};

void format_set_up(struct format_fixture *fixture);
void format_tear_down(struct format_fixture *fixture);

/* Writes the trace and reports it; returns the report, valid until the next call. */
const char *format_report(struct format_fixture *fixture, const char *format, const struct run_facts *facts);

/* Holds the report of fixture_everything against tests/golden/NAME. */
void format_expect_golden(struct format_fixture *fixture, const char *format, const char *name);

/* Fails the test unless the report has `part`. */
void format_expect(const struct format_fixture *fixture, const char *part);
void format_expect_not(const struct format_fixture *fixture, const char *part);

/* How often `part` occurs in the report. */
size_t format_count(const struct format_fixture *fixture, const char *part);

#endif
