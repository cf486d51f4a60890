/*
 * frames.c: see frames.h.
 */
#include "analyzer/symbols/frames.h"

#include <string.h>

#include "analyzer/base/text.h"

static bool begins_with(const char *string, const char *prefix)
{
	return !strncmp(string, prefix, strlen(prefix));
}

/* What calls main, or a thread's first function. */
static bool is_start_code(const struct frame *frame)
{
	static const char *const names[] = {"_start", "start_thread", "clone", "clone3", "__clone", "__clone3"};

	if (frame->language != LANGUAGE_NATIVE)
		return false;
	if (begins_with(frame->function, "__libc_start") || begins_with(text_basename(frame->module), "libc.so") ||
		begins_with(text_basename(frame->module), "ld-linux"))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(frame->function, names[i]))
			return true;
	return false;
}

size_t frames_count(const struct stack *stack)
{
	size_t count = stack->count;

	while (count && is_start_code(&stack->frames[count - 1]))
		count--;
	return count ? count : stack->count;
}

bool frames_is_interpreter_module(const char *module)
{
	const char *name = text_basename(module);

	return begins_with(name, "python") || begins_with(name, "libpython") || strstr(module, "/lib-dynload/");
}

bool frames_is_interpreter(const struct frame *frame)
{
	return frame->language == LANGUAGE_NATIVE && frames_is_interpreter_module(frame->module);
}

bool frames_has_python(const struct stack *stack)
{
	for (size_t i = 0; i < stack->count; i++)
		if (stack->frames[i].language == LANGUAGE_PYTHON)
			return true;
	return false;
}

/* How well a frame serves to lead a reader to the code: of two that serve alike the inner one does. */
static int merit(const struct frame *frame)
{
	bool has_line = *frame->file && frame->line > 0;

	if (!frame->system && has_line)
		return 4;
	if (!frame->system && *frame->function)
		return 3;
	if (has_line)
		return 2;
	return *frame->function ? 1 : 0;
}

const struct frame *frames_place(const struct stack *stack)
{
	const struct frame *best = NULL;

	for (size_t i = 0; i < frames_count(stack); i++)
		if (!best || merit(&stack->frames[i]) > merit(best))
			best = &stack->frames[i];
	return best;
}
