/*
 * suppress_incidents.c: see suppress_incidents.h.
 */
#include "analyzer/report/suppress_incidents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/escape.h"
#include "analyzer/base/hash_table.h"
#include "analyzer/base/progress.h"
#include "analyzer/base/text.h"
#include "analyzer/symbols/frames.h"
#include "analyzer/wording/kinds.h"
#include "analyzer/wording/names.h"

/* Rules are numbered from 1; none is 0. Of two the first in the files counts. */
static uint32_t first_of(uint32_t left, uint32_t right)
{
	if (!left || !right)
		return left ? left : right;
	return left < right ? left : right;
}

static uint32_t rule_for(const struct suppressions *suppressions, const char *kind, const char *text)
{
	for (size_t i = 0; i < suppressions->count; i++)
		if (suppression_matches(&suppressions->rules[i], kind, text))
			return (uint32_t)i + 1;
	return 0;
}

static uint32_t rule_for_stack(const struct suppressions *suppressions, const char *kind, const struct stack *stack)
{
	uint32_t rule = 0;

	for (size_t i = 0; i < stack->count; i++) {
		const struct frame *frame = &stack->frames[i];

		rule = first_of(rule, rule_for(suppressions, kind, frame->function));
		rule = first_of(rule, rule_for(suppressions, kind, frame->module));
		rule = first_of(rule, rule_for(suppressions, kind, frame->file));
	}
	return rule;
}

/* What the rules say of one stack for one kind, so that a stack that stands under many incidents is looked at once. */
struct judged_stack {
	UT_hash_handle hh;
	struct {
		uint32_t trace;
		trace_ref ref;
		uint32_t kind;
	} key;
	uint32_t rule;
};

struct judge {
	struct lifecycle *lifecycle;
	struct symbolizer *symbolizer;
	const struct suppressions *suppressions;
	struct judged_stack *judged;
};

static uint32_t judge_stack(struct judge *judge, const struct incident *incident, trace_ref ref)
{
	struct judged_stack wanted = {.key = {.trace = incident->trace, .ref = ref, .kind = incident->kind}};
	struct judged_stack *judged;
	struct raw_stack raw;
	struct stack stack;

	HASH_FIND(hh, judge->judged, &wanted.key, sizeof(wanted.key), judged);
	if (judged)
		return judged->rule;
	lifecycle_load_stack(judge->lifecycle, incident->trace, ref, &raw);
	symbolize_stack(judge->symbolizer, lifecycle_space(judge->lifecycle, incident->trace), &raw, &stack);
	judged = text_allocate(sizeof(*judged));
	judged->key = wanted.key;
	judged->rule = rule_for_stack(judge->suppressions, kinds_get(incident->kind)->id, &stack);
	symbolize_free(&stack);
	lifecycle_stack_free(&raw);
	HASH_ADD(hh, judge->judged, key, sizeof(judged->key), judged);
	return judged->rule;
}

static uint32_t judge_incident(struct judge *judge, const struct incident *incident)
{
	const char *kind = kinds_get(incident->kind)->id;
	struct outline outline;
	uint32_t rule;
	char *peer;

	if (!lifecycle_load_outline(judge->lifecycle, incident, &outline))
		return 0;
	rule = judge_stack(judge, incident, incident->stack_write ? incident->stack_write : outline.stack_opened);
	if (outline.peer.family) {
		peer = names_endpoint(&outline.peer);
		rule = first_of(rule, rule_for(judge->suppressions, kind, peer));
		free(peer);
	}
	if (outline.label.length) {
		char *label = text_format("%.*s", (int)outline.label.length, outline.label.bytes);

		rule = first_of(rule, rule_for(judge->suppressions, kind, label));
		free(label);
	}
	free((char *)outline.label.bytes);
	return rule;
}

void suppress_incidents(struct lifecycle *lifecycle, struct symbolizer *symbolizer, struct suppressions *suppressions)
{
	struct judge judge = {.lifecycle = lifecycle, .symbolizer = symbolizer, .suppressions = suppressions};
	struct judged_stack *judged;
	struct judged_stack *next;
	size_t count;
	struct incident *incidents = lifecycle_incidents(lifecycle, &count);

	progress_begin("applying suppressions");
	for (size_t i = 0; i < count && suppressions->count; i++) {
		progress_at(i, count, "incidents");
		incidents[i].suppressed_by = judge_incident(&judge, &incidents[i]);
		if (incidents[i].suppressed_by)
			suppressions->rules[incidents[i].suppressed_by - 1].used++;
	}
	progress_end();
	HASH_ITER (hh, judge.judged, judged, next) {
		HASH_DEL(judge.judged, judged);
		free(judged);
	}
}

/*
 * "KIND:BEFORE^name$" with a star for whatever in the name could not be written into a file or onto a terminal as it
 * is. NULL where nothing else is left of it.
 */
static char *rule_of(const char *kind, const char *before, const char *name)
{
	size_t length = strlen(name);
	struct text_buffer rule;
	FILE *stream = text_open(&rule);
	bool has_name = false;

	fprintf(stream, "%s:%s", kind, before);
	for (size_t i = 0; i < length;) {
		size_t plain = escape_plain(name + i, length - i, i ? name[i - 1] : '\0');

		fwrite(name + i, 1, plain, stream);
		has_name |= plain > 0;
		i += plain;
		if (i < length && (plain || i == 0))
			fputc('*', stream);
		i += i < length;
	}
	fputc('$', stream);
	text_close(&rule);
	if (has_name)
		return rule.text;
	free(rule.text);
	return NULL;
}

char *suppress_propose(const char *kind, const struct stack *stack)
{
	const struct frame *place = frames_place(stack);

	if (!place)
		return NULL;
	if (*place->function)
		return rule_of(kind, "^", place->function);
	return *place->module ? rule_of(kind, "", text_basename(place->module)) : NULL;
}
