/* config.c: one table of options; parsing without allocation, since the program's malloc may not be ready yet. */
#include "shim/config.h"

#include <string.h>

struct config config;

enum option_type { OPTION_TEXT, OPTION_NUMBER, OPTION_SIZE, OPTION_SWITCH };

struct option {
	const char *name;
	enum option_type type;
	size_t offset;
	uint64_t lowest;
	uint64_t highest;
};

/* Versions of clang-format differ here. */
/* clang-format off */
#define OPTION(name, type, lowest, highest) {#name, type, offsetof(struct config, name), lowest, highest}
/* clang-format on */

static const struct option options[] = {
	OPTION(log_path, OPTION_TEXT, 0, 0),
	OPTION(roster, OPTION_TEXT, 0, 0),
	OPTION(suppressions, OPTION_TEXT, 0, 0),
	OPTION(max_trace, OPTION_SIZE, 64u << 10, 4095ull << 20),
	OPTION(stack_depth, OPTION_NUMBER, 1, 120),
	OPTION(verbosity, OPTION_NUMBER, 0, 9),
	OPTION(quarantine, OPTION_NUMBER, 0, 1u << 20),
	OPTION(preview, OPTION_NUMBER, 0, 64),
	{"silent_after", OPTION_NUMBER, offsetof(struct config, silent_after_ms), 0, 3600000},
	OPTION(exitcode, OPTION_NUMBER, 0, 255),
	OPTION(halt_on_error, OPTION_SWITCH, 0, 0),
	OPTION(help, OPTION_SWITCH, 0, 0),
	OPTION(python, OPTION_SWITCH, 0, 0),
};

const char *config_help(void)
{
	return "SOCKSAN_OPTIONS=key=value:key=value (a value with a colon stands in quotes)\n"
	       "  log_path=PREFIX    where traces go; a directory where it ends in a slash (default ./socksan.)\n"
	       "  max_trace=BYTES    the largest trace of one process, K M G understood (default 64M)\n"
	       "  stack_depth=N      frames kept of a stack (default 48)\n"
	       "  halt_on_error=1    end the process at the first incident that is an error\n"
	       "  exitcode=N         the exit status with which that ends it (default 66)\n"
	       "  quarantine=N       keep the numbers of up to N closed sockets from being used again (default 0)\n"
	       "  silent_after=MS    a peer that acknowledges nothing for so long is called silent; 0: never (default "
	       "1000)\n"
	       "  preview=N          keep the first N bytes, up to 64, of what an incident wrote (default 0)\n"
	       "  python=0           leave Python stacks out\n"
	       "  roster=FILE        sign in there (socksan run sets it)\n"
	       "  suppressions=FILE  for the analyzer\n"
	       "  verbosity=N        1: say on standard error where the trace is (default 0)\n"
	       "  help=1             print this\n";
}

void config_default(struct config *result)
{
	memset(result, 0, sizeof(*result));
	memcpy(result->log_path, "socksan.", sizeof("socksan."));
	result->max_trace = 64u << 20;
	result->stack_depth = 48;
	result->silent_after_ms = 1000;
	result->exitcode = 66;
	result->python = true;
}

/* Reads a decimal number, with K, M or G behind it where `suffix` allows. Returns whether all of the text was one. */
static bool parse_number(const char *text, size_t length, bool suffix, uint64_t *result)
{
	uint64_t value = 0;
	size_t i = 0;

	for (; i < length && text[i] >= '0' && text[i] <= '9'; i++) {
		if (value > (UINT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	if (i == 0)
		return false;
	if (suffix && i + 1 == length && strchr("kKmMgG", text[i])) {
		unsigned shift = (text[i] | 32) == 'k' ? 10 : (text[i] | 32) == 'm' ? 20 : 30;

		if (value > UINT64_MAX >> shift)
			return false;
		value <<= shift;
		i++;
	}
	*result = value;
	return i == length;
}

static bool parse_switch(const char *text, size_t length, bool *result)
{
	bool on = (length == 1 && text[0] == '1') || (length == 4 && !memcmp(text, "true", 4));
	bool off = (length == 1 && text[0] == '0') || (length == 5 && !memcmp(text, "false", 5));

	if (on || off)
		*result = on;
	return on || off;
}

/* Stores one value; returns whether it fits the option. */
static bool option_set(const struct option *option, struct config *result, const char *value, size_t length)
{
	char *place = (char *)result + option->offset;
	uint64_t number;

	switch (option->type) {
	case OPTION_TEXT:
		if (length >= CONFIG_PATH_MAX)
			return false;
		memcpy(place, value, length);
		place[length] = '\0';
		return true;
	case OPTION_SWITCH: return parse_switch(value, length, (bool *)place);
	case OPTION_NUMBER:
	case OPTION_SIZE:
		if (!parse_number(value, length, option->type == OPTION_SIZE, &number) || number < option->lowest ||
			number > option->highest)
			return false;
		if (option->type == OPTION_SIZE)
			memcpy(place, &number, sizeof(uint64_t));
		else
			*(uint32_t *)(void *)place = (uint32_t)number;
		return true;
	}
	return false;
}

static const struct option *option_find(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
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
