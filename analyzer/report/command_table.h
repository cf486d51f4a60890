/*
 * command_table.h: the subcommands of socksan and their options, one row each.
 *
 * command_line.c parses by these rows and prints --help from them; the manual page and the completions are made from
 * them at build time (scripts/table). An option is a row here and the code that does what it says.
 */
#ifndef SOCKSAN_COMMAND_TABLE_H
#define SOCKSAN_COMMAND_TABLE_H

/*
 * SUBCOMMAND(ID, name, arguments, completion, brief, description, exit status): command_NAME in cmd_NAME.c carries it
 * out. `completion` says what its arguments are: COMMAND, TRACES, KIND, SUBCOMMAND or NOTHING. `brief` begins small and
 * ends without a full stop; description and exit status are sentences.
 */
#define SUBCOMMANDS(SUBCOMMAND)                                                                                        \
	SUBCOMMAND(RUN, run, "[options] [--] COMMAND [ARG...]", COMMAND,                                               \
		"audit a command and all its children, then report",                                                   \
		"Audits COMMAND and all its children, and reports when it ends. The report goes to "                   \
		"standard error, or to the file that --output names. It refuses what cannot be audited: static "       \
		"programs, programs of another architecture, setuid programs. Children that escaped the audit are "    \
		"listed in the report.",                                                                               \
		"COMMAND's own, 128+N where signal N ended it. Where that is 0: 66 (see --error-exitcode) where "      \
		"incidents at or above --fail-on's severity remain, or a trace could not be made or read; 125 where "  \
		"socksan itself failed or COMMAND cannot be "                                                          \
		"audited; 126 where COMMAND cannot be executed; 127 where it was not found.")                          \
	SUBCOMMAND(REPORT, report, "[options] TRACE...", TRACES, "summarize traces (files or directories)",            \
		"Summarizes kept traces: files, or directories searched for *.trace. The report goes to "              \
		"standard output.",                                                                                    \
		"0; 66 (see --error-exitcode) where incidents at or above --fail-on's severity remain; 3 where no "    \
		"trace "                                                                                               \
		"was found; 125 where a report could not be written.")                                                 \
	SUBCOMMAND(SOCKETS, sockets, "[options] TRACE...", TRACES,                                                     \
		"every connection: endpoints, bytes, duration, how it ended",                                          \
		"Lists every connection in the traces (files, or directories searched for *.trace): endpoints, "       \
		"bytes, duration, how it ended, late writes, and how long it would take to notice a peer that "        \
		"vanished silently, by the settings of the socket and of this system: while the connection was idle, " \
		"and while bytes were unacknowledged.",                                                                \
		"0; 3 where no trace was found; 125 where the list could not be written, or a trace could not be "     \
		"read.")                                                                                               \
	SUBCOMMAND(DIFF, diff, "[options] BASE NEW", TRACES, "incidents that are new, gone and still there",           \
		"Compares two reports (json or jsonl), traces or directories of traces, and lists the incidents "      \
		"that are new, gone and still there. An incident is recognised by its fingerprint, which survives "    \
		"rebuilds and moved lines. A note in BASE does not cover a warning or an error in NEW.",               \
		"0; 66 (see --error-exitcode) where there are new incidents at or above --fail-on's severity; 125 "    \
		"where "                                                                                               \
		"BASE or NEW could not be read.")                                                                      \
	SUBCOMMAND(EXPLAIN, explain, "[KIND]", KIND, "what a kind of incident means, usual causes, how to fix it",     \
		"Says what a kind of incident means, its likely causes, and how to fix it; without KIND, lists all "   \
		"kinds.",                                                                                              \
		"0; 125 where KIND is unknown.")                                                                       \
	SUBCOMMAND(HELP, help, "[SUBCOMMAND]", SUBCOMMAND, "this list, or the options of a subcommand",                \
		"Lists the subcommands, or the options of one.", "")                                                   \
	SUBCOMMAND(VERSION, version, "", NOTHING, "the version of socksan", "Prints the version.", "")

/*
 * OPTION(ID, name, letter, ARGUMENT, value, words, subcommands, brief, help): `letter` is "" where there is no short
 * one, ARGUMENT is "" where it takes none. `value` says what the argument is: NONE, TEXT, NUMBER, FILE, DIRECTORY,
 * FORMAT (of a report), WORD (one of `words`), WORDS (several of them, separated by commas) or, of an option that ends
 * the command, LAST. The help may mention the default; where an option may be repeated, it says so in these words.
 */
#define OPTIONS(OPTION)                                                                                                \
	OPTION(FORMAT, "format", "", "NAME", FORMAT, "", IN_RUN | IN_REPORT, "report format",                          \
		"The format of the report, one of those under FORMATS (default: text); may be repeated, each with "    \
		"its own --output")                                                                                    \
	OPTION(OUTPUT, "output", "", "FILE", FILE, "", IN_RUN | IN_REPORT, "where the preceding format goes",          \
		"Where the preceding format goes, - for standard output; may be repeated")                             \
	OPTION(DIFF_FORMAT, "format", "", "NAME", WORD, "text json", IN_DIFF, "format of the list",                    \
		"Format of the list: text or json (default: text)")                                                    \
	OPTION(FAIL_ON, "fail-on", "", "LIST", WORDS, "error warning note all none", IN_RUN | IN_REPORT | IN_DIFF,     \
		"lowest severity that changes the exit status",                                                        \
		"Lowest severity that changes the exit status: error (default), warning (and errors), note or all "    \
		"(everything), or none; diff looks at new incidents only")                                             \
	OPTION(ERROR_EXITCODE, "error-exitcode", "", "N", NUMBER, "", IN_RUN | IN_REPORT | IN_DIFF,                    \
		"exit status where such incidents remain",                                                             \
		"Exit status where such incidents remain (default: 66; 0: they never change it)")                      \
	OPTION(MAX_INCIDENTS, "max-incidents", "", "N", NUMBER, "", IN_RUN | IN_REPORT,                                \
		"places that a text report shows",                                                                     \
		"Places that a text report shows, worst first (default: 20; 0: all)")                                  \
	OPTION(SUPPRESSIONS, "suppressions", "", "FILE", FILE, "", IN_RUN | IN_REPORT, "rules for what to ignore",     \
		"Rules for what to ignore, KIND:PATTERN, a line each (see SUPPRESSIONS in socksan(1)); may be "        \
		"repeated")                                                                                            \
	OPTION(GEN_SUPPRESSIONS, "gen-suppressions", "", "", NONE, "", IN_RUN | IN_REPORT, "propose such rules",       \
		"Propose a rule for every incident that the text report shows")                                        \
	OPTION(BASELINE, "baseline", "", "FILE", FILE, "", IN_RUN | IN_REPORT, "report only what is new since",        \
		"An earlier report (json, jsonl), trace or directory of traces: incidents in it are known; only new "  \
		"ones are reported and change the exit status")                                                        \
	OPTION(SOURCE_ROOT, "source-root", "", "DIR", DIRECTORY, "", IN_RUN | IN_REPORT,                               \
		"also show source lines from this directory",                                                          \
		"Also show source lines from below DIR, not only from the current directory's tree; may be repeated")  \
	OPTION(COLOR, "color", "", "WHEN", WORD, "auto always never", IN_RUN | IN_REPORT | IN_DIFF,                    \
		"when text is coloured",                                                                               \
		"When text is coloured: auto, always or never (default: auto: on a terminal, unless NO_COLOR is set)") \
	OPTION(QUIET, "quiet", "q", "", NONE, "", IN_RUN | IN_REPORT | IN_SOCKETS | IN_DIFF, "less on the terminal",   \
		"No progress line; no text report if there is nothing to report; a diff lists only what is new")       \
	OPTION(LOG_DIR, "log-dir", "", "DIR", DIRECTORY, "", IN_RUN, "keep the traces",                                \
		"Keep the traces in DIR; otherwise they are deleted after the report")                                 \
	OPTION(QUARANTINE, "quarantine", "", "N", NUMBER, "", IN_RUN, "park numbers of closed sockets",                \
		"Park up to N descriptor numbers of closed sockets, so that a write through a stale descriptor fails " \
		"and is reported, instead of reaching another connection")                                             \
	OPTION(OPTIONS, "options", "", "KEY=VALUE:...", TEXT, "", IN_RUN, "options for the library",                   \
		"Options for the library, as in SOCKSAN_OPTIONS; see libsocksan(7)")                                   \
	OPTION(SHIM, "shim", "", "FILE", FILE, "", IN_RUN, "the libsocksan.so to preload",                             \
		"The libsocksan.so to preload instead of the one beside the command")                                  \
	OPTION(VERSION, "version", "", "", LAST, "", IN_RUN, "the version of socksan", "The version of socksan")       \
	OPTION(HELP, "help", "h", "", LAST, "", IN_RUN | IN_REPORT | IN_SOCKETS | IN_DIFF | IN_EXPLAIN, "usage",       \
		"Usage of the subcommand")

#ifndef COMMAND_TABLE_ONLY /* the build reads the table alone */

enum subcommand {
#define SUBCOMMAND(ID, name, arguments, completion, brief, description, status) SUBCOMMAND_##ID,
	SUBCOMMANDS(SUBCOMMAND)
#undef SUBCOMMAND
};

/* In which subcommands an option is known. */
enum {
#define SUBCOMMAND(ID, name, arguments, completion, brief, description, status) IN_##ID = 1 << SUBCOMMAND_##ID,
	SUBCOMMANDS(SUBCOMMAND)
#undef SUBCOMMAND
};

enum option_id {
#define OPTION(ID, name, letter, argument, value, words, subcommands, brief, help) OPTION_##ID,
	OPTIONS(OPTION)
#undef OPTION
		OPTION_COUNT
};

#endif
#endif
