/*
 * junit_cases.h: which test case each incident belongs to.
 *
 * A test case is what was running (socksan_label) or, where nobody said, a process. Services compare runs by the names
 * of test cases, so a name has nothing in it that changes from run to run, such as a pid.
 */
#ifndef SOCKSAN_JUNIT_CASES_H
#define SOCKSAN_JUNIT_CASES_H

#include "analyzer/report/render.h"

/* All text is escaped, and fit for XML. */
struct test_case {
	char *key; /* unique: the process, or the program and the label */
	char *name;
	char *program;
	uint32_t process; /* index */
	uint32_t number; /* its own index */
	bool is_needed; /* a process all of whose incidents have labels has no test case of its own */
};

/* An incident of a test case; suppressed ones have none. */
struct test_entry {
	uint32_t test_case;
	uint32_t incident; /* index: in the order of the groups, worst first */
};

struct case_index;

struct test_cases {
	struct test_case **cases;
	size_t count;
	struct test_entry *entries; /* in the order of their cases, those of each worst first */
	size_t entry_count;
	struct case_index *index;
};

void test_cases_find(struct test_cases *cases, const struct report *report);
void test_cases_free(struct test_cases *cases);

/* The N-th test case of a name in a program is called "NAME #N". The caller frees it. */
char *test_cases_unique_name(struct test_cases *cases, const char *program, const char *name);

/* Replaces what XML cannot hold even as a reference, in place; returns `text`. */
char *test_cases_clean(char *text);

/* Text from outside as a report shows it. The caller frees it. */
char *test_cases_escaped(const char *bytes, size_t length);

#endif
