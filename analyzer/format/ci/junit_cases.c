/*
 * junit_cases.c: see junit_cases.h.
 */
#include "analyzer/format/ci/junit_cases.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/escape.h"
#include "analyzer/base/hash_table.h"
#include "analyzer/base/text.h"
#include "analyzer/report/incident_order.h"
#include "analyzer/wording/names.h"

/* A test case by its key. */
struct case_entry {
	struct test_case test_case;
	UT_hash_handle hh;
};

/* How often a name was given to a test case of a program. */
struct name_use {
	char *name; /* the program's, a newline, its own */
	size_t count;
	UT_hash_handle hh;
};

struct case_index {
	struct case_entry *by_key;
	struct name_use *names;
};

char *test_cases_clean(char *text)
{
	for (char *at = text; *at; at++) {
		if ((unsigned char)*at < 0x20 && *at != '\n' && *at != '\t')
			*at = '?';
		else if (!strncmp(at, "\xef\xbf\xbe", 3) || !strncmp(at, "\xef\xbf\xbf", 3))
			at[2] = '\xbd';
	}
	return text;
}

char *test_cases_escaped(const char *bytes, size_t length)
{
	return test_cases_clean(escape_copy(bytes ? bytes : "", length));
}

char *test_cases_unique_name(struct test_cases *cases, const char *program, const char *name)
{
	char *both = text_format("%s\n%s", program, name);
	struct name_use *use;

	HASH_FIND_STR(cases->index->names, both, use);
	if (use) {
		free(both);
	} else {
		use = text_allocate(sizeof(*use));
		use->name = both;
		HASH_ADD_KEYPTR(hh, cases->index->names, use->name, strlen(use->name), use);
	}
	return ++use->count > 1 ? text_format("%s #%zu", name, use->count) : text_copy(name);
}

/* The test case of `key`, which it takes; made where there is none. */
static struct test_case *find_case(struct test_cases *cases, const struct process *process, uint32_t number, char *key)
{
	struct case_entry *entry;
	char *program;

	HASH_FIND_STR(cases->index->by_key, key, entry);
	if (entry) {
		free(key);
		return &entry->test_case;
	}
	program = names_program(process);
	entry = text_allocate(sizeof(*entry));
	entry->test_case = (struct test_case){
		.key = key,
		.process = number,
		.program = test_cases_escaped(program, strlen(program)),
		.number = (uint32_t)cases->count,
	};
	free(program);
	cases->cases = text_grow(cases->cases, cases->count, sizeof(void *));
	cases->cases[cases->count++] = &entry->test_case;
	HASH_ADD_KEYPTR(hh, cases->index->by_key, key, strlen(key), entry);
	return &entry->test_case;
}

static struct test_case *case_of_process(struct test_cases *cases, const struct process *processes, uint32_t number)
{
	struct test_case *test_case = find_case(cases, &processes[number], number, text_format("p%" PRIu32, number));

	if (!test_case->name)
		test_case->name = test_cases_unique_name(cases, test_case->program, test_case->program);
	return test_case;
}

/* A label of one program is one test case, whichever of its processes ran it. */
static struct test_case *case_of_label(
	struct test_cases *cases, const struct process *processes, uint32_t number, struct text label)
{
	char *words = test_cases_escaped(label.bytes, label.length);
	char *program = names_program(&processes[number]);
	struct test_case *test_case =
		find_case(cases, &processes[number], number, text_format("l%s\n%s", program, words));

	free(program);
	if (!test_case->name)
		test_case->name = test_cases_unique_name(cases, test_case->program, words);
	free(words);
	return test_case;
}

static int compare_entries(const void *left, const void *right)
{
	const struct test_entry *a = left;
	const struct test_entry *b = right;

	if (a->test_case != b->test_case)
		return a->test_case < b->test_case ? -1 : 1;
	return (a->incident > b->incident) - (a->incident < b->incident);
}

/* The test case of one incident; NULL where the incident cannot be read any more. */
static struct test_case *case_of_incident(struct test_cases *cases, const struct report *report,
	const struct process *processes, const struct incident *incident, bool *labelled)
{
	struct test_case *test_case;
	struct outline outline;

	if (!lifecycle_load_outline(report->lifecycle, incident, &outline))
		return NULL;
	*labelled = outline.label.length != 0;
	test_case = *labelled ? case_of_label(cases, processes, incident->process, outline.label)
			      : case_of_process(cases, processes, incident->process);
	free((char *)outline.label.bytes);
	return test_case;
}

void test_cases_find(struct test_cases *cases, const struct report *report)
{
	size_t process_count;
	size_t count;
	const struct process *processes = lifecycle_processes(report->lifecycle, &process_count);
	const struct incident *incidents = lifecycle_incidents(report->lifecycle, &count);
	uint32_t *order = incident_order(report->lifecycle, &count);
	bool *has_label = text_allocate(process_count);

	*cases = (struct test_cases){.index = text_allocate(sizeof(*cases->index))};
	cases->entries = text_allocate(count * sizeof(*cases->entries));
	for (size_t i = 0; i < count; i++) {
		const struct incident *incident = &incidents[order[i]];
		bool labelled = false;
		struct test_case *test_case;

		if (incident->suppressed_by)
			continue;
		test_case = case_of_incident(cases, report, processes, incident, &labelled);

		if (!test_case)
			continue;
		test_case->is_needed = true;
		has_label[incident->process] |= labelled;
		cases->entries[cases->entry_count++] =
			(struct test_entry){.test_case = test_case->number, .incident = order[i]};
	}
	for (uint32_t i = 0; i < process_count; i++)
		if (!has_label[i])
			case_of_process(cases, processes, i)->is_needed = true;
	qsort(cases->entries, cases->entry_count, sizeof(*cases->entries), compare_entries);
	free(has_label);
	free(order);
}

void test_cases_free(struct test_cases *cases)
{
	struct case_entry *entry;
	struct case_entry *next_entry;
	struct name_use *use;
	struct name_use *next_use;

	HASH_ITER (hh, cases->index->by_key, entry, next_entry) {
		HASH_DEL(cases->index->by_key, entry);
		free(entry->test_case.key);
		free(entry->test_case.name);
		free(entry->test_case.program);
		free(entry);
	}
	HASH_ITER (hh, cases->index->names, use, next_use) {
		HASH_DEL(cases->index->names, use);
		free(use->name);
		free(use);
	}
	free(cases->index);
	free(cases->cases);
	free(cases->entries);
}
