/*
 * suppress.c: see suppress.h.
 */
#include "analyzer/report/suppress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/text.h"
#include "analyzer/wording/kinds.h"

/* --- Patterns ----------------------------------------------------------------------------------------------------- */

/*
 * Whether `text` matches `pattern`, whose stars are the only special characters left. The last star is the only one to
 * come back to: what an earlier one takes can as well be taken by it.
 */
static bool glob(const char *pattern, size_t length, const char *text)
{
	const char *end = pattern + length;
	const char *star = NULL;
	const char *resume = text;

	for (;;) {
		if (pattern < end && *pattern == '*') {
			star = ++pattern;
			resume = text;
		} else if (pattern == end ? !*text : *text && *pattern == *text) {
			if (pattern == end)
				return true;
			pattern++;
			text++;
		} else if (star && *resume) {
			pattern = star;
			text = ++resume;
		} else {
			return false;
		}
	}
}

bool suppress_match(const char *pattern, const char *text)
{
	bool from_start = *pattern == '^';
	const char *middle = pattern + from_start;
	size_t length = strlen(middle);
	bool to_end = length && middle[length - 1] == '$';
	char *whole = text_format("%s%.*s%s", from_start ? "" : "*", (int)(length - to_end), middle, to_end ? "" : "*");
	bool matches = glob(whole, strlen(whole), text);

	free(whole);
	return matches;
}

bool suppression_matches(const struct suppression *rule, const char *kind, const char *text)
{
	return text && *text && rule->pattern && (!rule->kind || !strcmp(rule->kind, kind)) &&
	       suppress_match(rule->pattern, text);
}

/* --- Files -------------------------------------------------------------------------------------------------------- */

/* The line without white space at both ends, in place. */
static char *trim(char *line)
{
	size_t length;

	line += strspn(line, " \t\r\n\v\f");
	length = strlen(line);
	while (length && strchr(" \t\r\n\v\f", line[length - 1]))
		length--;
	line[length] = '\0';
	return line;
}

/* Adds the rule in `text`; returns what is wrong with it, or NULL. */
static const char *add_rule(struct suppressions *suppressions, const char *file, unsigned line, const char *text)
{
	const char *colon = strchr(text, ':');
	const char *pattern;
	const struct kind *kind = NULL;
	char *id;

	if (!colon)
		return "expected KIND:PATTERN";
	pattern = colon + 1 + strspn(colon + 1, " \t");
	if (!*pattern)
		return "expected a pattern behind the colon";
	id = text_format("%.*s", (int)(colon - text), text);
	if (strcmp(id, "*") != 0) {
		kind = kinds_find(id);
		if (!kind) {
			free(id);
			return "unknown kind of incident (`socksan explain` lists them; * stands for any)";
		}
	}
	free(id);
	suppressions->rules = text_grow(suppressions->rules, suppressions->count, sizeof(*suppressions->rules));
	suppressions->rules[suppressions->count] = (struct suppression){
		.file = file,
		.line = line,
		.text = text_copy(text),
		.kind = kind ? kind->id : NULL,
	};
	suppressions->rules[suppressions->count].pattern =
		suppressions->rules[suppressions->count].text + (pattern - text);
	suppressions->count++;
	return NULL;
}

static bool read_lines(struct suppressions *suppressions, const char *path, FILE *file)
{
	char *line = NULL;
	size_t size = 0;
	bool good = true;

	for (unsigned number = 1; getline(&line, &size, file) >= 0; number++) {
		const char *text = trim(line);
		const char *fault = *text && *text != '#' ? add_rule(suppressions, path, number, text) : NULL;

		if (fault)
			text_complain("%s:%u: %s, found \"%s\"", path, number, fault, text);
		good &= !fault;
	}
	free(line);
	if (ferror(file)) {
		text_complain("cannot read the suppressions in %s: %s", path, strerror(errno));
		return false;
	}
	return good;
}

static const char *add_file(struct suppressions *suppressions, const char *path)
{
	suppressions->files = text_grow(suppressions->files, suppressions->file_count, sizeof(*suppressions->files));
	return suppressions->files[suppressions->file_count++] = text_copy(path);
}

bool suppressions_read(struct suppressions *suppressions, const char *path)
{
	FILE *file;
	bool good;

	for (size_t i = 0; i < suppressions->file_count; i++)
		if (!strcmp(suppressions->files[i], path))
			return true;
	file = fopen(path, "re");
	if (!file) {
		text_complain("cannot read the suppressions in %s: %s", path, strerror(errno));
		return false;
	}
	good = read_lines(suppressions, add_file(suppressions, path), file);
	fclose(file);
	return good;
}

uint32_t suppressions_add_name(struct suppressions *suppressions, const char *name, const char *file)
{
	suppressions->rules = text_grow(suppressions->rules, suppressions->count, sizeof(*suppressions->rules));
	suppressions->rules[suppressions->count++] =
		(struct suppression){.file = add_file(suppressions, file), .text = text_copy(name)};
	return (uint32_t)suppressions->count;
}

void suppressions_free(struct suppressions *suppressions)
{
	for (size_t i = 0; i < suppressions->count; i++)
		free(suppressions->rules[i].text);
	for (size_t i = 0; i < suppressions->file_count; i++)
		free(suppressions->files[i]);
	free(suppressions->rules);
	free(suppressions->files);
	*suppressions = (struct suppressions){0};
}
