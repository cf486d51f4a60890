/*
 * kinds.c: the table of kinds (shim/trace_kinds.h) and their texts. See kinds.h.
 */
#include "analyzer/wording/kinds.h"

#include <string.h>

#define UNKNOWN 0

/* What the files analyzer/kinds/ID.txt say, made by the build. */
static const struct kind_text texts[TRACE_KINDS_END] = {
#include "generated/kind_texts.h"
	[UNKNOWN] =
		{
			.summary = "a kind that this version of socksan does not know",
			.event = "the connection ended",
			.past_event = "the connection had ended",
			.meaning =
				"The trace was written by a version of libsocksan that knows more kinds than this one.",
			.causes = "Unknown.",
			.fix = "Use the socksan that came with that libsocksan.",
			.usually = "this trace comes from a newer libsocksan",
		},
};

static const struct kind kinds[TRACE_KINDS_END] = {
	[UNKNOWN] = {"unknown", SEVERITY_WARNING, SEVERITY_WARNING, SEVERITY_WARNING, 0, &texts[UNKNOWN]},
#define KIND(number, name, id, told, kernel, nobody, columns)                                                          \
	[number] = {id, SEVERITY_##told, SEVERITY_##kernel, SEVERITY_##nobody, columns, &texts[number]},
	TRACE_KINDS(KIND)
#undef KIND
};

const struct kind *kinds_all(size_t *count)
{
	*count = TRACE_KINDS_END - 1;
	return kinds + 1;
}

const struct kind *kinds_get(unsigned kind)
{
	return &kinds[kind < TRACE_KINDS_END ? kind : UNKNOWN];
}

const struct kind *kinds_find(const char *id)
{
	for (unsigned kind = 1; kind < TRACE_KINDS_END; kind++)
		if (!strcmp(kinds[kind].id, id))
			return &kinds[kind];
	return NULL;
}

const char *kinds_usually(const struct trace_incident *incident)
{
	const struct kind *kind = kinds_get(incident->kind);
	const struct kind_text *text = kind->text;
	const char *usually = incident->knowledge == TRACE_NOBODY   ? text->usually_later
			      : incident->knowledge == TRACE_KERNEL ? text->usually_untold
								    : NULL;

	if (incident->flags & TRACE_INCIDENT_FAREWELL && kind->columns & KIND_GOODBYE &&
		incident->sigpipe != TRACE_SIGPIPE_FATAL)
		return "a protocol's goodbye crossed the peer's close, which is harmless";
	if (incident->outcome == TRACE_DELIVERED && text->usually_delivered)
		return text->usually_delivered;
	return usually ? usually : text->usually;
}

/* An incident that was read is this process's own. */
#define PLAIN(word) (word)

enum severity kinds_severity(const struct incident *incident)
{
	return (enum severity)trace_severity(&TRACE_SEVERITY_FACTS(incident, incident->told_by_call, PLAIN));
}

static const char *name_of(const char *const *names, size_t count, unsigned value)
{
	return value < count && names[value] ? names[value] : "unknown";
}

#define NAME_OF(names, value) name_of(names, sizeof(names) / sizeof(names[0]), value)

const char *kinds_knowledge_name(unsigned knowledge)
{
	static const char *const names[] = {
		[TRACE_NOBODY] = "nobody", [TRACE_KERNEL] = "kernel", [TRACE_TOLD] = "told"};

	return NAME_OF(names, knowledge);
}

const char *kinds_outcome_name(unsigned outcome)
{
	static const char *const names[] = {[TRACE_UNCONFIRMED] = "unconfirmed",
		[TRACE_REJECTED] = "rejected",
		[TRACE_LOST] = "lost",
		[TRACE_DELIVERED] = "delivered"};

	return NAME_OF(names, outcome);
}

const char *kinds_sigpipe_name(unsigned sigpipe)
{
	static const char *const names[] = {
		[TRACE_SIGPIPE_NONE] = "none", [TRACE_SIGPIPE_RAISED] = "raised", [TRACE_SIGPIPE_FATAL] = "fatal"};

	return NAME_OF(names, sigpipe);
}

const char *kinds_severity_name(enum severity severity)
{
	static const char *const names[] = {
		[SEVERITY_NOTE] = "note", [SEVERITY_WARNING] = "warning", [SEVERITY_ERROR] = "error"};

	return NAME_OF(names, (unsigned)severity);
}
