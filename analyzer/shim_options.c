/*
 * shim_options.c: see shim_options.h.
 */
#include "analyzer/shim_options.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/text.h"

enum kind {
	KIND_TEXT,
	KIND_NUMBER,
	KIND_SIZE, /* a number, perhaps with K, M or G */
	KIND_SWITCH,
	KIND_OURS, /* `socksan run` sets it */
};

/* The keys that the shim knows; it checks the ranges. */
static const struct {
	const char *key;
	enum kind kind;
	const char *expected;
} known_keys[] = {
	{"log_path", KIND_OURS, "--log-dir"},
	{"roster", KIND_OURS, "--log-dir"},
	{"verbosity", KIND_NUMBER, "a number"},
	{"help", KIND_SWITCH, "0 or 1"},
	{"suppressions", KIND_TEXT, "a file"},
	{"halt_on_error", KIND_SWITCH, "0 or 1"},
	{"exitcode", KIND_NUMBER, "a number"},
	{"quarantine", KIND_NUMBER, "a number"},
	{"preview", KIND_NUMBER, "a number of bytes"},
	{"stack_depth", KIND_NUMBER, "a number of frames"},
	{"max_trace", KIND_SIZE, "a number of bytes (K, M, G understood)"},
	{"silent_after", KIND_NUMBER, "a number of milliseconds"},
	{"python", KIND_SWITCH, "0 or 1"},
};

#define KNOWN_KEYS (sizeof(known_keys) / sizeof(*known_keys))

/* Finds a key's row; KNOWN_KEYS where it is unknown. */
static size_t find_key(const char *key)
{
	size_t row = 0;

	while (row < KNOWN_KEYS && strcmp(known_keys[row].key, key))
		row++;
	return row;
}

static bool fits(enum kind kind, const char *value)
{
	size_t digits = strspn(value, "0123456789");

	switch (kind) {
	case KIND_NUMBER: return digits && !value[digits];
	case KIND_SIZE: return digits && (!value[digits] || (strchr("kKmMgG", value[digits]) && !value[digits + 1]));
	case KIND_SWITCH:
		return !strcmp(value, "0") || !strcmp(value, "1") || !strcmp(value, "true") || !strcmp(value, "false");
	case KIND_TEXT: return *value;
	case KIND_OURS: break;
	}
	return false;
}

void shim_options_set(struct shim_options *options, const char *key, const char *value)
{
	size_t i = 0;

	while (i < options->count && strcmp(options->items[i].key, key))
		i++;
	if (i == options->count) {
		options->items = text_grow(options->items, options->count, sizeof(*options->items));
		options->items[options->count++] = (struct shim_option){.key = text_copy(key)};
	}
	free(options->items[i].value);
	options->items[i].value = text_copy(value);
}

const char *shim_options_get(const struct shim_options *options, const char *key)
{
	for (size_t i = 0; i < options->count; i++)
		if (!strcmp(options->items[i].key, key))
			return options->items[i].value;
	return NULL;
}

/* Takes the next item off `*text`: its key, and its value, NULL where it has none. Both are to be freed. */
static void take_item(const char **text, char **key, char **value)
{
	size_t length = strcspn(*text, "=:");
	const char *start = *text + length + 1;
	const char *end;

	*key = strndup(*text, length);
	if (!*key)
		text_out_of_memory();
	*value = NULL;
	*text += length;
	if (**text == '=') {
		end = *start == '"' || *start == '\'' ? strchr(start + 1, *start) : NULL;
		*text = end ? end + 1 : start + strcspn(start, ":");
		*value = end ? strndup(start + 1, (size_t)(end - start - 1)) : strndup(start, (size_t)(*text - start));
		if (!*value)
			text_out_of_memory();
	}
	*text += **text == ':';
}

/* What is wrong with an option, or NULL. To be freed. */
static char *find_fault(const char *key, const char *value)
{
	size_t row = find_key(key);

	if (row == KNOWN_KEYS)
		return text_format("unknown option \"%s\"", key);
	if (known_keys[row].kind == KIND_OURS)
		return text_format("%s is set by socksan run (see %s)", key, known_keys[row].expected);
	if (!value)
		return text_format("%s has no value: expected %s", key, known_keys[row].expected);
	if (!fits(known_keys[row].kind, value))
		return text_format("%s=%s: expected %s", key, value, known_keys[row].expected);
	/* Text that no quotes can carry. */
	if (strchr(value, '"') && strchr(value, '\''))
		return text_format("%s=%s: a value cannot hold both kinds of quotes", key, value);
	return NULL;
}

bool shim_options_add(struct shim_options *options, const char *text)
{
	char *fault = NULL;

	while (*text && !fault) {
		char *key;
		char *value;

		take_item(&text, &key, &value);
		if (*key || value)
			fault = find_fault(key, value);
		if (!fault && *key)
			shim_options_set(options, key, value);
		free(key);
		free(value);
	}
	if (fault)
		text_complain("--options: %s", fault);
	free(fault);
	return !fault;
}

void shim_options_inherit(struct shim_options *options, const char *text)
{
	while (*text) {
		char *key;
		char *value;
		char *fault;
		size_t row;

		take_item(&text, &key, &value);
		row = find_key(key);
		fault = *key || value ? find_fault(key, value) : NULL;
		if (fault && (row == KNOWN_KEYS || known_keys[row].kind != KIND_OURS))
			text_complain("SOCKSAN_OPTIONS: %s; not passed on", fault);
		if (!fault && *key)
			shim_options_set(options, key, value);
		free(fault);
		free(key);
		free(value);
	}
}

char *shim_options_text(const struct shim_options *options)
{
	char *text = text_copy("");

	for (size_t i = 0; i < options->count; i++) {
		const char *value = options->items[i].value;
		bool quoted = strchr(value, ':') || *value == '"' || *value == '\'';
		const char *quote = !quoted ? "" : strchr(value, '"') ? "'" : "\"";
		char *longer =
			text_format("%s%s%s=%s%s%s", text, i ? ":" : "", options->items[i].key, quote, value, quote);

		free(text);
		text = longer;
	}
	return text;
}

void shim_options_free(struct shim_options *options)
{
	for (size_t i = 0; i < options->count; i++) {
		free(options->items[i].key);
		free(options->items[i].value);
	}
	free(options->items);
	*options = (struct shim_options){0};
}
