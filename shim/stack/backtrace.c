/* backtrace.c: take the frames, cut off our own, ask the interpreter for its own, store them. */
#include "shim/stack/backtrace.h"

#include <errno.h>
#include <string.h>

#include "shim/base/config.h"
#include "shim/base/deep_stack.h"
#include "shim/base/thread.h"
#include "shim/stack/module_map.h"
#include "shim/stack/python_stack.h"
#include "shim/stack/stack_store.h"
#include "shim/stack/unwinder.h"
#include "shim/trace/trace_log.h"

#define PYTHON_TEXT 4096 /* bytes of the interpreter's stack that are kept */
#define OWN_FRAMES 16 /* at most, above the hook's caller */

/* Fills in the frames of `all`, our own cut off. Returns their number. */
static int unwind(void *all[TRACE_STACK_MAX + OWN_FRAMES])
{
	int depth = (int)config.stack_depth < TRACE_STACK_MAX ? (int)config.stack_depth : TRACE_STACK_MAX;
	int skip = 0;
	int count;

	count = unwinder_frames(all, depth + OWN_FRAMES);
	while (skip < count && unwinder_is_ours(all[skip]))
		skip++;
	count -= skip;
	if (count > depth)
		count = depth;
	if (count > 0)
		memmove(all, all + skip, (size_t)count * sizeof(*all));
	return count > 0 ? count : 0;
}

static void warm(void *argument)
{
	void *frames[TRACE_STACK_MAX + OWN_FRAMES];

	(void)argument;
	unwind(frames);
}

void backtrace_load(void)
{
	if (unwinder_load())
		backtrace_warm();
}

void backtrace_warm(void)
{
	int saved = errno;

	if (thread_state.warmed || !unwinder_may_cache() || !unwinder_enter())
		return;
	deep_stack_call(warm, NULL);
	unwinder_leave();
	errno = saved;
}

/* Takes the stack, and the interpreter's, and stores them. */
static void capture_and_store(void *argument)
{
	void *frames[TRACE_STACK_MAX + OWN_FRAMES];
	char text[PYTHON_TEXT];
	struct capture capture = {.frames = frames, .text = text};
	trace_ref *ref = argument;
	bool whole = true;

	capture.count = unwind(frames);
	thread_state.unwinding = false;
	if (python_stack_is_there())
		capture.text_length = python_stack_text(text, sizeof(text), &whole);
	if (!whole)
		__atomic_fetch_or(&trace_log_process()->coverage, TRACE_NO_PYTHON_STACKS, __ATOMIC_RELAXED);
	if (capture.count > 0 || capture.text_length)
		*ref = stack_store(&capture);
}

trace_ref backtrace_capture(void)
{
	trace_ref ref = 0;
	int saved = errno;

	if (!trace_log_is_open() || !unwinder_enter())
		return 0;
	if (!deep_stack_call(capture_and_store, &ref))
		unwinder_missing();
	unwinder_leave();
	errno = saved;
	return ref;
}

trace_ref backtrace_capture_text(const char *text, uint32_t length)
{
	void *none = NULL;
	struct capture capture = {.frames = &none, .text = text, .text_length = length};
	int saved = errno;
	trace_ref ref;

	if (!text)
		return backtrace_capture();
	ref = trace_log_is_open() && length ? stack_store(&capture) : 0;
	errno = saved;
	return ref;
}

void backtrace_forked(void)
{
	unwinder_forked();
	stack_store_forked();
	module_map_forked();
}
