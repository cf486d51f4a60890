/* line.c: see line.h. */
#include "shim/base/line.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>

#include "shim/base/config.h"
#include "shim/base/kernel.h"

char *line_append(char *at, char *end, const char *text)
{
	while (*text && at < end)
		*at++ = *text++;
	*at = '\0';
	return at;
}

char *line_append_name(char *at, char *end, const char *text)
{
	for (; *text && at < end; text++)
		*at++ = (*text >= '0' && *text <= '9') || (*text >= 'A' && *text <= 'Z') ||
					(*text >= 'a' && *text <= 'z') || *text == '-' || *text == '_'
				? *text
				: '_';
	*at = '\0';
	return at;
}

char *line_append_number(char *at, char *end, unsigned long value)
{
	char digits[24];
	char *digit = digits + sizeof(digits) - 1;

	*digit = '\0';
	do
		*--digit = (char)('0' + value % 10);
	while (value /= 10);
	return line_append(at, end, digit);
}

void line_say(const char *text, const char *detail, long error)
{
	char line[CONFIG_PATH_MAX + 256];
	char *end = line + sizeof(line) - 2;
	char *at = line_append(line, end, "socksan: ");
	struct stat status;

	if (fstat(2, &status) < 0 || S_ISSOCK(status.st_mode))
		return;
	at = line_append(at, end, text);
	for (; detail && *detail && at < end; detail++)
		*at++ = (unsigned char)*detail < ' ' || *detail == 127 ? '?' : *detail;
	if (error) {
		at = line_append(at, end, ": error ");
		at = line_append_number(at, end, (unsigned long)error);
		at = line_append(at, end,
			error == ENOENT   ? " (no such directory)"
			: error == EACCES ? " (permission denied)"
			: error == EROFS  ? " (read-only)"
			: error == ENOSPC ? " (no space left)"
			: error == EMFILE ? " (no descriptor left)"
					  : "");
	}
	*at++ = '\n';
	kernel_call3(SYS_write, 2, line, at - line);
}
