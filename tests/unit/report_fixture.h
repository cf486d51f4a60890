/*
 * report_fixture.h: reports made from traces of trace_builder.h, for the tests of renderers.
 */
#ifndef SOCKSAN_REPORT_FIXTURE_H
#define SOCKSAN_REPORT_FIXTURE_H

#include "analyzer/report/report.h"
#include "tests/unit/trace_builder.h"

/*
 * The report of `directory` in `format`, as report_traces writes it; *status is what that returned. The caller frees
 * it.
 */
char *fixture_report(const char *format, char *directory, const struct run_facts *facts, int *status);

/*
 * A trace with a bit of everything that a renderer shows: every kind, hostile names, Python, both ends of a connection.
 */
void fixture_everything(struct builder *builder);

#endif
