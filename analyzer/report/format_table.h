/*
 * format_table.h: the formats of reports, one row each. Its renderer is render_ID in render_ID.c.
 *
 * --help, the manual page and the completions list them from here, at build time.
 */
#ifndef SOCKSAN_FORMAT_TABLE_H
#define SOCKSAN_FORMAT_TABLE_H

/* FORMAT(id, what it is, as the manual page has it) */
#define FORMATS(FORMAT)                                                                                                \
	FORMAT(text, "For a person at a terminal.")                                                                    \
	FORMAT(json, "The whole audit in one object, schema socksan-report/1: processes, sockets, incidents.")         \
	FORMAT(jsonl, "The same, one self-contained object per line, with wall clock times: for databases and log "    \
		      "collectors.")                                                                                   \
	FORMAT(html, "One self-contained page: incidents with source lines and timelines, and an overview of the "     \
		     "run.")                                                                                           \
	FORMAT(junit, "JUnit XML: a test case for each label (see libsocksan(7)), else for each process.")             \
	FORMAT(sarif, "SARIF 2.1.0, for code scanning services.")                                                      \
	FORMAT(github, "Annotations for GitHub Actions, the worst first.")                                             \
	FORMAT(perfetto, "A trace that opens in ui.perfetto.dev: a track for each socket.")                            \
	FORMAT(otlp, "OpenTelemetry log records, in the file format of the collector.")

#endif
