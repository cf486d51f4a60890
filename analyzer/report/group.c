/*
 * group.c: see group.h.
 */
#include "analyzer/report/group.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "analyzer/base/hash_table.h"
#include "analyzer/base/progress.h"
#include "analyzer/base/text.h"
#include "analyzer/wording/kinds.h"

#define FINGERPRINT_FRAMES 3

/* The names of one stack, so that a stack that stands under many incidents is looked up once. */
struct named_stack {
	UT_hash_handle hh;
	struct {
		uint32_t trace;
		trace_ref ref;
	} key;
	char *names;
};

/*
 * A frame's name that stays the same when the program is built again. Where the function is not known, the place in the
 * module is all there is.
 */
static void print_name(FILE *stream, const struct frame *frame)
{
	if (frame->language == LANGUAGE_PYTHON)
		fprintf(stream, "%s:%s\n", text_basename(frame->file), frame->function);
	else if (*frame->function)
		fprintf(stream, "%s\n", frame->function);
	else
		fprintf(stream, "%s+%#" PRIx64 "\n", text_basename(frame->module), frame->offset);
}

/* Frames that the fingerprint may count: the program's own, or, where there are none, any. */
static bool counts(const struct frame *frame, bool own_only, bool python_only)
{
	if (python_only && frame->language != LANGUAGE_PYTHON)
		return false;
	return !own_only || !frame->system;
}

static size_t print_names(FILE *stream, const struct stack *stack, bool own_only, bool python_only)
{
	size_t printed = 0;

	for (size_t i = 0; i < stack->count && printed < FINGERPRINT_FRAMES; i++) {
		if (!counts(&stack->frames[i], own_only, python_only))
			continue;
		print_name(stream, &stack->frames[i]);
		printed++;
	}
	return printed;
}

char *group_names(const struct stack *stack)
{
	struct text_buffer buffer;
	FILE *stream = text_open(&buffer);
	bool has_python = false;

	for (size_t i = 0; i < stack->count; i++)
		has_python |= stack->frames[i].language == LANGUAGE_PYTHON;
	if (!print_names(stream, stack, true, false) && !(has_python && print_names(stream, stack, false, true)))
		print_names(stream, stack, false, false);
	return text_close(&buffer);
}

static const char *names_of(struct lifecycle *lifecycle, struct symbolizer *symbolizer, struct named_stack **cache,
	uint32_t trace, trace_ref ref)
{
	struct named_stack *named;
	struct raw_stack raw;
	struct stack stack;
	struct named_stack wanted = {.key = {.trace = trace, .ref = ref}};

	HASH_FIND(hh, *cache, &wanted.key, sizeof(wanted.key), named);
	if (named)
		return named->names;
	lifecycle_load_stack(lifecycle, trace, ref, &raw);
	symbolize_stack(symbolizer, lifecycle_space(lifecycle, trace), &raw, &stack);
	named = text_allocate(sizeof(*named));
	named->key = wanted.key;
	named->names = group_names(&stack);
	symbolize_free(&stack);
	lifecycle_stack_free(&raw);
	HASH_ADD(hh, *cache, key, sizeof(named->key), named);
	return named->names;
}

static uint64_t fingerprint(const struct incident *incident, const char *names)
{
	char *words = text_format("%s\n%s", kinds_get(incident->kind)->id, names);
	uint64_t hash = XXH64(words, strlen(words), 0);

	free(words);
	return hash;
}

/* The incidents of one group, while they are being sorted. */
struct tally {
	UT_hash_handle hh;
	struct {
		uint64_t fingerprint;
		uint32_t severity;
		uint32_t suppressed;
	} key;
	uint32_t group;
	uint64_t first_ns;
};

static int compare_tallies(struct tally *left, struct tally *right)
{
	if (left->key.suppressed != right->key.suppressed)
		return left->key.suppressed < right->key.suppressed ? -1 : 1;
	if (left->key.severity != right->key.severity)
		return left->key.severity > right->key.severity ? -1 : 1;
	if (left->first_ns != right->first_ns)
		return left->first_ns < right->first_ns ? -1 : 1;
	return (left->key.fingerprint > right->key.fingerprint) - (left->key.fingerprint < right->key.fingerprint);
}

static struct tally *tally_of(struct tally **tallies, const struct incident *incident)
{
	struct tally wanted = {.key = {.fingerprint = incident->fingerprint,
				       .severity = incident->severity,
				       .suppressed = incident->suppressed_by != 0}};
	struct tally *tally;

	HASH_FIND(hh, *tallies, &wanted.key, sizeof(wanted.key), tally);
	if (!tally) {
		tally = text_allocate(sizeof(*tally));
		tally->key = wanted.key;
		tally->first_ns = incident->first_ns;
		HASH_ADD(hh, *tallies, key, sizeof(tally->key), tally);
	}
	if (incident->first_ns < tally->first_ns)
		tally->first_ns = incident->first_ns;
	return tally;
}

/* What makes an incident the one of its group to show: a process that died, then bytes that were lost. */
static int gravity(const struct incident *incident)
{
	return 2 * (incident->sigpipe == TRACE_SIGPIPE_FATAL) + (incident->bytes_lost != 0);
}

static int compare_incidents(const void *a, const void *b)
{
	const struct incident *left = a;
	const struct incident *right = b;

	if (left->group != right->group)
		return left->group < right->group ? -1 : 1;
	if (gravity(left) != gravity(right))
		return gravity(left) > gravity(right) ? -1 : 1;
	if (left->first_ns != right->first_ns)
		return left->first_ns < right->first_ns ? -1 : 1;
	if (left->trace != right->trace)
		return left->trace < right->trace ? -1 : 1;
	return (left->ref > right->ref) - (left->ref < right->ref);
}

/* Numbers the groups, worst first, and frees the tallies. */
static void assign_groups(struct tally *tallies, struct incident *incidents, size_t count, struct groups *groups)
{
	struct tally *tally;
	struct tally *next;
	uint32_t number = 0;

	HASH_SORT(tallies, compare_tallies);
	*groups = (struct groups){0};
	HASH_ITER (hh, tallies, tally, next) {
		tally->group = number++;
		groups->suppressed += tally->key.suppressed;
	}
	for (size_t i = 0; i < count; i++)
		incidents[i].group = tally_of(&tallies, &incidents[i])->group;
	groups->count = number - groups->suppressed;
	groups->groups = text_allocate(number * sizeof(*groups->groups));
	HASH_ITER (hh, tallies, tally, next) {
		HASH_DEL(tallies, tally);
		free(tally);
	}
}

void group_identify(struct lifecycle *lifecycle, struct symbolizer *symbolizer)
{
	struct named_stack *cache = NULL;
	struct named_stack *named;
	struct named_stack *next;
	size_t count;
	struct incident *incidents = lifecycle_incidents(lifecycle, &count);

	progress_begin("looking up symbols");
	for (size_t i = 0; i < count; i++) {
		struct incident *incident = &incidents[i];

		progress_at(i, count, "incidents");
		incident->severity = kinds_severity(incident);
		incident->fingerprint = fingerprint(
			incident, names_of(lifecycle, symbolizer, &cache, incident->trace, incident->stack_write));
	}
	progress_end();
	HASH_ITER (hh, cache, named, next) {
		HASH_DEL(cache, named);
		free(named->names);
		free(named);
	}
}

void group_incidents(struct lifecycle *lifecycle, struct groups *groups)
{
	struct tally *tallies = NULL;
	size_t count;
	struct incident *incidents = lifecycle_incidents(lifecycle, &count);

	for (size_t i = 0; i < count; i++)
		tally_of(&tallies, &incidents[i]);
	assign_groups(tallies, incidents, count, groups);
	if (count)
		qsort(incidents, count, sizeof(*incidents), compare_incidents);
	for (size_t i = 0; i < count; i++) {
		struct group *group = &groups->groups[incidents[i].group];

		if (group->count++ == 0)
			group->first = i;
	}
}

void group_free(struct groups *groups)
{
	free(groups->groups);
	*groups = (struct groups){0};
}
