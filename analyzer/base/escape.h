/*
 * escape.h: text from outside, made safe to show.
 *
 * A peer, a file or a program under audit can name itself so as to move a terminal's cursor, reverse the reading
 * direction or break a parser. Every byte that socksan did not write itself goes out through one of these.
 */
#ifndef SOCKSAN_ESCAPE_H
#define SOCKSAN_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Decodes one character of strict UTF-8 (no surrogates, no overlong forms). Returns the bytes it takes, or 0 where
 * `bytes` does not begin with a valid one; `length` must not be 0.
 */
size_t escape_decode(const char *bytes, size_t length, uint32_t *character);

/*
 * Whether a character changes how the text around it looks (control, bidirectional), cannot be seen at all or is none
 * (XML forbids those), or looks like a blank without being one.
 */
bool escape_is_deceptive(uint32_t character);

/*
 * Writes `bytes` with everything escaped, as C writes it, that is not plainly printable: control characters, invalid
 * UTF-8, bidirectional and invisible formatting characters. A backslash is doubled, so that nothing can pass for an
 * escape.
 *
 * CI services read commands from the output of a step: GitHub "::" at the start of a line, where it skips blanks, and
 * "##[" anywhere; Azure "##vso[", TeamCity "##teamcity[". So the first character of "::" is escaped at the start and
 * behind a blank, where a line may be broken, and that of "##" everywhere.
 */
void escape_write(FILE *stream, const char *bytes, size_t length);

/*
 * Bytes at the start of `bytes` that escape_write would write as they are; `before` is the byte before, 0 at the start
 * of a text.
 */
size_t escape_plain(const char *bytes, size_t length, char before);

/* The same as escape_write into memory that the caller frees. */
char *escape_copy(const char *bytes, size_t length);

/*
 * A copy that is valid UTF-8, each invalid byte replaced by U+FFFD; `*out_length` is its length. The caller frees it.
 */
char *escape_utf8(const char *bytes, size_t length, size_t *out_length);

#endif
