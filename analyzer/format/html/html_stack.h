/*
 * html_stack.h: a stack with the lines of source that it stands in, where these are at hand.
 */
#ifndef SOCKSAN_HTML_STACK_H
#define SOCKSAN_HTML_STACK_H

#include "analyzer/format/html/html_page.h"

/*
 * A stack under `title` ("written by write"), both our own words or escaped. `wall_ns` is when it was taken: source
 * that changed later is shown with a warning. `is_main` shows more of it. Nothing for an empty stack.
 */
void html_stack(
	const struct html_page *page, const char *title, const struct stack *stack, uint64_t wall_ns, bool is_main);

#endif
