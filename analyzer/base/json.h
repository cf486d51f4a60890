/*
 * json.h: JSON written as it is made, so that memory does not grow with the report.
 *
 * yajl knows the grammar; this knows our types. Strings may come from outside: what is no valid UTF-8 in them is
 * replaced, and what escape.h calls deceptive is written as \uXXXX, so that JSON on a terminal shows nothing but
 * itself. In every function `name` is the member's name in an object, NULL for an element of a list. The stream's error
 * indicator says whether something could not be written; nothing else fails.
 */
#ifndef SOCKSAN_JSON_H
#define SOCKSAN_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <yajl/yajl_gen.h>

#define JSON_BUFFER_BYTES (1u << 16)

struct json {
	yajl_gen gen;
	FILE *stream;
	size_t used; /* bytes in `buffer` */
	char buffer[JSON_BUFFER_BYTES];
};

void json_begin(struct json *json, FILE *stream);

/* Ends the last line, hands everything to the stream, and frees what json_begin took. */
void json_end(struct json *json);

/* Begins a new line: white space may stand between any two tokens. */
void json_break(struct json *json);

/* After a complete value: another one may follow, on a line of its own. */
void json_next(struct json *json);

void json_open_object(struct json *json, const char *name);
void json_close_object(struct json *json);
void json_open_list(struct json *json, const char *name);
void json_close_list(struct json *json);

void json_bytes(struct json *json, const char *name, const char *bytes, size_t length);

/* A terminated string; NULL is an empty one. */
void json_text(struct json *json, const char *name, const char *string);

/* The same, and frees the string. */
void json_owned_text(struct json *json, const char *name, char *string);

/* The name in a record: terminated, or as long as its field. */
void json_name16(struct json *json, const char *name, const char field[16]);

void json_number(struct json *json, const char *name, uint64_t value);
void json_integer(struct json *json, const char *name, int64_t value);

/* Nanoseconds as microseconds with three decimals. */
void json_microseconds(struct json *json, const char *name, uint64_t ns);

void json_boolean(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);

/* "EPIPE", or an empty string for 0. */
void json_errno(struct json *json, const char *name, int error);

#endif
