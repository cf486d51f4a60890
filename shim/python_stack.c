/* python_stack.c: two functions of CPython, found by name. */
#include "shim/python_stack.h"

#include <dlfcn.h>
#include <string.h>

#include "shim/config.h"
#include "shim/thread.h"

#define NO_DESCRIPTOR (-2)

/* Include/internal/pycore_traceback.h, Include/pystate.h; the thread state is opaque to us. */
static void (*dump_traceback)(int fd, void *thread_state);
static void *(*this_thread_state)(void);

bool python_stack_find(void)
{
	void *state = dlsym(RTLD_DEFAULT, "PyGILState_GetThisThreadState");
	void *dump = state ? dlsym(RTLD_DEFAULT, "_Py_DumpTraceback") : NULL;

	if (!dump || !config.python)
		return !state || !config.python;
	this_thread_state = (void *(*)(void))state;
	__atomic_store_n(&dump_traceback, (void (*)(int, void *))dump, __ATOMIC_RELEASE);
	return true;
}

bool python_stack_is_there(void)
{
	return __atomic_load_n(&dump_traceback, __ATOMIC_RELAXED) != NULL;
}

uint32_t python_stack_text(char *text, uint32_t size)
{
	void (*dump)(int, void *) = __atomic_load_n(&dump_traceback, __ATOMIC_ACQUIRE);
	void *state = dump ? this_thread_state() : NULL;
	struct thread_dump taken = {.text = text, .size = size};

	if (!state)
		return 0;
	thread_state.dump = &taken;
	dump(NO_DESCRIPTOR, state);
	thread_state.dump = NULL;
	return taken.used;
}

long python_stack_take(const void *bytes, size_t count)
{
	struct thread_dump *taken = thread_state.dump;
	size_t room = taken->size - taken->used;

	memcpy(taken->text + taken->used, bytes, count < room ? count : room);
	taken->used += (uint32_t)(count < room ? count : room);
	return (long)count;
}
