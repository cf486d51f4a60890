/*
 * hook.h: declare an interposed function, and find the definition behind it.
 *
 *	HOOK(int, listen, int fd, int backlog)
 *	{
 *		return REAL(listen)(fd, backlog);
 *	}
 *
 * HOOK exports the function and makes its `struct hook`. REAL(name) is the next definition, as the program would have
 * met it without us, looked up on first use and typed by libc's own header: a wrong prototype does not compile.
 */
#ifndef SOCKSAN_HOOK_H
#define SOCKSAN_HOOK_H

#include <stdarg.h>

#define SOCKSAN_EXPORT __attribute__((visibility("default")))

struct hook {
	const char *name; /* as the trace shows it; at most 15 characters count there */
	void *real;
};

#define HOOK(result, name, ...)                                                                                        \
	static __attribute__((section("socksan_hooks"), used)) struct hook name##_hook = {#name, 0};                   \
	SOCKSAN_EXPORT result name(__VA_ARGS__)

/* The same with a second, static function NAME_audited that is kept out of the way of the first. */
#define HOOK_IN_TWO(result, name, ...)                                                                                 \
	static __attribute__((noinline)) result name##_audited(__VA_ARGS__);                                           \
	HOOK(result, name, __VA_ARGS__)

/* The result of `call`, an int, in which `arguments` is the va_list of what comes after the parameter `last`. */
#define HOOK_WITH_ARGUMENTS(arguments, last, call)                                                                     \
	__extension__({                                                                                                \
		va_list arguments;                                                                                     \
		int result_;                                                                                           \
		va_start(arguments, last);                                                                             \
		result_ = (call);                                                                                      \
		va_end(arguments);                                                                                     \
		result_;                                                                                               \
	})

/* Makes REAL(name) known, without standing in front of the function. */
#define HOOK_LOOK_UP(name) static __attribute__((section("socksan_hooks"), used)) struct hook name##_hook = {#name, 0}

/*
 * The same for a function that libc does not have. Its library may come later, by dlopen, or be one that only its
 * caller sees; so it is looked for at each call until it is found for all, and REAL_FOREIGN is NULL where there is
 * none.
 */
#define HOOK_FOREIGN(result, name, ...)                                                                                \
	static struct hook name##_hook = {#name, 0};                                                                   \
	SOCKSAN_EXPORT result name(__VA_ARGS__)

#define REAL_FOREIGN(name) ((__typeof__(&name))hook_real_foreign(&name##_hook, __builtin_return_address(0)))

#if defined(__has_attribute)
#if __has_attribute(copy)
#define HOOK_COPY(name) , copy(name)
#endif
#endif
#ifndef HOOK_COPY
#define HOOK_COPY(name)
#endif

/* Another exported name of the same function: __write, sendfile64 and their like. */
#define HOOK_ALIAS(name, other)                                                                                        \
	extern SOCKSAN_EXPORT __attribute__((alias(#name) HOOK_COPY(name))) __typeof__(name) other

#define REAL(name) ((__typeof__(&name))hook_real(&name##_hook))

/*
 * The next definition of the hooked function in the program's search order; a function that fails with ENOSYS where
 * there is none. Any thread, any time, the time before the constructor included.
 */
void *hook_find(struct hook *hook);

static inline void *hook_real(struct hook *hook)
{
	void *real = __atomic_load_n(&hook->real, __ATOMIC_RELAXED);

	return __builtin_expect(real != 0, 1) ? real : hook_find(hook);
}

/* The definition that `caller`, an address in the program, would have met without us; NULL where there is none. */
void *hook_find_foreign(struct hook *hook, const void *caller);

static inline void *hook_real_foreign(struct hook *hook, const void *caller)
{
	void *real = __atomic_load_n(&hook->real, __ATOMIC_RELAXED);

	return __builtin_expect(real != 0, 1) ? real : hook_find_foreign(hook, caller);
}

/* Looks all of them up, so that a later first use, in a signal handler say, needs no loader. From the constructor. */
void hook_find_all(void);

#endif
