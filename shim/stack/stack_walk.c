/* stack_walk.c: unw_step, which is slow and leaves nothing behind. */
#include "shim/stack/stack_walk.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "shim/base/kernel.h"
#include "shim/base/loader.h"

/* Frames looked at, at most: a handler that is deeper in its own calls than that is taken for one that may be there. */
#define WALK_MAX 512

#define FEW_DESCRIPTORS 64u

#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)

static struct {
	int (*get_context)(unw_tdep_context_t *context);
	int (*init)(unw_cursor_t *cursor, unw_context_t *context);
	int (*step)(unw_cursor_t *cursor);
	int (*get_register)(unw_cursor_t *cursor, unw_regnum_t number, unw_word_t *value);
	int (*is_signal_frame)(unw_cursor_t *cursor);
} walk;

bool stack_walk_find(void *library)
{
	walk.init = (int (*)(unw_cursor_t *, unw_context_t *))loader_symbol(library, TEXT(unw_init_local));
	walk.step = (int (*)(unw_cursor_t *))loader_symbol(library, TEXT(unw_step));
	walk.get_register =
		(int (*)(unw_cursor_t *, unw_regnum_t, unw_word_t *))loader_symbol(library, TEXT(unw_get_reg));
	walk.is_signal_frame = (int (*)(unw_cursor_t *))loader_symbol(library, TEXT(unw_is_signal_frame));
#if defined(__x86_64__)
	walk.get_context = (int (*)(unw_tdep_context_t *))loader_symbol(library, TEXT(UNW_ARCH_OBJ(getcontext)));
	if (!walk.get_context)
		return false;
#endif
	return walk.init && walk.step && walk.get_register && walk.is_signal_frame;
}

/*
 * The cache of a thread is made with malloc, and glibc asks for the number of processors when it makes a further arena
 * (2.36 malloc/arena.c arena_get2): for that moment it has a descriptor open. A program that lives on the last of its
 * own would notice.
 */
static bool has_few_descriptors(void)
{
	struct rlimit limit;

	return kernel_call4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) == 0 && limit.rlim_cur <= FEW_DESCRIPTORS;
}

/*
 * The cache is 256 KiB for each thread, which the unwinder maps by itself: it would be missing from what the program
 * may have.
 */
static bool has_little_memory(void)
{
	struct rlimit limit;

	return kernel_call4(SYS_prlimit64, 0, RLIMIT_AS, NULL, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

bool stack_walk_is_the_only_way(void)
{
	return loader_symbol(RTLD_DEFAULT, "__tsan_init") || has_few_descriptors() || has_little_memory();
}

int stack_walk(void **frames, int size, bool *interrupted)
{
	unw_context_t context;
	unw_cursor_t cursor;
	unw_word_t address;
	int count = 0;
	int step = 1;

	*interrupted = true;
#if defined(__x86_64__)
	walk.get_context(&context);
#else
	unw_getcontext(&context); /* written out by the header */
#endif
	if (walk.init(&cursor, &context) < 0)
		return 0;
	*interrupted = false;
	for (int i = 0; i < WALK_MAX && step > 0; i++) {
		if (count < size && walk.get_register(&cursor, UNW_REG_IP, &address) == 0)
			frames[count++] = (void *)(uintptr_t)address;
		if (walk.is_signal_frame(&cursor) > 0)
			*interrupted = true;
		step = walk.step(&cursor);
	}
	if (step > 0)
		*interrupted = true;
	return count;
}
