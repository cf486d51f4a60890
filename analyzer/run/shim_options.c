/*
 * shim_options.c: see shim_options.h.
 */
#include "analyzer/run/shim_options.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/text.h"
#include "shim/library_options.h"

/* The keys that the library knows. */
static const struct known_key {
	const char *key;
	enum library_option_type type;
	uint64_t lowest;
	uint64_t highest;
	const char *set_by; /* what `socksan run` has in its place, or "" */
} known_keys[] = {
#define TEXT(name, initial, argument, set_by, help, more) {#name, LIBRARY_TEXT, 0, 0, set_by},
#define NUMBER(name, member, lowest, highest, initial, argument, help, more)                                           \
	{#name, LIBRARY_NUMBER, lowest, highest, ""},
#define SIZE(name, lowest, highest, initial, argument, help, more)                                                     \
	{#name, LIBRARY_SIZE, lowest##ull << 10, highest##ull << 10, ""},
#define SWITCH(name, initial, help, more) {#name, LIBRARY_SWITCH, 0, 1, ""},
	LIBRARY_OPTIONS(TEXT, NUMBER, SIZE, SWITCH)
#undef TEXT
#undef NUMBER
#undef SIZE
#undef SWITCH
};

/* Finds a key's row; NULL where it is unknown. */
static const struct known_key *find_key(const char *key)
{
	for (size_t i = 0; i < sizeof(known_keys) / sizeof(*known_keys); i++)
		if (!strcmp(known_keys[i].key, key))
			return &known_keys[i];
	return NULL;
}

static bool fits(const struct known_key *key, const char *value)
{
	uint64_t number;
	bool on;

	switch (key->type) {
	case LIBRARY_NUMBER:
	case LIBRARY_SIZE:
		return library_option_number(key->type, value, strlen(value), key->lowest, key->highest, &number);
	case LIBRARY_SWITCH: return library_option_switch(value, strlen(value), &on);
	case LIBRARY_TEXT: return *value;
	}
	return false;
}

/* "4095M". To be freed. */
static char *size_words(uint64_t bytes)
{
	bool mega = bytes % (1 << 20) == 0;

	return text_format("%" PRIu64 "%c", mega ? bytes >> 20 : bytes >> 10, mega ? 'M' : 'K');
}

/* What a value must be. To be freed. */
static char *expected(const struct known_key *key)
{
	char *lowest;
	char *highest;
	char *words;

	switch (key->type) {
	case LIBRARY_TEXT: return text_copy("a text");
	case LIBRARY_SWITCH: return text_copy("0 or 1");
	case LIBRARY_NUMBER: return text_format("a number from %" PRIu64 " to %" PRIu64, key->lowest, key->highest);
	case LIBRARY_SIZE: break;
	}
	lowest = size_words(key->lowest);
	highest = size_words(key->highest);
	words = text_format("a number of bytes from %s to %s", lowest, highest);
	free(lowest);
	free(highest);
	return words;
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
	const struct known_key *known = find_key(key);
	char *right;
	char *fault;

	if (!known)
		return text_format("unknown option \"%s\"", key);
	if (*known->set_by)
		return text_format("%s is set by socksan run (see %s)", key, known->set_by);
	/* Text that no quotes can carry. */
	if (value && strchr(value, '"') && strchr(value, '\''))
		return text_format("%s=%s: a value cannot hold both kinds of quotes", key, value);
	if (value && fits(known, value))
		return NULL;
	right = expected(known);
	fault = value ? text_format("%s=%s: expected %s", key, value, right)
		      : text_format("%s has no value: expected %s", key, right);
	free(right);
	return fault;
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
		const struct known_key *known;

		take_item(&text, &key, &value);
		known = find_key(key);
		fault = *key || value ? find_fault(key, value) : NULL;
		if (fault && !(known && *known->set_by))
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
