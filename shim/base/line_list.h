/*
 * line_list.h: a few lines of text, each of them once.
 */
#ifndef SOCKSAN_LINE_LIST_H
#define SOCKSAN_LINE_LIST_H

#include <stdint.h>

struct line_list {
	uint32_t length;
	char text[1024]; /* lines with their ends */
};

/*
 * Adds a line, up to its end if it has one. An empty one, one that is there already, and one that there is no room for
 * are left out. By one thread at a time; nothing else is asked of the caller.
 */
void line_list_add(struct line_list *list, const char *line);

#endif
