/*
 * hooks_stdio.c: the calls of libc that put blocks, strings and single characters into a stream.
 *
 * libc's names are defined here, so its headers must not turn them into others: no macros, no inline bodies.
 */
#undef __OPTIMIZE__

#include <stdio.h>
#include <string.h>

#include "shim/base/hook.h"
#include "shim/stdio/audit_stdio.h"

/* Always inline, as below: a write that goes to no socket does not pay for a call more. */
static inline __attribute__((always_inline)) size_t put_blocks(const struct hook *hook,
	size_t (*real)(const void *, size_t, size_t, FILE *), const void *data, size_t size, size_t count, FILE *stream)
{
	struct audit_output output;
	size_t done;

	if (audit_stream_is_other(stream) || !audit_output_begin(&output, hook, stream, data, size * count))
		return real(data, size, count, stream);
	done = real(data, size, count, stream);
	audit_output_end(&output, done * size, done < count);
	return done;
}

HOOK(size_t, fwrite, const void *ptr, size_t size, size_t n, FILE *stream)
{
	return put_blocks(&fwrite_hook, REAL(fwrite), ptr, size, n, stream);
}
HOOK_ALIAS(fwrite, _IO_fwrite);

HOOK(size_t, fwrite_unlocked, const void *ptr, size_t size, size_t n, FILE *stream)
{
	return put_blocks(&fwrite_unlocked_hook, REAL(fwrite_unlocked), ptr, size, n, stream);
}

static inline __attribute__((always_inline)) int put_string(
	const struct hook *hook, int (*real)(const char *, FILE *), const char *string, FILE *stream)
{
	struct audit_output output;
	size_t length;
	int result;

	if (audit_stream_is_other(stream))
		return real(string, stream);
	length = strlen(string);
	if (!audit_output_begin(&output, hook, stream, string, length))
		return real(string, stream);
	result = real(string, stream);
	audit_output_end(&output, length, result < 0);
	return result;
}

HOOK(int, fputs, const char *s, FILE *stream)
{
	return put_string(&fputs_hook, REAL(fputs), s, stream);
}
HOOK_ALIAS(fputs, _IO_fputs);

HOOK(int, fputs_unlocked, const char *s, FILE *stream)
{
	return put_string(&fputs_unlocked_hook, REAL(fputs_unlocked), s, stream);
}

/* The newline is one byte more, which is not looked at. */
HOOK(int, puts, const char *s)
{
	struct audit_output output;
	size_t length;
	int result;

	if (audit_stream_is_other(stdout))
		return REAL(puts)(s);
	length = strlen(s) + 1;
	if (!audit_output_begin(&output, &puts_hook, stdout, NULL, length))
		return REAL(puts)(s);
	result = REAL(puts)(s);
	audit_output_end(&output, length, result < 0);
	return result;
}
HOOK_ALIAS(puts, _IO_puts);

/* One character: most of them only go into the buffer. */
static bool character_begin(struct audit_output *output, const struct hook *hook, FILE *stream, unsigned char *c)
{
	return !audit_stream_is_other(stream) && audit_output_begin(output, hook, stream, c, 1);
}

static int character_end(struct audit_output *output, int result)
{
	audit_output_end(output, 1, result == EOF);
	return result;
}

HOOK(int, fputc, int c, FILE *stream)
{
	unsigned char byte = (unsigned char)c;
	struct audit_output output;

	if (!character_begin(&output, &fputc_hook, stream, &byte))
		return REAL(fputc)(c, stream);
	return character_end(&output, REAL(fputc)(c, stream));
}
HOOK_ALIAS(fputc, putc);
HOOK_ALIAS(fputc, _IO_putc);

HOOK(int, fputc_unlocked, int c, FILE *stream)
{
	unsigned char byte = (unsigned char)c;
	struct audit_output output;

	if (!character_begin(&output, &fputc_unlocked_hook, stream, &byte))
		return REAL(fputc_unlocked)(c, stream);
	return character_end(&output, REAL(fputc_unlocked)(c, stream));
}
HOOK_ALIAS(fputc_unlocked, putc_unlocked);

HOOK(int, putchar, int c)
{
	unsigned char byte = (unsigned char)c;
	struct audit_output output;

	if (!character_begin(&output, &putchar_hook, stdout, &byte))
		return REAL(putchar)(c);
	return character_end(&output, REAL(putchar)(c));
}

HOOK(int, putchar_unlocked, int c)
{
	unsigned char byte = (unsigned char)c;
	struct audit_output output;

	if (!character_begin(&output, &putchar_hook, stdout, &byte))
		return REAL(putchar_unlocked)(c);
	return character_end(&output, REAL(putchar_unlocked)(c));
}

/* What the inline body of putc_unlocked calls when the buffer is full. */
HOOK(int, __overflow, FILE *stream, int c)
{
	unsigned char byte = (unsigned char)c;
	struct audit_output output;
	int result;

	if (!character_begin(&output, &fputc_unlocked_hook, stream, &byte))
		return REAL(__overflow)(stream, c);
	result = REAL(__overflow)(stream, c);
	audit_output_end(&output, c == EOF ? 0 : 1, result == EOF);
	return result;
}

HOOK(int, putw, int w, FILE *stream)
{
	struct audit_output output;
	int result;

	if (audit_stream_is_other(stream) || !audit_output_begin(&output, &putw_hook, stream, &w, sizeof(w)))
		return REAL(putw)(w, stream);
	result = REAL(putw)(w, stream);
	audit_output_end(&output, sizeof(w), result != 0);
	return result;
}
