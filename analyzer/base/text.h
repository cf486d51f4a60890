/*
 * text.h: words and numbers for people, and memory that does not fail quietly.
 *
 * A command that cannot get memory has nothing useful left to do: the allocating functions say so and exit with
 * EXIT_SOCKSAN (125).
 */
#ifndef SOCKSAN_TEXT_H
#define SOCKSAN_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Writes "socksan: MESSAGE" and a newline to standard error, escaped as escape.h says. */
void text_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

void text_out_of_memory(void) __attribute__((noreturn));

/* Zeroed memory. */
void *text_allocate(size_t bytes) __attribute__((malloc, returns_nonnull));

char *text_copy(const char *string) __attribute__((malloc, returns_nonnull));

/* What printf, or vprintf, would write. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
char *text_format_list(const char *format, va_list arguments) __attribute__((format(printf, 1, 0), returns_nonnull));

/* A text that is written piece by piece. Must not be moved while it is open. */
struct text_buffer {
	char *text; /* once it is closed; never NULL then */
	size_t bytes;
	FILE *stream; /* while it is open */
};

/* Begins an empty text; returns its stream. */
FILE *text_open(struct text_buffer *buffer) __attribute__((returns_nonnull));

/* Ends it; returns the text, which the caller frees. */
char *text_close(struct text_buffer *buffer) __attribute__((returns_nonnull));

/* The last part of a path. */
const char *text_basename(const char *path);

/* Makes room for one more element in an array that holds `count` and has only ever grown through this. */
void *text_grow(void *array, size_t count, size_t element_bytes) __attribute__((returns_nonnull));

#define TEXT_NUMBER_BYTES 48

/* "940 ns", "2.4 ms", "1 min 5 s". `buffer` has TEXT_NUMBER_BYTES; it is returned. */
const char *text_duration(char *buffer, uint64_t ns);

/*
 * "1024", without its terminating NUL: returns the digits, of which there are at most TEXT_DIGITS. Much faster than
 * printf.
 */
#define TEXT_DIGITS 20
size_t text_digits(char *buffer, uint64_t number);

/* "1,024" */
const char *text_number(char *buffer, uint64_t number);

/* "1 write", "1,024 writes". `one` is the singular, whose plural adds an s, or es after an s. */
const char *text_plural(char *buffer, uint64_t count, const char *one);

/* Where text_fill puts words. */
struct text_layout {
	unsigned indent; /* columns before every line but the first */
	unsigned width; /* columns of a line */
	unsigned column; /* where the first word begins */
};

/* Writes `string` and a newline, broken at blanks so that lines keep to the width where words allow. */
void text_fill(FILE *stream, struct text_layout layout, const char *string);

/* Columns that UTF-8 text takes, counting each character as one. */
size_t text_columns(const char *string);

#endif
