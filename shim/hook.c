/* hook.c: dlsym(RTLD_NEXT) for each hook. The linker collects the hooks in a section of their own. */
#include "shim/hook.h"

#include <dlfcn.h>
#include <errno.h>

#include "shim/thread.h"

extern struct hook __start_socksan_hooks[] __attribute__((visibility("hidden")));
extern struct hook __stop_socksan_hooks[] __attribute__((visibility("hidden")));

/* Stands in for a function that this libc does not have. */
static long hook_missing(void)
{
	errno = ENOSYS;
	return -1;
}

void *hook_find(struct hook *hook)
{
	void *real;
	int saved = errno;

	thread_enter();
	real = dlsym(RTLD_NEXT, hook->name);
	thread_leave();
	errno = saved;
	if (!real)
		real = (void *)hook_missing;
	__atomic_store_n(&hook->real, real, __ATOMIC_RELAXED);
	return real;
}

void hook_find_all(void)
{
	for (struct hook *hook = __start_socksan_hooks; hook < __stop_socksan_hooks; hook++)
		hook_real(hook);
}
