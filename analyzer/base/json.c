/*
 * json.c: see json.h.
 */
#include "analyzer/base/json.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/error_names.h"
#include "analyzer/base/escape.h"
#include "analyzer/base/text.h"

static void flush(struct json *json)
{
	fwrite(json->buffer, 1, json->used, json->stream);
	json->used = 0;
}

/* Takes what yajl makes, a few bytes at a time. */
static void take(void *context, const char *bytes, size_t length)
{
	struct json *json = context;

	if (length > JSON_BUFFER_BYTES - json->used)
		flush(json);
	/* Quotes, commas and colons are most of what comes. */
	if (length == 1) {
		json->buffer[json->used++] = *bytes;
		return;
	}
	if (length > JSON_BUFFER_BYTES) {
		fwrite(bytes, 1, length, json->stream);
		return;
	}
	memcpy(json->buffer + json->used, bytes, length);
	json->used += length;
}

void json_begin(struct json *json, FILE *stream)
{
	json->gen = yajl_gen_alloc(NULL);
	json->stream = stream;
	json->used = 0;
	if (!json->gen || !yajl_gen_config(json->gen, yajl_gen_print_callback, take, json))
		text_out_of_memory();
}

void json_end(struct json *json)
{
	json_break(json);
	flush(json);
	yajl_gen_free(json->gen);
	json->gen = NULL;
}

void json_break(struct json *json)
{
	take(json, "\n", 1);
}

void json_next(struct json *json)
{
	yajl_gen_reset(json->gen, "\n");
}

/* Printable ASCII with nothing in it that yajl would not write as it should be: most of what comes. */
static bool is_simple(const char *bytes, size_t length)
{
	unsigned char all = 0;
	bool odd = false;

	for (size_t i = 0; i < length; i++) {
		all |= (unsigned char)bytes[i];
		odd |= bytes[i] == 0x7f || bytes[i] == '#';
	}
	return all < 0x80 && !odd;
}

static void put_unit(FILE *stream, uint32_t unit)
{
	fprintf(stream, "\\u%04x", unit);
}

/* One character of valid UTF-8, as JSON may have it and a terminal or the reader of a log makes nothing of it. */
static size_t put_character(FILE *stream, const char *bytes, size_t length)
{
	uint32_t character;
	size_t size = escape_decode(bytes, length, &character);
	bool is_command = length > 1 && bytes[0] == '#' && bytes[1] == '#';

	if (character == '"' || character == '\\') {
		fprintf(stream, "\\%c", (char)character);
	} else if (!is_command && !escape_is_deceptive(character)) {
		fwrite(bytes, 1, size, stream);
	} else if (character < 0x10000) {
		put_unit(stream, character);
	} else {
		put_unit(stream, 0xd800 + ((character - 0x10000) >> 10));
		put_unit(stream, 0xdc00 + ((character - 0x10000) & 0x3ff));
	}
	return size;
}

/* yajl escapes nothing but what JSON demands, so the whole string is made here; it writes numbers as they are. */
static void put_odd(struct json *json, const char *bytes, size_t length)
{
	char *valid = escape_utf8(bytes, length, &length);
	struct text_buffer literal;
	FILE *stream = text_open(&literal);

	fputc('"', stream);
	for (size_t i = 0; i < length;)
		i += put_character(stream, valid + i, length - i);
	fputc('"', stream);
	text_close(&literal);
	yajl_gen_number(json->gen, literal.text, literal.bytes);
	free(literal.text);
	free(valid);
}

static void put(struct json *json, const char *bytes, size_t length)
{
	if (is_simple(bytes, length))
		yajl_gen_string(json->gen, (const unsigned char *)(length ? bytes : ""), length);
	else
		put_odd(json, bytes, length);
}

static void key(struct json *json, const char *name)
{
	if (name)
		yajl_gen_string(json->gen, (const unsigned char *)name, strlen(name));
}

void json_open_object(struct json *json, const char *name)
{
	key(json, name);
	yajl_gen_map_open(json->gen);
}

void json_close_object(struct json *json)
{
	yajl_gen_map_close(json->gen);
}

void json_open_list(struct json *json, const char *name)
{
	key(json, name);
	yajl_gen_array_open(json->gen);
}

void json_close_list(struct json *json)
{
	yajl_gen_array_close(json->gen);
}

void json_bytes(struct json *json, const char *name, const char *bytes, size_t length)
{
	key(json, name);
	put(json, bytes, length);
}

void json_text(struct json *json, const char *name, const char *string)
{
	json_bytes(json, name, string, string ? strlen(string) : 0);
}

void json_owned_text(struct json *json, const char *name, char *string)
{
	json_text(json, name, string);
	free(string);
}

void json_name16(struct json *json, const char *name, const char field[16])
{
	json_bytes(json, name, field, strnlen(field, 16));
}

/* As digits: yajl has no unsigned 64-bit numbers. */
void json_number(struct json *json, const char *name, uint64_t value)
{
	char digits[TEXT_DIGITS];

	key(json, name);
	yajl_gen_number(json->gen, digits, text_digits(digits, value));
}

void json_integer(struct json *json, const char *name, int64_t value)
{
	if (value >= 0) {
		json_number(json, name, (uint64_t)value);
		return;
	}
	key(json, name);
	yajl_gen_integer(json->gen, value);
}

void json_microseconds(struct json *json, const char *name, uint64_t ns)
{
	char digits[TEXT_DIGITS + 4];
	size_t length = text_digits(digits, ns / 1000);
	unsigned rest = (unsigned)(ns % 1000);

	digits[length++] = '.';
	digits[length++] = (char)('0' + rest / 100);
	digits[length++] = (char)('0' + rest / 10 % 10);
	digits[length++] = (char)('0' + rest % 10);
	key(json, name);
	yajl_gen_number(json->gen, digits, length);
}

void json_boolean(struct json *json, const char *name, bool value)
{
	key(json, name);
	yajl_gen_bool(json->gen, value);
}

void json_null(struct json *json, const char *name)
{
	key(json, name);
	yajl_gen_null(json->gen);
}

void json_errno(struct json *json, const char *name, int error)
{
	char buffer[24];

	json_text(json, name, error_text(error, buffer));
}
