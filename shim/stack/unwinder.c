/* unwinder.c: find it, load it once, and keep count of who is inside. */
#include "shim/stack/unwinder.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <unistd.h>

#include "shim/base/deep_stack.h"
#include "shim/base/hold.h"
#include "shim/base/kernel.h"
#include "shim/base/line.h"
#include "shim/base/loader.h"
#include "shim/base/own_objects.h"
#include "shim/base/thread.h"
#include "shim/stack/backtrace_answers.h"
#include "shim/stack/python_stack.h"
#include "shim/stack/signal_frame.h"
#include "shim/stack/stack_walk.h"
#include "shim/trace/trace_log.h"

enum unwinder_state { UNWINDER_NONE, UNWINDER_LOADING, UNWINDER_READY, UNWINDER_MISSING, UNWINDER_BROKEN };

struct range {
	uintptr_t start;
	uintptr_t end;
};

static struct {
	uint32_t state;
	uint32_t gate; /* forks that are being prepared: nobody enters meanwhile */
	uint32_t flush; /* forget what was cached */
	bool walks; /* without a cache */
	bool saves_memory; /* without one in threads that have none yet */
	int (*backtrace)(void **frames, int size);
	void (*flush_cache)(void *space, unsigned long low, unsigned long high);
	void **local_addr_space;
	struct range own;
	struct range library; /* of the unwinder */
} unwinder;

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

/* Where an object lies whose ELF header is at `base`. */
static struct range range_of(const char *base)
{
	const ElfW(Ehdr) *image = (const void *)base;
	const ElfW(Phdr) *header = (const void *)(base + image->e_phoff);
	struct range range = {(uintptr_t)base, (uintptr_t)base};

	for (int i = 0; i < image->e_phnum; i++)
		if (header[i].p_type == PT_LOAD) {
			uintptr_t end = (uintptr_t)base + header[i].p_vaddr + header[i].p_memsz;

			if (end > range.end)
				range.end = end;
		}
	return range;
}

static bool lies_in(const struct range *range, const void *address)
{
	return (uintptr_t)address >= range->start && (uintptr_t)address < range->end;
}

bool unwinder_is_ours(const void *address)
{
	return lies_in(&unwinder.own, address);
}

bool unwinder_has(const void *address)
{
	return lies_in(&unwinder.library, address);
}

#define BUNDLED "libsocksan-unwind.so"

/*
 * The unwinder that lies beside this library, as in a release; NULL where there is none, or where LD_PRELOAD had a
 * relative path, since the program may have changed its directory. It is not called libunwind.so.8: the loader would
 * give it to a program that asks for that name later, and it has fewer functions.
 */
static void *load_bundled(void)
{
	static char path[PATH_MAX]; /* one thread loads, once */
	char *end = path + sizeof(path) - 1;
	char *at;
	Dl_info info;

	if (!loader_address(__ehdr_start, &info, NULL) || !info.dli_fname || info.dli_fname[0] != '/')
		return NULL;
	at = line_append(path, end, info.dli_fname);
	while (at[-1] != '/')
		at--;
	at = line_append(at, end, BUNDLED);
	if (at == end || kernel_call3(SYS_faccessat, AT_FDCWD, path, R_OK) != 0)
		return NULL;
	return loader_open(path, RTLD_NOW | RTLD_LOCAL);
}

static bool load(void)
{
	const struct link_map *last = own_objects_last();
	void *library = load_bundled();
	Dl_info info;

	if (!library)
		library = loader_open("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);

	if (!library) {
		loader_forget_error();
		return false;
	}
	own_objects_adopt_after(last);
	unwinder.walks = stack_walk_is_the_only_way();
	backtrace_answers_load();
	unwinder.backtrace = (int (*)(void **, int))loader_symbol(library, "unw_backtrace");
	if (unwinder.backtrace && loader_address((void *)unwinder.backtrace, &info, NULL))
		unwinder.library = range_of(info.dli_fbase);
#if defined(__x86_64__)
	unwinder.flush_cache =
		(void (*)(void *, unsigned long, unsigned long))loader_symbol(library, "_Ux86_64_flush_cache");
	unwinder.local_addr_space = loader_symbol(library, "_ULx86_64_local_addr_space");
#elif defined(__aarch64__)
	unwinder.flush_cache =
		(void (*)(void *, unsigned long, unsigned long))loader_symbol(library, "_Uaarch64_flush_cache");
	unwinder.local_addr_space = loader_symbol(library, "_ULaarch64_local_addr_space");
#endif
	return unwinder.backtrace != NULL && stack_walk_find(library);
}

/*
 * Waits while another thread loads the unwinder: some milliseconds at most. That thread may wait in turn for the
 * loader's lock, which ours may hold.
 */
static void wait_for_loader(void)
{
	struct timespec pause = {0, 50000};

	for (int i = 0; i < 200 && __atomic_load_n(&unwinder.state, __ATOMIC_ACQUIRE) == UNWINDER_LOADING; i++)
		kernel_call2(SYS_nanosleep, &pause, NULL);
}

/*
 * In what dl_iterate_phdr calls, or a signal handler that interrupted it: another thread may be in the unwinder, with a
 * lock of libunwind's in its hands, and wait for the lock that we hold (libunwind issues 16 and 580).
 */
static bool holds_loader_lock(void)
{
	return deep_stack_frame((uintptr_t)__builtin_frame_address(0)) < thread_state.iterating;
}

uintptr_t unwinder_iterates(uintptr_t frame)
{
	uintptr_t before = thread_state.iterating;

	thread_state.iterating = frame;
	return before;
}

struct found {
	bool unwinder;
	bool python;
	char gap[PYTHON_STACK_GAP_MAX]; /* why not */
};

static void find_all(void *argument)
{
	struct found *found = argument;

	found->unwinder = load();
	found->python = python_stack_find(found->gap);
}

bool unwinder_load(void)
{
	uint32_t none = UNWINDER_NONE;
	uint64_t signals;
	uintptr_t before;
	int saved = errno;
	struct found found;
	bool done;

	none = __atomic_load_n(&unwinder.state, __ATOMIC_ACQUIRE);
	if (none != UNWINDER_NONE && none != UNWINDER_LOADING)
		return false;
	if (none == UNWINDER_NONE && signal_frame_is_near())
		return false;
	none = UNWINDER_NONE;
	if (thread_is_inside() || holds_loader_lock())
		return false;
	/* a handler that jumped out of here would leave the loader's lock behind, and others waiting */
	thread_block_signals(&signals);
	if (!__atomic_compare_exchange_n(
		    &unwinder.state, &none, UNWINDER_LOADING, false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
		thread_allow_signals(&signals);
		if (none == UNWINDER_LOADING)
			wait_for_loader();
		return false;
	}
	unwinder.own = range_of(__ehdr_start);
	before = thread_enter();
	done = deep_stack_call(find_all, &found);
	thread_leave(before);
	if (done && !found.unwinder)
		trace_log_gap(TRACE_NO_UNWINDER, "");
	if (done && !found.python)
		trace_log_gap(TRACE_NO_PYTHON_STACKS, found.gap);
	__atomic_store_n(&unwinder.state,
		!done            ? UNWINDER_NONE
		: found.unwinder ? UNWINDER_READY
				 : UNWINDER_MISSING,
		__ATOMIC_RELEASE);
	thread_allow_signals(&signals);
	errno = saved;
	return done;
}

void unwinder_leave(void)
{
	thread_state.unwinding = false;
	__atomic_store_n(&thread_state.holds->unwinding, 0, __ATOMIC_RELEASE);
	thread_leave(0);
}

bool unwinder_missing(void)
{
	__atomic_fetch_or(&trace_log_process()->coverage, TRACE_MISSING_STACKS, __ATOMIC_RELAXED);
	return false;
}

/* Each thread says for itself that it is inside: so nothing is left of one that has ended there. */
bool unwinder_enter(void)
{
	uint32_t state = __atomic_load_n(&unwinder.state, __ATOMIC_ACQUIRE);
	struct hold_block *block;

	if (kernel_forbidden)
		return false;
	if (state != UNWINDER_READY)
		return state == UNWINDER_NONE && unwinder_missing();
	if (thread_is_inside() || holds_loader_lock())
		return unwinder_missing();
	block = hold_own_block();
	if (!block)
		return unwinder_missing();
	thread_state.inside = (uintptr_t)__builtin_frame_address(0);
	(void)__atomic_exchange_n(&block->unwinding, 1, __ATOMIC_SEQ_CST);
	thread_state.unwinding = true;
	if (!__atomic_load_n(&unwinder.gate, __ATOMIC_SEQ_CST))
		return true;
	unwinder_leave();
	return unwinder_missing();
}

void unwinder_save_memory(void)
{
	unwinder.saves_memory = true;
}

bool unwinder_may_cache(void)
{
	return !unwinder.walks && (thread_state.warmed || !unwinder.saves_memory);
}

/* The first ones of a thread that a signal handler asks for come without its cache. */
int unwinder_frames(void **frames, int size)
{
	bool interrupted = false;
	int count;

	if (__atomic_exchange_n(&unwinder.flush, 0, __ATOMIC_RELAXED) && unwinder.flush_cache &&
		unwinder.local_addr_space)
		unwinder.flush_cache(*unwinder.local_addr_space, 0, 0);
	if (!thread_state.warmed || unwinder.walks) {
		count = stack_walk(frames, size, &interrupted);
		if (interrupted || !unwinder_may_cache())
			return count;
	}
	count = unwinder.backtrace(frames, size);
	thread_state.warmed = true;
	return count;
}

void unwinder_flush(void)
{
	__atomic_store_n(&unwinder.flush, 1, __ATOMIC_RELAXED);
}

void unwinder_fork_prepare(void)
{
	struct timespec pause = {0, 100000};

	__atomic_fetch_add(&unwinder.gate, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 100; i++) {
		if (!hold_others_unwind())
			return;
		kernel_call2(SYS_nanosleep, &pause, NULL);
	}
}

void unwinder_fork_done(void)
{
	__atomic_fetch_sub(&unwinder.gate, 1, __ATOMIC_SEQ_CST);
}

void unwinder_forked(void)
{
	if (hold_others_unwind() || unwinder.state == UNWINDER_LOADING) {
		unwinder.state = UNWINDER_BROKEN;
		__atomic_fetch_or(&trace_log_process()->coverage, TRACE_UNWINDER_BUSY, __ATOMIC_RELAXED);
	}
	unwinder.gate = 0;
}
