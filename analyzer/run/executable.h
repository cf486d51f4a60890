/*
 * executable.h: can this program be audited? Asked before it is started, and of descendants that nobody audited.
 *
 * A preload is the dynamic loader's work: without one (static programs), with another C library's, in another
 * machine's programs and in those that gain privileges, it does not happen, and nobody says so. Scripts are
 * followed to the program that the kernel would run for them.
 */
#ifndef SOCKSAN_EXECUTABLE_H
#define SOCKSAN_EXECUTABLE_H

#include <stdbool.h>

#include "analyzer/symbols/elf_image.h"

enum executable_verdict {
	EXECUTABLE_AUDITABLE, /* as far as its files tell */
	EXECUTABLE_UNAUDITABLE, /* it would run, and the shim would not be in it */
	EXECUTABLE_CANNOT_EXECUTE, /* a shell would exit with 126 */
	EXECUTABLE_NOT_FOUND, /* a shell would exit with 127 */
};

struct executable {
	enum executable_verdict verdict;
	char *path; /* the file that an exec would name; NULL where none was found */
	char *reason; /* a clause, "it is statically linked"; NULL where it is auditable */
	const char *advice; /* what to do about an EXECUTABLE_UNAUDITABLE, or NULL */
	char *caution; /* a clause: what the audit of it will not see, or NULL */
	bool needs_asan; /* it needs the shared runtime of AddressSanitizer */
};

/*
 * Examines `name`, which is searched for in PATH as a shell does where it holds no slash. `shim` is the image of
 * libsocksan.so: programs for another machine cannot be audited. Must be followed by executable_free().
 */
void executable_examine(struct executable *executable, const char *name, const struct elf_image *shim);

void executable_free(struct executable *executable);

#endif
