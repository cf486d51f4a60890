/* hook.c: dlsym(RTLD_NEXT) for each hook. The linker collects the hooks in a section of their own. */
#include "shim/base/hook.h"

#include <errno.h>
#include <link.h>
#include <stddef.h>

#include "shim/base/deep_stack.h"
#include "shim/base/loader.h"
#include "shim/base/thread.h"

extern struct hook __start_socksan_hooks[] __attribute__((visibility("hidden")));
extern struct hook __stop_socksan_hooks[] __attribute__((visibility("hidden")));

/* Stands in for a function that this libc does not have. */
static long hook_missing(void)
{
	errno = ENOSYS;
	return -1;
}

/* In an object that is loaded, and those that it needs. */
static void *find_in(const char *object, const char *name)
{
	void *handle = loader_open(object, RTLD_LAZY | RTLD_NOLOAD);
	void *real = handle ? loader_symbol(handle, name) : NULL;

	if (handle)
		loader_close(handle);
	return real;
}

/* NULL where there is none. */
static void *find_real(const char *name)
{
	static const char *const parts[] = {"libdl.so.2", "libpthread.so.0", "librt.so.1"};
	void *real = loader_symbol(RTLD_NEXT, name);

	for (size_t i = 0; !real && loader_libc_is_split() && i < sizeof(parts) / sizeof(*parts); i++)
		real = find_in(parts[i], name);
	if (!real)
		loader_forget_error();
	return real;
}

void *hook_find(struct hook *hook)
{
	uintptr_t before = thread_enter();
	int saved = errno;
	void *real = find_real(hook->name);

	thread_leave(before);
	errno = saved;
	/* what is missing may be loaded later */
	if (!real)
		return (void *)hook_missing;
	__atomic_store_n(&hook->real, real, __ATOMIC_RELAXED);
	return real;
}

/* ---- functions of other libraries than libc ---- */

#define FOUND 64u

/* What was found for one caller only. Entries are filled in once; what finds no place is looked for each time. */
static struct found {
	const struct hook *hook;
	const void *caller;
	void *real; /* set last */
} found[FOUND];
static unsigned found_count;

static void *find_found(const struct hook *hook, const void *caller)
{
	for (unsigned i = 0; i < FOUND; i++) {
		void *real = __atomic_load_n(&found[i].real, __ATOMIC_ACQUIRE);

		if (real && found[i].hook == hook && found[i].caller == caller)
			return real;
	}
	return NULL;
}

static void keep_found(const struct hook *hook, const void *caller, void *real)
{
	unsigned at = __atomic_fetch_add(&found_count, 1, __ATOMIC_RELAXED);

	if (at >= FOUND) {
		__atomic_fetch_sub(&found_count, 1, __ATOMIC_RELAXED);
		return;
	}
	found[at].hook = hook;
	found[at].caller = caller;
	__atomic_store_n(&found[at].real, real, __ATOMIC_RELEASE);
}

/*
 * A library that was loaded with RTLD_LOCAL meets us first, as everybody does, and then what it needs itself or what it
 * was linked with. Only it can see that.
 */
static void *find_for_caller(const struct hook *hook, const void *caller)
{
	static const char *const libraries[] = {"liburing.so.2", "liburing-ffi.so.2", "liburing.so.1"};
	Dl_info info;
	struct link_map *map = NULL;
	void *real = NULL;

	if (loader_address(caller, &info, &map) && map && map->l_name && *map->l_name)
		real = find_in(map->l_name, hook->name);
	for (unsigned i = 0; !real && i < sizeof(libraries) / sizeof(*libraries); i++)
		real = find_in(libraries[i], hook->name);
	return real;
}

struct search {
	struct hook *hook;
	const void *caller;
	void *real;
};

static void search(void *argument)
{
	struct search *search = argument;

	search->real = loader_symbol(RTLD_NEXT, search->hook->name);
	if (search->real) {
		__atomic_store_n(&search->hook->real, search->real, __ATOMIC_RELAXED);
		return;
	}
	search->real = find_for_caller(search->hook, search->caller);
	if (search->real)
		keep_found(search->hook, search->caller, search->real);
	loader_forget_error(); /* that it was not found is nothing that the program did */
}

void *hook_find_foreign(struct hook *hook, const void *caller)
{
	struct search wanted = {.hook = hook, .caller = caller, .real = find_found(hook, caller)};
	int saved = errno;
	uintptr_t before;

	if (wanted.real)
		return wanted.real;
	before = thread_enter();
	if (!deep_stack_call(search, &wanted))
		search(&wanted);
	thread_leave(before);
	errno = saved;
	return wanted.real;
}

void hook_find_all(void)
{
	for (struct hook *hook = __start_socksan_hooks; hook < __stop_socksan_hooks; hook++)
		hook_real(hook);
}
