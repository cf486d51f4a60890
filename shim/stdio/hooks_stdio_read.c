/*
 * hooks_stdio_read.c: the calls of libc that take bytes from a stream, since their end of file is how a program is
 * told. Fortified forms are in no public header: their prototypes stand here.
 */
#undef __OPTIMIZE__ /* no inline bodies of the names that are defined here */

#include <stdio.h>
#include <string.h>

#include "shim/base/hook.h"
#include "shim/stdio/audit_stdio.h"

char *gets(char *s);
char *__gets_chk(char *s, size_t size);
char *__fgets_chk(char *s, size_t size, int n, FILE *stream);
char *__fgets_unlocked_chk(char *s, size_t size, int n, FILE *stream);
size_t __fread_chk(void *ptr, size_t length, size_t size, size_t n, FILE *stream);
size_t __fread_unlocked_chk(void *ptr, size_t length, size_t size, size_t n, FILE *stream);
int __underflow(FILE *stream);

static bool begin(struct audit_input *input, const struct hook *hook, FILE *stream, size_t wanted)
{
	return !audit_stream_is_other(stream) && audit_input_begin(input, hook, stream, wanted);
}

/* ---- blocks ---- */

/* Of an item that came only in part the program has the bytes all the same; how many, the stream does not say. */
static size_t block_end(struct audit_input *input, size_t result, size_t size, size_t n)
{
	audit_input_end(input, result * size, result < n);
	return result;
}

HOOK(size_t, fread, void *ptr, size_t size, size_t n, FILE *stream)
{
	struct audit_input input;

	if (!begin(&input, &fread_hook, stream, size * n))
		return REAL(fread)(ptr, size, n, stream);
	return block_end(&input, REAL(fread)(ptr, size, n, stream), size, n);
}
HOOK_ALIAS(fread, _IO_fread);

HOOK(size_t, fread_unlocked, void *ptr, size_t size, size_t n, FILE *stream)
{
	struct audit_input input;

	if (!begin(&input, &fread_unlocked_hook, stream, size * n))
		return REAL(fread_unlocked)(ptr, size, n, stream);
	return block_end(&input, REAL(fread_unlocked)(ptr, size, n, stream), size, n);
}

HOOK(size_t, __fread_chk, void *ptr, size_t length, size_t size, size_t n, FILE *stream)
{
	struct audit_input input;

	if (!begin(&input, &fread_hook, stream, size * n))
		return REAL(__fread_chk)(ptr, length, size, n, stream);
	return block_end(&input, REAL(__fread_chk)(ptr, length, size, n, stream), size, n);
}

HOOK(size_t, __fread_unlocked_chk, void *ptr, size_t length, size_t size, size_t n, FILE *stream)
{
	struct audit_input input;

	if (!begin(&input, &fread_unlocked_hook, stream, size * n))
		return REAL(__fread_unlocked_chk)(ptr, length, size, n, stream);
	return block_end(&input, REAL(__fread_unlocked_chk)(ptr, length, size, n, stream), size, n);
}

HOOK(int, getw, FILE *stream)
{
	struct audit_input input;
	int result;

	if (!begin(&input, &getw_hook, stream, sizeof(result)))
		return REAL(getw)(stream);
	result = REAL(getw)(stream);
	audit_input_end(&input, AUDIT_UNKNOWN, result == EOF);
	return result;
}

/* ---- lines ---- */

static char *line_end(struct audit_input *input, char *result)
{
	audit_input_end(input, result ? strlen(result) : 0, !result);
	return result;
}

HOOK(char *, fgets, char *s, int n, FILE *stream)
{
	struct audit_input input;

	if (!begin(&input, &fgets_hook, stream, AUDIT_UNKNOWN))
		return REAL(fgets)(s, n, stream);
	return line_end(&input, REAL(fgets)(s, n, stream));
}
HOOK_ALIAS(fgets, _IO_fgets);

HOOK(char *, fgets_unlocked, char *s, int n, FILE *stream)
{
	struct audit_input input;

	if (!begin(&input, &fgets_unlocked_hook, stream, AUDIT_UNKNOWN))
		return REAL(fgets_unlocked)(s, n, stream);
	return line_end(&input, REAL(fgets_unlocked)(s, n, stream));
}

HOOK(char *, __fgets_chk, char *s, size_t size, int n, FILE *stream)
{
	struct audit_input input;

	if (!begin(&input, &fgets_hook, stream, AUDIT_UNKNOWN))
		return REAL(__fgets_chk)(s, size, n, stream);
	return line_end(&input, REAL(__fgets_chk)(s, size, n, stream));
}

HOOK(char *, __fgets_unlocked_chk, char *s, size_t size, int n, FILE *stream)
{
	struct audit_input input;

	if (!begin(&input, &fgets_unlocked_hook, stream, AUDIT_UNKNOWN))
		return REAL(__fgets_unlocked_chk)(s, size, n, stream);
	return line_end(&input, REAL(__fgets_unlocked_chk)(s, size, n, stream));
}

/* Takes the newline too, and leaves it out. */
HOOK(char *, gets, char *s)
{
	struct audit_input input;
	char *result;

	if (!begin(&input, &gets_hook, stdin, AUDIT_UNKNOWN))
		return REAL(gets)(s);
	result = REAL(gets)(s);
	audit_input_end(&input, result ? strlen(result) + 1 : 0, !result);
	return result;
}
HOOK_ALIAS(gets, _IO_gets);

HOOK(char *, __gets_chk, char *s, size_t size)
{
	struct audit_input input;
	char *result;

	if (!begin(&input, &gets_hook, stdin, AUDIT_UNKNOWN))
		return REAL(__gets_chk)(s, size);
	result = REAL(__gets_chk)(s, size);
	audit_input_end(&input, result ? strlen(result) + 1 : 0, !result);
	return result;
}

static ssize_t record_end(struct audit_input *input, ssize_t result)
{
	audit_input_end(input, result > 0 ? (size_t)result : 0, result < 0);
	return result;
}

HOOK(ssize_t, getdelim, char **lineptr, size_t *n, int delimiter, FILE *stream)
{
	struct audit_input input;

	if (!begin(&input, &getdelim_hook, stream, AUDIT_UNKNOWN))
		return REAL(getdelim)(lineptr, n, delimiter, stream);
	return record_end(&input, REAL(getdelim)(lineptr, n, delimiter, stream));
}
HOOK_ALIAS(getdelim, __getdelim);

HOOK(ssize_t, getline, char **lineptr, size_t *n, FILE *stream)
{
	struct audit_input input;

	if (!begin(&input, &getline_hook, stream, AUDIT_UNKNOWN))
		return REAL(getline)(lineptr, n, stream);
	return record_end(&input, REAL(getline)(lineptr, n, stream));
}

/* ---- characters: most of them come from the buffer ---- */

static int character_end(struct audit_input *input, int result)
{
	audit_input_end(input, result != EOF, result == EOF);
	return result;
}

HOOK(int, fgetc, FILE *stream)
{
	struct audit_input input;

	if (!begin(&input, &fgetc_hook, stream, 1))
		return REAL(fgetc)(stream);
	return character_end(&input, REAL(fgetc)(stream));
}
HOOK_ALIAS(fgetc, getc);
HOOK_ALIAS(fgetc, _IO_getc);

HOOK(int, fgetc_unlocked, FILE *stream)
{
	struct audit_input input;

	if (!begin(&input, &fgetc_unlocked_hook, stream, 1))
		return REAL(fgetc_unlocked)(stream);
	return character_end(&input, REAL(fgetc_unlocked)(stream));
}
HOOK_ALIAS(fgetc_unlocked, getc_unlocked);

HOOK(int, getchar, void)
{
	struct audit_input input;

	if (!begin(&input, &getchar_hook, stdin, 1))
		return REAL(getchar)();
	return character_end(&input, REAL(getchar)());
}

HOOK(int, getchar_unlocked, void)
{
	struct audit_input input;

	if (!begin(&input, &getchar_hook, stdin, 1))
		return REAL(getchar_unlocked)();
	return character_end(&input, REAL(getchar_unlocked)());
}

/* What the inline body of getc_unlocked calls when the buffer is empty; the second leaves the character where it is. */
HOOK(int, __uflow, FILE *stream)
{
	struct audit_input input;

	if (!begin(&input, &fgetc_unlocked_hook, stream, 1))
		return REAL(__uflow)(stream);
	return character_end(&input, REAL(__uflow)(stream));
}

HOOK(int, __underflow, FILE *stream)
{
	struct audit_input input;
	int result;

	if (!begin(&input, &fgetc_unlocked_hook, stream, 1))
		return REAL(__underflow)(stream);
	result = REAL(__underflow)(stream);
	audit_input_end(&input, 0, result == EOF);
	return result;
}
