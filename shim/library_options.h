/*
 * library_options.h: the options of SOCKSAN_OPTIONS, one row each.
 *
 * The library reads them (config.h), the command checks what it hands on (analyzer/run/shim_options.h), and the help
 * and the manual page are made from the rows. An option is a row here and the code that asks config.NAME. Library and
 * command share this file, trace_format.h and trace_kinds.h. Pure: no state, no calls; usable anywhere.
 */
#ifndef SOCKSAN_LIBRARY_OPTIONS_H
#define SOCKSAN_LIBRARY_OPTIONS_H

/*
 * TEXT(name, default, ARGUMENT, set by, help, more)
 * NUMBER(name, member of struct config, lowest, highest, default, ARGUMENT, help, more)
 * SIZE(name, lowest, highest, default, ARGUMENT, help, more)  in KiB; a value is in bytes, or has K, M or G behind it
 * SWITCH(name, default, help, more)  0 or 1
 *
 * `set by` is what `socksan run` has in the place of an option that it sets itself, or "". `help` is a line of help=1,
 * and a sentence of the manual page, which goes on with `more`.
 */
#define LIBRARY_OPTIONS(TEXT, NUMBER, SIZE, SWITCH)                                                                    \
	TEXT(log_path, "socksan.", "PREFIX", "--log-dir", "where traces go; a directory if it ends in a slash",        \
		"Each process adds its own name.")                                                                     \
	SIZE(max_trace, 64, 4193280, 65536, "BYTES", "the largest trace of one process",                               \
		"Accepts K, M and G. When it is full, records of cleanly ended connections make room; incidents that " \
		"find none are counted as lost.")                                                                      \
	NUMBER(stack_depth, stack_depth, 1, 120, 48, "N", "frames kept per stack", "")                                 \
	SWITCH(halt_on_error, 0, "end the process at the first error",                                                 \
		"It ends with exitcode, after the call that made the incident, or after the one that showed what "     \
		"became of its bytes. A double close counts once this thread closes anything but the next number, or " \
		"at the end, since it may be part of a loop that closes every number.")                                \
	NUMBER(exitcode, exitcode, 0, 255, 66, "N", "the exit status that halt_on_error gives the process", "")        \
	NUMBER(quarantine, quarantine, 0, 1048576, 0, "N",                                                             \
		"keep the descriptors of up to N closed sockets from being reused",                                    \
		"A write through a stale descriptor then fails and is reported. It never holds more than an eighth "   \
		"of the limit on open descriptors, and gives all back under pressure. New descriptors get higher "     \
		"numbers than without it.")                                                                            \
	NUMBER(silent_after, silent_after_ms, 0, 3600000, 1000, "MS",                                                  \
		"call a peer silent that acknowledges nothing for this long; 0: never",                                \
		"In milliseconds, through retransmissions.")                                                           \
	NUMBER(preview, preview, 0, 64, 0, "N", "keep the first N bytes of what an incident wrote",                    \
		"None by default, since they can be secret.")                                                          \
	SWITCH(python, 1, "take Python stacks and load the Python adapter", "")                                        \
	SWITCH(handle_sigbus, 1, "handle SIGBUS, so that truncating a trace does not kill the program",                \
		"The handler is installed with the first trace. Any other SIGBUS goes to the program as before, but "  \
		"/proc/PID/status shows it as caught. socksan run sets 0 where the traces are in its own temporary "   \
		"directory.")                                                                                          \
	TEXT(suppressions, "", "FILE", "", "rules for what to ignore, for the report", "See socksan(1).")              \
	TEXT(roster, "", "FILE", "--log-dir", "the file where each audited process signs in", "")                      \
	NUMBER(verbosity, verbosity, 0, 9, 0, "N", "1 or more: print the trace's path on standard error", "")          \
	SWITCH(help, 0, "print this help", "")

#ifndef LIBRARY_OPTIONS_TABLE_ONLY /* the build reads the table alone */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum library_option_type { LIBRARY_TEXT, LIBRARY_NUMBER, LIBRARY_SIZE, LIBRARY_SWITCH };

/*
 * Reads all of a value as the type has it; a size is in bytes. Returns whether it is one and lies in the range. No
 * allocation.
 */
static inline bool library_option_number(enum library_option_type type, const char *value, size_t length,
	uint64_t lowest, uint64_t highest, uint64_t *result)
{
	static const char letters[] = "kKmMgG";
	const char *letter;
	uint64_t number = 0;
	size_t i = 0;

	for (; i < length && value[i] >= '0' && value[i] <= '9'; i++) {
		if (number > (UINT64_MAX - 9) / 10)
			return false;
		number = number * 10 + (uint64_t)(value[i] - '0');
	}
	if (!i)
		return false;
	letter = type == LIBRARY_SIZE && i + 1 == length ? (const char *)memchr(letters, value[i], 6) : NULL;
	if (letter) {
		unsigned shift = 10 * (1 + (unsigned)(letter - letters) / 2);

		if (number > UINT64_MAX >> shift)
			return false;
		number <<= shift;
		i++;
	}
	*result = number;
	return i == length && number >= lowest && number <= highest;
}

static inline bool library_option_switch(const char *value, size_t length, bool *result)
{
	bool on = (length == 1 && value[0] == '1') || (length == 4 && !memcmp(value, "true", 4));
	bool off = (length == 1 && value[0] == '0') || (length == 5 && !memcmp(value, "false", 5));

	if (on || off)
		*result = on;
	return on || off;
}

#endif
#endif
