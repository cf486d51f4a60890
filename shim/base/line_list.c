/* line_list.c: see line_list.h. */
#include "shim/base/line_list.h"

#include <stdbool.h>
#include <string.h>

static bool has(const struct line_list *list, const char *line, uint32_t length)
{
	for (uint32_t at = 0; at + length < list->length; at++)
		if ((at == 0 || list->text[at - 1] == '\n') && list->text[at + length] == '\n' &&
			!memcmp(list->text + at, line, length))
			return true;
	return false;
}

void line_list_add(struct line_list *list, const char *line)
{
	uint32_t length = (uint32_t)strcspn(line, "\n");

	if (!length || length >= sizeof(list->text) - list->length || has(list, line, length))
		return;
	memcpy(list->text + list->length, line, length);
	list->text[list->length + length] = '\n';
	list->length += length + 1;
}
