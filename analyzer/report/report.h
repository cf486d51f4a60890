/*
 * report.h: from traces to reports. What the commands `run` and `report` share.
 */
#ifndef SOCKSAN_REPORT_H
#define SOCKSAN_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "analyzer/report/command_table.h"
#include "analyzer/trace/model.h"

/* Exit statuses of the command socksan (docs/DESIGN.md section 4). */
enum socksan_exit {
	EXIT_NO_TRACE = 3, /* `report`: no trace found */
	EXIT_INCIDENTS = 66, /* the default of --error-exitcode */
	EXIT_SOCKSAN = 125, /* socksan itself failed */
	EXIT_CANNOT_EXECUTE = 126,
	EXIT_NOT_FOUND = 127,
};

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct findings; /* findings.h */
struct suppressions; /* suppress.h */

/* One rendering: which format, and the file it goes to (NULL: the default stream). */
struct report_output {
	const char *format;
	const char *path;
};

struct report_options {
	struct report_output *outputs; /* none: text to the default stream */
	size_t output_count;
	FILE *default_stream; /* standard error for `run`, standard output for `report` */
	unsigned fail_on; /* bits 1 << enum severity (model.h) that make the exit status error_exitcode */
	int error_exitcode; /* 0: incidents never change the exit status */
	enum color color;
	bool quiet; /* no text where there is nothing to say */
	size_t max_incidents; /* groups of incidents that the text report shows; 0: all */
	struct suppressions *suppressions; /* rules for what not to report; their use is counted */
	bool gen_suppressions; /* the text report proposes a rule for everything in it */
	struct findings *baseline; /* what was found earlier, and is not to be reported; NULL: nothing */
	const char *baseline_path; /* where that is read from */
	const char **source_trees; /* directories besides the current one whose source may be shown */
	size_t source_tree_count;
	uint32_t baseline_rule; /* its number among the suppressions, from 1 */
	const char *given[OPTION_COUNT]; /* arguments of other options; NULL: not given */
};

/*
 * A process of which is not known what it did: a descendant of the command that ran without the shim, or one whose
 * trace cannot be read; and why, as far as can be told.
 */
struct escaped_process {
	pid_t pid; /* 0: unknown */
	const char *path; /* of the program, or of the trace */
	const char *reason;
};

/* What `run` knows and the traces do not. */
struct run_facts {
	char *const *argv; /* the command, NULL-terminated */
	pid_t pid; /* of the command */
	int wait_status; /* as waitpid gave it */
	size_t signed_in; /* processes that the roster shows as audited */
	const struct escaped_process *escaped;
	size_t escaped_count;
	size_t untraced; /* processes that could make no trace: what they did is not known */
	const char *const
		*troubles; /* what audited processes said of themselves ("pid 12: no trace: Permission denied") */
	size_t trouble_count;
};

/*
 * Reads the traces named by `paths` (files, or directories searched for *.trace) and writes each output of `options`.
 * `facts` is what `run` observed, NULL for `report`. Damage in a trace is told on standard error, with file and offset,
 * and everything else is still read. Returns 0, or options->error_exitcode where incidents of a severity in `fail_on`
 * remain, or `fail_on` is not empty and a trace cannot be read, or could not be made; EXIT_NO_TRACE where no path held
 * a trace (with `facts`, no trace is no error: a program may have no socket), or EXIT_SOCKSAN where an output could not
 * be written.
 */
int report_traces(
	const struct report_options *options, const struct run_facts *facts, char *const *paths, size_t path_count);

/* Whether what goes to `stream` is to be coloured. */
bool report_wants_color(const struct report_options *options, FILE *stream);

/*
 * Whether a format of this name exists. The list of names, for messages: "text, json".
 */
bool report_knows_format(const char *name);
const char *report_format_names(void);

#endif
