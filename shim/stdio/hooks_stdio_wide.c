/* hooks_stdio_wide.c: the calls of libc that put wide characters into a stream, or take them out of it. */
#undef __OPTIMIZE__ /* no inline bodies of the names that are defined here */

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <wchar.h>

#include "shim/base/hook.h"
#include "shim/stdio/audit_stdio.h"

int __vfwprintf_chk(FILE *stream, int flag, const wchar_t *format, va_list arguments);
int __fwprintf_chk(FILE *stream, int flag, const wchar_t *format, ...);
int __vwprintf_chk(int flag, const wchar_t *format, va_list arguments);
int __wprintf_chk(int flag, const wchar_t *format, ...);
wint_t __woverflow(FILE *stream, wint_t c);
wint_t __wuflow(FILE *stream);
wint_t __wunderflow(FILE *stream);
wchar_t *__fgetws_chk(wchar_t *s, size_t size, int n, FILE *stream);
wchar_t *__fgetws_unlocked_chk(wchar_t *s, size_t size, int n, FILE *stream);

#define NOT_FORTIFIED INT_MIN /* no program gives this flag */

/* ---- output ---- */

static bool output_begin(struct audit_output *output, const struct hook *hook, FILE *stream, size_t length)
{
	return !audit_stream_is_other(stream) && audit_output_begin_wide(output, hook, stream, length);
}

static wint_t character_end(struct audit_output *output, wint_t result)
{
	audit_output_end(output, 1, result == WEOF);
	return result;
}

HOOK(wint_t, fputwc, wchar_t c, FILE *stream)
{
	struct audit_output output;

	if (!output_begin(&output, &fputwc_hook, stream, 1))
		return REAL(fputwc)(c, stream);
	return character_end(&output, REAL(fputwc)(c, stream));
}
HOOK_ALIAS(fputwc, putwc);

HOOK(wint_t, fputwc_unlocked, wchar_t c, FILE *stream)
{
	struct audit_output output;

	if (!output_begin(&output, &fputwc_unlocked_hook, stream, 1))
		return REAL(fputwc_unlocked)(c, stream);
	return character_end(&output, REAL(fputwc_unlocked)(c, stream));
}
HOOK_ALIAS(fputwc_unlocked, putwc_unlocked);

HOOK(wint_t, putwchar, wchar_t c)
{
	struct audit_output output;

	if (!output_begin(&output, &putwchar_hook, stdout, 1))
		return REAL(putwchar)(c);
	return character_end(&output, REAL(putwchar)(c));
}

HOOK(wint_t, putwchar_unlocked, wchar_t c)
{
	struct audit_output output;

	if (!output_begin(&output, &putwchar_hook, stdout, 1))
		return REAL(putwchar_unlocked)(c);
	return character_end(&output, REAL(putwchar_unlocked)(c));
}

HOOK(wint_t, __woverflow, FILE *stream, wint_t c)
{
	struct audit_output output;
	wint_t result;

	if (!output_begin(&output, &fputwc_unlocked_hook, stream, 1))
		return REAL(__woverflow)(stream, c);
	result = REAL(__woverflow)(stream, c);
	audit_output_end(&output, c == WEOF ? 0 : 1, result == WEOF);
	return result;
}

/* Always inline: text that goes to no socket does not pay for a call more. */
static inline __attribute__((always_inline)) int put_string(
	const struct hook *hook, int (*real)(const wchar_t *, FILE *), const wchar_t *string, FILE *stream)
{
	struct audit_output output;
	size_t length;
	int result;

	if (audit_stream_is_other(stream))
		return real(string, stream);
	length = wcslen(string);
	if (!audit_output_begin_wide(&output, hook, stream, length))
		return real(string, stream);
	result = real(string, stream);
	audit_output_end(&output, length, result < 0);
	return result;
}

HOOK(int, fputws, const wchar_t *ws, FILE *stream)
{
	return put_string(&fputws_hook, REAL(fputws), ws, stream);
}

HOOK(int, fputws_unlocked, const wchar_t *ws, FILE *stream)
{
	return put_string(&fputws_unlocked_hook, REAL(fputws_unlocked), ws, stream);
}

HOOK(int, vfwprintf, FILE *stream, const wchar_t *format, va_list arguments);
HOOK(int, __vfwprintf_chk, FILE *stream, int flag, const wchar_t *format, va_list arguments);

static int format_to(const struct hook *hook, FILE *stream, int flag, const wchar_t *format, va_list arguments)
{
	struct audit_output output;
	bool audited = output_begin(&output, hook, stream, AUDIT_UNKNOWN);
	int result = flag == NOT_FORTIFIED ? REAL(vfwprintf)(stream, format, arguments)
					   : REAL(__vfwprintf_chk)(stream, flag, format, arguments);

	if (audited)
		audit_output_end(&output, result < 0 ? 0 : (size_t)result, result < 0);
	return result;
}

int vfwprintf(FILE *stream, const wchar_t *format, va_list arguments)
{
	return format_to(&vfwprintf_hook, stream, NOT_FORTIFIED, format, arguments);
}

HOOK(int, vwprintf, const wchar_t *format, va_list arguments)
{
	return format_to(&vwprintf_hook, stdout, NOT_FORTIFIED, format, arguments);
}

HOOK(int, fwprintf, FILE *stream, const wchar_t *format, ...)
{
	return HOOK_WITH_ARGUMENTS(
		arguments, format, format_to(&fwprintf_hook, stream, NOT_FORTIFIED, format, arguments));
}

HOOK(int, wprintf, const wchar_t *format, ...)
{
	return HOOK_WITH_ARGUMENTS(
		arguments, format, format_to(&wprintf_hook, stdout, NOT_FORTIFIED, format, arguments));
}

int __vfwprintf_chk(FILE *stream, int flag, const wchar_t *format, va_list arguments)
{
	return format_to(&vfwprintf_hook, stream, flag, format, arguments);
}

HOOK(int, __vwprintf_chk, int flag, const wchar_t *format, va_list arguments)
{
	return format_to(&vwprintf_hook, stdout, flag, format, arguments);
}

HOOK(int, __fwprintf_chk, FILE *stream, int flag, const wchar_t *format, ...)
{
	return HOOK_WITH_ARGUMENTS(arguments, format, format_to(&fwprintf_hook, stream, flag, format, arguments));
}

HOOK(int, __wprintf_chk, int flag, const wchar_t *format, ...)
{
	return HOOK_WITH_ARGUMENTS(arguments, format, format_to(&wprintf_hook, stdout, flag, format, arguments));
}

/* ---- input ---- */

static bool input_begin(struct audit_input *input, const struct hook *hook, FILE *stream)
{
	return !audit_stream_is_other(stream) && audit_input_begin_wide(input, hook, stream);
}

static wint_t input_end(struct audit_input *input, wint_t result)
{
	audit_input_end(input, AUDIT_UNKNOWN, result == WEOF);
	return result;
}

HOOK(wint_t, fgetwc, FILE *stream)
{
	struct audit_input input;

	if (!input_begin(&input, &fgetwc_hook, stream))
		return REAL(fgetwc)(stream);
	return input_end(&input, REAL(fgetwc)(stream));
}
HOOK_ALIAS(fgetwc, getwc);

HOOK(wint_t, fgetwc_unlocked, FILE *stream)
{
	struct audit_input input;

	if (!input_begin(&input, &fgetwc_unlocked_hook, stream))
		return REAL(fgetwc_unlocked)(stream);
	return input_end(&input, REAL(fgetwc_unlocked)(stream));
}
HOOK_ALIAS(fgetwc_unlocked, getwc_unlocked);

HOOK(wint_t, getwchar, void)
{
	struct audit_input input;

	if (!input_begin(&input, &getwchar_hook, stdin))
		return REAL(getwchar)();
	return input_end(&input, REAL(getwchar)());
}

HOOK(wint_t, getwchar_unlocked, void)
{
	struct audit_input input;

	if (!input_begin(&input, &getwchar_hook, stdin))
		return REAL(getwchar_unlocked)();
	return input_end(&input, REAL(getwchar_unlocked)());
}

HOOK(wint_t, __wuflow, FILE *stream)
{
	struct audit_input input;

	if (!input_begin(&input, &fgetwc_unlocked_hook, stream))
		return REAL(__wuflow)(stream);
	return input_end(&input, REAL(__wuflow)(stream));
}

HOOK(wint_t, __wunderflow, FILE *stream)
{
	struct audit_input input;

	if (!input_begin(&input, &fgetwc_unlocked_hook, stream))
		return REAL(__wunderflow)(stream);
	return input_end(&input, REAL(__wunderflow)(stream));
}

static wchar_t *string_end(struct audit_input *input, wchar_t *result)
{
	audit_input_end(input, AUDIT_UNKNOWN, !result);
	return result;
}

HOOK(wchar_t *, fgetws, wchar_t *ws, int n, FILE *stream)
{
	struct audit_input input;

	if (!input_begin(&input, &fgetws_hook, stream))
		return REAL(fgetws)(ws, n, stream);
	return string_end(&input, REAL(fgetws)(ws, n, stream));
}

HOOK(wchar_t *, fgetws_unlocked, wchar_t *ws, int n, FILE *stream)
{
	struct audit_input input;

	if (!input_begin(&input, &fgetws_unlocked_hook, stream))
		return REAL(fgetws_unlocked)(ws, n, stream);
	return string_end(&input, REAL(fgetws_unlocked)(ws, n, stream));
}

HOOK(wchar_t *, __fgetws_chk, wchar_t *s, size_t size, int n, FILE *stream)
{
	struct audit_input input;

	if (!input_begin(&input, &fgetws_hook, stream))
		return REAL(__fgetws_chk)(s, size, n, stream);
	return string_end(&input, REAL(__fgetws_chk)(s, size, n, stream));
}

HOOK(wchar_t *, __fgetws_unlocked_chk, wchar_t *s, size_t size, int n, FILE *stream)
{
	struct audit_input input;

	if (!input_begin(&input, &fgetws_unlocked_hook, stream))
		return REAL(__fgetws_unlocked_chk)(s, size, n, stream);
	return string_end(&input, REAL(__fgetws_unlocked_chk)(s, size, n, stream));
}
