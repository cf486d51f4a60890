/*
 * python_stack.c: see python_stack.h.
 */
#include "analyzer/symbols/python_stack.h"

#include <string.h>

/* The last place where `needle` stands in `text`, or NULL. A file's name may hold anything, so the last one is ours. */
static const char *find_last(struct text text, const char *needle)
{
	size_t length = strlen(needle);

	for (size_t at = text.length; at >= length; at--)
		if (!memcmp(text.bytes + at - length, needle, length))
			return text.bytes + at - length;
	return NULL;
}

static bool parse_line(struct text line, struct python_frame *frame)
{
	static const char file[] = "  File \"";
	static const char number[] = "\", line ";
	static const char in[] = " in ";
	const char *end = line.bytes + line.length;
	const char *at;
	unsigned value = 0;

	if (line.length < sizeof(file) - 1 || memcmp(line.bytes, file, sizeof(file) - 1))
		return false;
	line.bytes += sizeof(file) - 1;
	line.length -= sizeof(file) - 1;
	at = find_last(line, number);
	if (!at)
		return false;
	frame->file = (struct text){.bytes = line.bytes, .length = (size_t)(at - line.bytes)};
	at += sizeof(number) - 1;
	for (; at < end && *at >= '0' && *at <= '9' && value < 100000000; at++)
		value = value * 10 + (unsigned)(*at - '0');
	if ((size_t)(end - at) < sizeof(in) - 1 || memcmp(at, in, sizeof(in) - 1))
		return false;
	at += sizeof(in) - 1;
	frame->line = (int)value;
	frame->function = (struct text){.bytes = at, .length = (size_t)(end - at)};
	return true;
}

bool python_stack_next(struct text *rest, struct python_frame *frame)
{
	while (rest->length)
		if (parse_line(text_take_line(rest), frame))
			return true;
	return false;
}
