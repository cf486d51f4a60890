/* config.c: parsing without allocation, since the program's malloc may not be ready yet. */
#include "shim/base/config.h"

#include <string.h>

#include "shim/base/line.h"

#define HELP_COLUMN 21

struct config config;

struct option {
	const char *name;
	enum library_option_type type;
	size_t offset; /* in struct config */
	uint64_t lowest;
	uint64_t highest;
	uint64_t initial;
	const char *text; /* the default of a text */
	const char *argument;
	const char *set_by;
	const char *help;
};

static const struct option options[] = {
#define TEXT(name, initial, argument, set_by, help, more)                                                              \
	{#name, LIBRARY_TEXT, offsetof(struct config, name), 0, 0, 0, initial, argument, set_by, help},
#define NUMBER(name, member, lowest, highest, initial, argument, help, more)                                           \
	{#name, LIBRARY_NUMBER, offsetof(struct config, member), lowest, highest, initial, "", argument, "", help},
#define SIZE(name, lowest, highest, initial, argument, help, more)                                                     \
	{#name, LIBRARY_SIZE, offsetof(struct config, name), lowest##ull << 10, highest##ull << 10,                    \
		initial##ull << 10, "", argument, "", help},
#define SWITCH(name, initial, help, more)                                                                              \
	{#name, LIBRARY_SWITCH, offsetof(struct config, name), 0, 1, initial, "", "0|1", "", help},
	LIBRARY_OPTIONS(TEXT, NUMBER, SIZE, SWITCH)
#undef TEXT
#undef NUMBER
#undef SIZE
#undef SWITCH
};

#define OPTIONS (sizeof(options) / sizeof(*options))

/* --- Help --------------------------------------------------------------------------------------------------------- */

static char *append_value(char *at, char *end, const struct option *option, uint64_t value)
{
	bool mega = option->type == LIBRARY_SIZE && value % (1u << 20) == 0;
	bool kilo = option->type == LIBRARY_SIZE && !mega;

	at = line_append_number(at, end, (unsigned long)(mega ? value >> 20 : kilo ? value >> 10 : value));
	return line_append(at, end, mega ? "M" : kilo ? "K" : "");
}

/* " (1 to 120, default 48)" */
static char *append_range(char *at, char *end, const struct option *option)
{
	if (*option->set_by)
		return line_append(at, end, " (socksan run sets it)");
	if (option->type == LIBRARY_TEXT)
		return at;
	at = line_append(at, end, " (");
	if (option->type != LIBRARY_SWITCH) {
		at = append_value(at, end, option, option->lowest);
		at = line_append(at, end, " to ");
		at = append_value(at, end, option, option->highest);
		at = line_append(at, end, ", ");
	}
	at = line_append(at, end, "default ");
	at = append_value(at, end, option, option->initial);
	return line_append(at, end, ")");
}

bool config_help(unsigned number, char *line, size_t size)
{
	const struct option *option = number ? &options[number - 1] : NULL;
	char *end = line + size - 1;
	char *at = line;

	if (number > OPTIONS)
		return false;
	if (!option) {
		at = line_append(
			at, end, "SOCKSAN_OPTIONS=key=value:key=value (a value with a colon stands in quotes)");
	} else {
		at = line_append(at, end, "  ");
		at = line_append(at, end, option->name);
		at = line_append(at, end, "=");
		at = line_append(at, end, option->argument);
		do
			at = line_append(at, end, " ");
		while (at < line + HELP_COLUMN);
		at = line_append(at, end, option->help);
		at = append_range(at, end, option);
	}
	at[0] = '\n';
	at[1] = '\0';
	return true;
}

/* --- Values ------------------------------------------------------------------------------------------------------- */

static void option_put(const struct option *option, struct config *result, uint64_t number)
{
	char *place = (char *)result + option->offset;

	switch (option->type) {
	case LIBRARY_TEXT: break;
	case LIBRARY_NUMBER: *(uint32_t *)(void *)place = (uint32_t)number; break;
	case LIBRARY_SIZE: memcpy(place, &number, sizeof(number)); break;
	case LIBRARY_SWITCH: *(bool *)place = number != 0; break;
	}
}

void config_default(struct config *result)
{
	memset(result, 0, sizeof(*result));
	for (size_t i = 0; i < OPTIONS; i++) {
		option_put(&options[i], result, options[i].initial);
		memcpy((char *)result + options[i].offset, options[i].text, strlen(options[i].text));
	}
}

/* Stores one value; returns whether it fits the option. */
static bool option_set(const struct option *option, struct config *result, const char *value, size_t length)
{
	char *place = (char *)result + option->offset;
	uint64_t number;

	switch (option->type) {
	case LIBRARY_TEXT:
		if (length >= CONFIG_PATH_MAX)
			return false;
		memcpy(place, value, length);
		place[length] = '\0';
		return true;
	case LIBRARY_SWITCH: return library_option_switch(value, length, (bool *)place);
	case LIBRARY_NUMBER:
	case LIBRARY_SIZE:
		if (!library_option_number(option->type, value, length, option->lowest, option->highest, &number))
			return false;
		option_put(option, result, number);
		return true;
	}
	return false;
}

static const struct option *option_find(const char *name, size_t length)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (strlen(options[i].name) == length && !memcmp(options[i].name, name, length))
			return &options[i];
	return NULL;
}

/* Appends to the complaint; control characters become question marks, since the text may reach a terminal. */
static void complain(char *complaint, size_t size, const char *text, size_t length)
{
	size_t used = strlen(complaint);

	for (size_t i = 0; i < length && used + 1 < size; i++)
		complaint[used++] = text[i] >= ' ' && text[i] < 127 ? text[i] : '?';
	complaint[used] = '\0';
}

static void complain_about(char *complaint, size_t size, const char *what, const char *item, size_t length)
{
	if (complaint[0])
		complain(complaint, size, "; ", 2);
	complain(complaint, size, what, strlen(what));
	complain(complaint, size, item, length);
}

/* The length of a value, and where the next item begins. A quoted value ends at its quote. */
static size_t value_length(const char **value, const char **next)
{
	const char *start = *value;
	const char *end;

	if (*start == '"' || *start == '\'') {
		end = strchr(start + 1, *start);
		if (end) {
			*value = start + 1;
			*next = end + 1;
			return (size_t)(end - start - 1);
		}
	}
	end = start + strcspn(start, ":");
	*next = end;
	return (size_t)(end - start);
}

bool config_parse(struct config *result, const char *text, char *complaint, size_t complaint_size)
{
	complaint[0] = '\0';
	while (*text) {
		size_t name_length = strcspn(text, "=:");
		const char *next = text + name_length;
		const struct option *option = option_find(text, name_length);

		if (*next == '=') {
			const char *value = next + 1;
			size_t length = value_length(&value, &next);

			if (!option)
				complain_about(complaint, complaint_size, "unknown option ", text, name_length);
			else if (!option_set(option, result, value, length))
				complain_about(complaint, complaint_size, "bad value in ", text, (size_t)(next - text));
		} else if (name_length) {
			complain_about(complaint, complaint_size, "no value for ", text, name_length);
		}
		text = next + (*next == ':');
	}
	return complaint[0] == '\0';
}
