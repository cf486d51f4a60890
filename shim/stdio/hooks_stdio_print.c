/*
 * hooks_stdio_print.c: the calls of libc that format text, into a stream or straight to a descriptor. The fortified
 * forms are in no public header: their prototypes stand here. A variadic form goes to its v-form, which is the same
 * function in libc.
 */
#undef __OPTIMIZE__ /* no inline bodies of the names that are defined here */

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shim/base/hook.h"
#include "shim/stdio/audit_stdio.h"

int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list arguments);
int __fprintf_chk(FILE *stream, int flag, const char *format, ...);
int __vprintf_chk(int flag, const char *format, va_list arguments);
int __printf_chk(int flag, const char *format, ...);
int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments);
int __dprintf_chk(int fd, int flag, const char *format, ...);

#define NOT_FORTIFIED INT_MIN /* no program gives this flag */

/*
 * How long a text comes out is known when it has been formatted. So on a socket, and there alone, it is formatted
 * once more, into nothing: to know whether it goes to the buffer, which costs less than to ask the kernel about the
 * socket each time, or how much it was that a dead connection refused. Not where that would have an effect of its own
 * (%n, or a conversion that the program may have registered itself).
 */
static bool has_no_effect(const char *format)
{
	if (!format)
		return false; /* EINVAL */
	while ((format = strchr(format, '%'))) {
		format += 1 + strspn(format + 1, "0123456789$*.-+ #'IhlqjztL");
		if (!*format || !strchr("diouxXeEfFgGaAcsCSpm%", *format))
			return false;
		format++;
	}
	return true;
}

HOOK_LOOK_UP(vsnprintf);

static size_t measure(const char *format, va_list arguments)
{
	va_list again;
	int length;

	if (!has_no_effect(format))
		return AUDIT_UNKNOWN;
	va_copy(again, arguments);
	length = REAL(vsnprintf)(NULL, 0, format, again);
	va_end(again);
	return length >= 0 ? (size_t)length : AUDIT_UNKNOWN;
}

static bool formatted_begin(
	struct audit_output *output, const struct hook *hook, FILE *stream, const char *format, va_list arguments)
{
	size_t length = audit_stream_is_buffered(stream) ? measure(format, arguments) : AUDIT_UNKNOWN;

	if (!audit_output_begin(output, hook, stream, NULL, length))
		return false;
	if (length == AUDIT_UNKNOWN && audit_output_is_suspect(output))
		audit_output_resize(output, measure(format, arguments));
	return true;
}

static void formatted_end(struct audit_output *output, int result)
{
	audit_output_end(output, result < 0 ? 0 : (size_t)result, result < 0);
}

/* ---- into a stream ---- */

HOOK(int, vfprintf, FILE *stream, const char *format, va_list arguments);
HOOK(int, __vfprintf_chk, FILE *stream, int flag, const char *format, va_list arguments);

static int format_to(const struct hook *hook, FILE *stream, int flag, const char *format, va_list arguments)
{
	struct audit_output output;
	bool audited = !audit_stream_is_other(stream) && formatted_begin(&output, hook, stream, format, arguments);
	int result = flag == NOT_FORTIFIED ? REAL(vfprintf)(stream, format, arguments)
					   : REAL(__vfprintf_chk)(stream, flag, format, arguments);

	if (audited)
		formatted_end(&output, result);
	return result;
}

int vfprintf(FILE *stream, const char *format, va_list arguments)
{
	return format_to(&vfprintf_hook, stream, NOT_FORTIFIED, format, arguments);
}
HOOK_ALIAS(vfprintf, _IO_vfprintf);

HOOK(int, vprintf, const char *format, va_list arguments)
{
	return format_to(&vprintf_hook, stdout, NOT_FORTIFIED, format, arguments);
}

HOOK(int, fprintf, FILE *stream, const char *format, ...)
{
	return HOOK_WITH_ARGUMENTS(
		arguments, format, format_to(&fprintf_hook, stream, NOT_FORTIFIED, format, arguments));
}
HOOK_ALIAS(fprintf, _IO_fprintf);

HOOK(int, printf, const char *format, ...)
{
	return HOOK_WITH_ARGUMENTS(
		arguments, format, format_to(&printf_hook, stdout, NOT_FORTIFIED, format, arguments));
}
HOOK_ALIAS(printf, _IO_printf);

int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list arguments)
{
	return format_to(&vfprintf_hook, stream, flag, format, arguments);
}

HOOK(int, __vprintf_chk, int flag, const char *format, va_list arguments)
{
	return format_to(&vprintf_hook, stdout, flag, format, arguments);
}

HOOK(int, __fprintf_chk, FILE *stream, int flag, const char *format, ...)
{
	return HOOK_WITH_ARGUMENTS(arguments, format, format_to(&fprintf_hook, stream, flag, format, arguments));
}

HOOK(int, __printf_chk, int flag, const char *format, ...)
{
	return HOOK_WITH_ARGUMENTS(arguments, format, format_to(&printf_hook, stdout, flag, format, arguments));
}

/* ---- straight to a descriptor ---- */

static bool direct_begin(
	struct audit_output *output, const struct hook *hook, int fd, const char *format, va_list arguments)
{
	if (socket_table_is_other(fd) || !audit_output_begin_direct(output, hook, fd))
		return false;
	if (audit_output_is_suspect(output))
		audit_output_resize(output, measure(format, arguments));
	return true;
}

HOOK(int, vdprintf, int fd, const char *format, va_list arguments);
HOOK(int, __vdprintf_chk, int fd, int flag, const char *format, va_list arguments);

static int format_direct(const struct hook *hook, int fd, int flag, const char *format, va_list arguments)
{
	struct audit_output output;
	bool audited = direct_begin(&output, hook, fd, format, arguments);
	int result = flag == NOT_FORTIFIED ? REAL(vdprintf)(fd, format, arguments)
					   : REAL(__vdprintf_chk)(fd, flag, format, arguments);

	if (audited)
		formatted_end(&output, result);
	return result;
}

int vdprintf(int fd, const char *format, va_list arguments)
{
	return format_direct(&vdprintf_hook, fd, NOT_FORTIFIED, format, arguments);
}

HOOK(int, dprintf, int fd, const char *format, ...)
{
	return HOOK_WITH_ARGUMENTS(
		arguments, format, format_direct(&dprintf_hook, fd, NOT_FORTIFIED, format, arguments));
}

int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments)
{
	return format_direct(&vdprintf_hook, fd, flag, format, arguments);
}

HOOK(int, __dprintf_chk, int fd, int flag, const char *format, ...)
{
	return HOOK_WITH_ARGUMENTS(arguments, format, format_direct(&dprintf_hook, fd, flag, format, arguments));
}

/* ---- messages to stderr: nothing is returned, so neither the length nor the success is known for certain ---- */

struct message {
	struct audit_output output;
	bool audited;
	int before; /* errno */
};

static void message_begin(struct message *message, const struct hook *hook)
{
	message->before = errno;
	message->audited = !audit_stream_is_other(stderr) &&
			   audit_output_begin(&message->output, hook, stderr, NULL, AUDIT_UNKNOWN);
}

static void message_end(struct message *message)
{
	if (message->audited)
		audit_output_end_unmeasured(&message->output, message->before);
}

HOOK(void, perror, const char *s)
{
	struct message message;

	message_begin(&message, &perror_hook);
	REAL(perror)(s);
	message_end(&message);
}

HOOK(void, vwarn, const char *format, va_list arguments)
{
	struct message message;

	message_begin(&message, &vwarn_hook);
	REAL(vwarn)(format, arguments);
	message_end(&message);
}

HOOK(void, vwarnx, const char *format, va_list arguments)
{
	struct message message;

	message_begin(&message, &vwarnx_hook);
	REAL(vwarnx)(format, arguments);
	message_end(&message);
}

HOOK(void, warn, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vwarn(format, arguments);
	va_end(arguments);
}

HOOK(void, warnx, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vwarnx(format, arguments);
	va_end(arguments);
}
