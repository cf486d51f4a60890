/*
 * hooks_stdio_scan.c: the scanf family on streams. libc has it several times over, each with its own idea of the
 * format: as GNU C before 1999 had it, as C99, and as C23 (glibc 2.38). libc's headers give the plain names to the
 * newest that the program's dialect asks for; here each name must be itself.
 */
#undef __OPTIMIZE__
#include <features.h>
#undef __GLIBC_USE_DEPRECATED_SCANF
#define __GLIBC_USE_DEPRECATED_SCANF 1

#include <stdarg.h>
#include <stdio.h>
#include <wchar.h>

#include "shim/base/hook.h"
#include "shim/stdio/audit_stdio.h"

static int scan(const struct hook *hook, int (*real)(FILE *, const char *, va_list), FILE *stream, const char *format,
	va_list arguments)
{
	struct audit_input input;
	int result;

	if (audit_stream_is_other(stream) || !audit_input_begin(&input, hook, stream, AUDIT_UNKNOWN))
		return real(stream, format, arguments);
	result = real(stream, format, arguments);
	audit_input_end(&input, AUDIT_UNKNOWN, result == EOF);
	return result;
}

static int scan_wide(const struct hook *hook, int (*real)(FILE *, const wchar_t *, va_list), FILE *stream,
	const wchar_t *format, va_list arguments)
{
	struct audit_input input;
	int result;

	if (audit_stream_is_other(stream) || !audit_input_begin_wide(&input, hook, stream))
		return real(stream, format, arguments);
	result = real(stream, format, arguments);
	audit_input_end(&input, AUDIT_UNKNOWN, result == EOF);
	return result;
}

static const struct hook named_fscanf = {"fscanf", 0};
static const struct hook named_scanf = {"scanf", 0};
static const struct hook named_fwscanf = {"fwscanf", 0};
static const struct hook named_wscanf = {"wscanf", 0};

/*
 * The eight names of one dialect; `character` is char or wchar_t. Each goes to its v-form, the same function in libc.
 */
#define SCAN_HOOKS(dialect, letter, character, scan_stream)                                                            \
	int dialect##vf##letter##scanf(FILE *stream, const character *format, va_list arguments);                      \
	int dialect##v##letter##scanf(const character *format, va_list arguments);                                     \
	int dialect##f##letter##scanf(FILE *stream, const character *format, ...);                                     \
	int dialect##letter##scanf(const character *format, ...);                                                      \
                                                                                                                       \
	HOOK(int, dialect##vf##letter##scanf, FILE *stream, const character *format, va_list arguments)                \
	{                                                                                                              \
		return scan_stream(                                                                                    \
			&named_f##letter##scanf, REAL(dialect##vf##letter##scanf), stream, format, arguments);         \
	}                                                                                                              \
	HOOK(int, dialect##v##letter##scanf, const character *format, va_list arguments)                               \
	{                                                                                                              \
		return scan_stream(                                                                                    \
			&named_##letter##scanf, REAL(dialect##vf##letter##scanf), stdin, format, arguments);           \
	}                                                                                                              \
	HOOK(int, dialect##f##letter##scanf, FILE *stream, const character *format, ...)                               \
	{                                                                                                              \
		return HOOK_WITH_ARGUMENTS(arguments, format,                                                          \
			scan_stream(&named_f##letter##scanf, REAL(dialect##vf##letter##scanf), stream, format,         \
				arguments));                                                                           \
	}                                                                                                              \
	HOOK(int, dialect##letter##scanf, const character *format, ...)                                                \
	{                                                                                                              \
		return HOOK_WITH_ARGUMENTS(arguments, format,                                                          \
			scan_stream(                                                                                   \
				&named_##letter##scanf, REAL(dialect##vf##letter##scanf), stdin, format, arguments));  \
	}

SCAN_HOOKS(, , char, scan)
SCAN_HOOKS(, w, wchar_t, scan_wide)
SCAN_HOOKS(__isoc99_, , char, scan)
SCAN_HOOKS(__isoc99_, w, wchar_t, scan_wide)
#if __GLIBC_PREREQ(2, 38)
SCAN_HOOKS(__isoc23_, , char, scan)
SCAN_HOOKS(__isoc23_, w, wchar_t, scan_wide)
#endif
