/*
 * text.c: see text.h.
 */
#include "analyzer/base/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/escape.h"
#include "analyzer/base/progress.h"

enum { EXIT_OUT_OF_MEMORY = 125 }; /* EXIT_SOCKSAN in report.h */

void text_out_of_memory(void)
{
	progress_clear();
	fputs("socksan: out of memory\n", stderr);
	exit(EXIT_OUT_OF_MEMORY);
}

void text_complain(const char *format, ...)
{
	va_list arguments;
	char *message;

	va_start(arguments, format);
	message = text_format_list(format, arguments);
	va_end(arguments);
	progress_clear();
	fputs("socksan: ", stderr);
	escape_write(stderr, message, strlen(message));
	fputc('\n', stderr);
	free(message);
}

void *text_allocate(size_t bytes)
{
	void *memory = calloc(1, bytes ? bytes : 1);

	if (!memory)
		text_out_of_memory();
	return memory;
}

char *text_copy(const char *string)
{
	char *copy = strdup(string);

	if (!copy)
		text_out_of_memory();
	return copy;
}

char *text_format_list(const char *format, va_list arguments)
{
	char *string;

	if (vasprintf(&string, format, arguments) < 0)
		text_out_of_memory();
	return string;
}

char *text_format(const char *format, ...)
{
	va_list arguments;
	char *string;

	va_start(arguments, format);
	string = text_format_list(format, arguments);
	va_end(arguments);
	return string;
}

FILE *text_open(struct text_buffer *buffer)
{
	buffer->stream = open_memstream(&buffer->text, &buffer->bytes);
	if (!buffer->stream)
		text_out_of_memory();
	return buffer->stream;
}

char *text_close(struct text_buffer *buffer)
{
	if (fclose(buffer->stream))
		text_out_of_memory();
	return buffer->text;
}

const char *text_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The capacity is the power of two that `count` has filled, so it need not be stored. */
void *text_grow(void *array, size_t count, size_t element_bytes)
{
	if (count & (count - 1))
		return array;
	array = reallocarray(array, count ? count * 2 : 1, element_bytes);
	if (!array)
		text_out_of_memory();
	return array;
}

const char *text_duration(char *buffer, uint64_t ns)
{
	static const struct {
		uint64_t ns;
		const char *unit;
	} units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}};
	uint64_t seconds = ns / 1000000000;

	if (seconds >= 3600) {
		snprintf(buffer, TEXT_NUMBER_BYTES, "%llu h %llu min", (unsigned long long)seconds / 3600,
			(unsigned long long)seconds / 60 % 60);
		return buffer;
	}
	if (seconds >= 60) {
		snprintf(buffer, TEXT_NUMBER_BYTES, "%llu min %llu s", (unsigned long long)seconds / 60,
			(unsigned long long)seconds % 60);
		return buffer;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		double value = (double)ns / (double)units[i].ns;

		if (ns >= units[i].ns) {
			snprintf(buffer, TEXT_NUMBER_BYTES, "%.*f %s", value < 99.95 ? 1 : 0, value, units[i].unit);
			return buffer;
		}
	}
	snprintf(buffer, TEXT_NUMBER_BYTES, "%llu ns", (unsigned long long)ns);
	return buffer;
}

/* Two at a time: a division takes longer than all the rest, and a large report has a hundred million numbers. */
size_t text_digits(char *buffer, uint64_t number)
{
	char reversed[TEXT_DIGITS + 1];
	char *end = reversed + sizeof(reversed);
	char *at = end;

	while (number >= 10) {
		unsigned pair = (unsigned)(number % 100);

		number /= 100;
		*--at = (char)('0' + pair % 10);
		*--at = (char)('0' + pair / 10);
	}
	if (number || at == end)
		*--at = (char)('0' + number);
	memcpy(buffer, at, (size_t)(end - at));
	return (size_t)(end - at);
}

const char *text_number(char *buffer, uint64_t number)
{
	char digits[24];
	char *out = buffer;
	int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
	return buffer;
}

const char *text_plural(char *buffer, uint64_t count, const char *one)
{
	size_t length = strlen(text_number(buffer, count));
	const char *ending = count == 1 ? "" : one[strlen(one) - 1] == 's' ? "es" : "s";

	snprintf(buffer + length, TEXT_NUMBER_BYTES - length, " %s%s", one, ending);
	return buffer;
}

size_t text_columns(const char *string)
{
	size_t columns = 0;

	for (; *string; string++)
		columns += ((unsigned char)*string & 0xc0) != 0x80;
	return columns;
}

/* Whether a blank at `at` stands between a number and its unit, as in "2.4 ms": such a pair is one word. */
static bool joins_unit(const char *before, const char *at)
{
	size_t letters;

	if (*at != ' ' || !isdigit((unsigned char)*before))
		return false;
	letters = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz");
	return letters && strchr(" ,;.:)", at[1 + letters]);
}

static size_t word_length(const char *at)
{
	size_t length = strcspn(at, " ");

	while (length && joins_unit(at + length - 1, at + length))
		length += 1 + strcspn(at + length + 1, " ");
	return length;
}

void text_fill(FILE *stream, struct text_layout layout, const char *string)
{
	bool line_is_empty = true;

	while (*string) {
		size_t blanks = strspn(string, " ");
		size_t length = word_length(string + blanks);
		char *word = strndup(string + blanks, length);
		size_t columns;

		if (!word)
			text_out_of_memory();
		columns = text_columns(word);
		if (!line_is_empty && layout.column + blanks + columns > layout.width) {
			fprintf(stream, "\n%*s", (int)layout.indent, "");
			layout.column = layout.indent;
			blanks = 0;
		} else if (line_is_empty) {
			blanks = 0;
		}
		fprintf(stream, "%*s%s", (int)blanks, "", word);
		layout.column += (unsigned)(blanks + columns);
		line_is_empty = false;
		string += strspn(string, " ") + length;
		free(word);
	}
	fputc('\n', stream);
}
