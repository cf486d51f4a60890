/* python_stack.c: two ways to a stack, by what the interpreter exports. */
#include "shim/stack/python_stack.h"

#include <string.h>

#include "shim/base/config.h"
#include "shim/base/kernel.h"
#include "shim/base/line.h"
#include "shim/base/loader.h"
#include "shim/base/thread.h"
#include "shim/stack/python_frames.h"

#define NO_DESCRIPTOR (-2)

enum way { NO_WAY, BY_DUMP, BY_FRAMES };

/* Written once, by whoever loads the unwinder; `way` last. */
static struct {
	uint32_t way;
	/*
	 * Include/pystate.h: asks the thread's own storage, without the GIL; NULL in a thread that runs no Python. Opaque to
	 * us.
	 */
	void *(*this_thread_state)(void);
	void (*dump)(int fd, void *thread_state); /* Include/internal/pycore_traceback.h */
	struct python_frames frames;
} interpreter;

static void use(enum way way)
{
	__atomic_store_n(&interpreter.way, way, __ATOMIC_RELEASE);
}

/* "CPython 3.14.0", by PY_VERSION_HEX. */
static char *append_version(char *at, char *end, uint32_t version)
{
	at = line_append_number(line_append(at, end, "CPython "), end, version >> 24);
	at = line_append_number(line_append(at, end, "."), end, version >> 16 & 0xff);
	return line_append_number(line_append(at, end, "."), end, version >> 8 & 0xff);
}

/* Whether this process can be read, and has what a stack is read from. */
static bool find_frames(struct python_frames *frames, char gap[PYTHON_STACK_GAP_MAX])
{
	static const char unknown[] = ": this version of socksan does not know how its stacks are laid out";
	uint64_t table[PYTHON_LAYOUT_WORDS];
	struct kernel_tried tried = {0};
	const void *runtime = loader_symbol(RTLD_DEFAULT, "_PyRuntime");
	uint32_t version;

	if (!runtime)
		return false;
	if (!kernel_try_copy(&tried, table, (uintptr_t)runtime, sizeof(table))) {
		line_append(gap, gap + PYTHON_STACK_GAP_MAX, "CPython's memory cannot be read");
		return false;
	}
	switch (python_layout_parse(table, &frames->layout, &version)) {
	case PYTHON_LAYOUT_NONE: return false;
	case PYTHON_LAYOUT_UNKNOWN:
		line_append(
			append_version(gap, gap + PYTHON_STACK_GAP_MAX, version), gap + PYTHON_STACK_GAP_MAX, unknown);
		return false;
	case PYTHON_LAYOUT_KNOWN: break;
	}
	frames->code_type = (uintptr_t)loader_symbol(RTLD_DEFAULT, "PyCode_Type");
	frames->text_type = (uintptr_t)loader_symbol(RTLD_DEFAULT, "PyUnicode_Type");
	frames->bytes_type = (uintptr_t)loader_symbol(RTLD_DEFAULT, "PyBytes_Type");
	return frames->code_type && frames->text_type && frames->bytes_type;
}

bool python_stack_find(char gap[PYTHON_STACK_GAP_MAX])
{
	void *state = loader_symbol(RTLD_DEFAULT, "PyGILState_GetThisThreadState");
	void *dump = state ? loader_symbol(RTLD_DEFAULT, "_Py_DumpTraceback") : NULL;

	gap[0] = '\0';
	if (!state || !config.python)
		return true;
	interpreter.this_thread_state = (void *(*)(void))state;
	interpreter.dump = (void (*)(int, void *))dump;
	if (dump)
		use(BY_DUMP);
	else if (find_frames(&interpreter.frames, gap))
		use(BY_FRAMES);
	return python_stack_is_there();
}

bool python_stack_is_there(void)
{
	return __atomic_load_n(&interpreter.way, __ATOMIC_RELAXED) != NO_WAY;
}

/* What the interpreter prints of a thread. */
static uint32_t dumped(void *state, char *text, uint32_t size)
{
	struct thread_dump taken = {.text = text, .size = size};

	thread_state.dump = &taken;
	interpreter.dump(NO_DESCRIPTOR, state);
	thread_state.dump = NULL;
	return taken.used;
}

uint32_t python_stack_text(char *text, uint32_t size, bool *whole)
{
	enum way way = __atomic_load_n(&interpreter.way, __ATOMIC_ACQUIRE);
	void *state = way != NO_WAY ? interpreter.this_thread_state() : NULL;

	*whole = true;
	if (!state)
		return 0;
	if (way == BY_FRAMES)
		return python_frames_text(&interpreter.frames, (uintptr_t)state, text, size, whole);
	return dumped(state, text, size);
}

long python_stack_take(const void *bytes, size_t count)
{
	struct thread_dump *taken = thread_state.dump;
	size_t room = taken->size - taken->used;

	memcpy(taken->text + taken->used, bytes, count < room ? count : room);
	taken->used += (uint32_t)(count < room ? count : room);
	return (long)count;
}
