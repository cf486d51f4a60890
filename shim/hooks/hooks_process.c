/*
 * hooks_process.c: the calls that end a process or turn it into another image, and those that change what we may do.
 *
 * fork needs no hook: the handlers of pthread_atfork and the wiped page tell. vfork must not have one: its child would
 * return through our frame (google/sanitizers issue 925).
 */
#include <alloca.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "shim/audit/audit_fate.h"
#include "shim/audit/audit_kept.h"
#include "shim/audit/audit_process.h"
#include "shim/audit/audit_sandbox.h"
#include "shim/base/foreign_image.h"
#include "shim/base/hook.h"
#include "shim/base/older_headers.h"
#include "shim/base/thread.h"
#include "shim/stack/backtrace_answers.h"
#include "shim/stack/module_map.h"
#include "shim/stack/unwinder.h"

extern char **environ;

/* The environment for a file that cannot have us preloaded, on the caller's stack; as it is for every other. */
#define ENVIRONMENT_FOR(room_wanted, envp)                                                                             \
	__extension__({                                                                                                \
		size_t room = (room_wanted);                                                                           \
		room ? foreign_image_environment(alloca(room), room, envp) : (char **)(uintptr_t)(envp);               \
	})

HOOK(int, execve, const char *path, char *const argv[], char *const envp[])
{
	bool ours = audit_exec_begin(path);
	char **environment = ENVIRONMENT_FOR(foreign_image_room(AT_FDCWD, path, 0, envp), envp);
	int result = REAL(execve)(path, argv, environment);

	audit_exec_failed(ours);
	return result;
}

HOOK(int, execv, const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

HOOK(int, execvpe, const char *file, char *const argv[], char *const envp[])
{
	bool ours = audit_exec_begin(file);
	char **environment = ENVIRONMENT_FOR(foreign_image_room_in_path(file, envp), envp);
	int result = REAL(execvpe)(file, argv, environment);

	audit_exec_failed(ours);
	return result;
}

HOOK(int, execvp, const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

HOOK(int, execveat, int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
	bool ours = audit_exec_begin(path);
	char **environment = ENVIRONMENT_FOR(foreign_image_room(fd, path, flags, envp), envp);
	int result = REAL(execveat)(fd, path, argv, environment, flags);

	audit_exec_failed(ours);
	return result;
}

HOOK(int, fexecve, int fd, char *const argv[], char *const envp[])
{
	bool ours = audit_exec_begin(NULL);
	char **environment = ENVIRONMENT_FOR(foreign_image_room(fd, "", AT_EMPTY_PATH, envp), envp);
	int result = REAL(fexecve)(fd, argv, environment);

	audit_exec_failed(ours);
	return result;
}

/* The list forms: their arguments are laid out on the stack, as libc does it, and go to the vector form. */
static size_t count_arguments(va_list arguments)
{
	size_t count = 1;

	while (va_arg(arguments, const char *))
		count++;
	return count;
}

/* By pointer: the caller goes on behind the NULL that ends the list. */
static char **copy_arguments(char **argv, const char *first, size_t count, va_list *arguments)
{
	argv[0] = (char *)(uintptr_t)first;
	for (size_t i = 1; i <= count; i++)
		argv[i] = va_arg(*arguments, char *);
	return argv;
}

#define VECTOR_OF(first, arguments)                                                                                    \
	__extension__({                                                                                                \
		size_t count_;                                                                                         \
		va_start(arguments, first);                                                                            \
		count_ = count_arguments(arguments);                                                                   \
		va_end(arguments);                                                                                     \
		va_start(arguments, first);                                                                            \
		copy_arguments(alloca((count_ + 1) * sizeof(char *)), first, count_, &arguments);                      \
	})

HOOK(int, execl, const char *path, const char *arg, ...)
{
	va_list arguments;
	char **argv = VECTOR_OF(arg, arguments);

	va_end(arguments);
	return execve(path, argv, environ);
}

HOOK(int, execlp, const char *file, const char *arg, ...)
{
	va_list arguments;
	char **argv = VECTOR_OF(arg, arguments);

	va_end(arguments);
	return execvp(file, argv);
}

HOOK(int, execle, const char *path, const char *arg, ...)
{
	va_list arguments;
	char **argv = VECTOR_OF(arg, arguments);
	char **envp = va_arg(arguments, char **);

	va_end(arguments);
	return execve(path, argv, envp);
}

/* After a spawn; the program's `pid` may be NULL. Returns `result`. */
static int spawned(int result, pid_t made, const char *path, pid_t *pid)
{
	if (result == 0 && pid)
		*pid = made;
	if (result == 0)
		audit_spawned(made, path);
	return result;
}

HOOK(int, posix_spawn, pid_t *pid, const char *path, const posix_spawn_file_actions_t *file_actions,
	const posix_spawnattr_t *attrp, char *const argv[], char *const envp[])
{
	char **environment = ENVIRONMENT_FOR(foreign_image_room(AT_FDCWD, path, 0, envp), envp);
	pid_t made = 0;
	int result;

	audit_shared_by_spawn();
	result = REAL(posix_spawn)(&made, path, file_actions, attrp, argv, environment);
	return spawned(result, made, path, pid);
}

HOOK(int, posix_spawnp, pid_t *pid, const char *file, const posix_spawn_file_actions_t *file_actions,
	const posix_spawnattr_t *attrp, char *const argv[], char *const envp[])
{
	char **environment = ENVIRONMENT_FOR(foreign_image_room_in_path(file, envp), envp);
	pid_t made = 0;
	int result;

	audit_shared_by_spawn();
	result = REAL(posix_spawnp)(&made, file, file_actions, attrp, argv, environment);
	return spawned(result, made, file, pid);
}

/* Both start a shell by a call of libc's own. */
HOOK(int, system, const char *command)
{
	int result;

	audit_shared_by_spawn();
	result = REAL(system)(command);
	audit_shared_by_spawn();
	return result;
}

HOOK(FILE *, popen, const char *command, const char *modes)
{
	FILE *stream;

	audit_shared_by_spawn();
	stream = AUDIT_WITH_ROOM(REAL(popen)(command, modes), NULL);
	audit_shared_by_spawn();
	return stream;
}

HOOK(void, _exit, int status)
{
	audit_process_ends(true);
	REAL(_exit)(status);
	__builtin_unreachable();
}

HOOK(void, _Exit, int status)
{
	audit_process_ends(true);
	REAL(_Exit)(status);
	__builtin_unreachable();
}

HOOK(void, quick_exit, int status)
{
	audit_process_ends(true);
	REAL(quick_exit)(status);
	__builtin_unreachable();
}

HOOK(void, abort, void)
{
	audit_process_ends(false);
	REAL(abort)();
	__builtin_unreachable();
}

HOOK(int, sigaltstack, const stack_t *ss, stack_t *oss)
{
	int result = REAL(sigaltstack)(ss, oss);

	if (result == 0 && ss)
		thread_signal_stack(ss->ss_sp, ss->ss_flags & SS_DISABLE ? 0 : ss->ss_size);
	return result;
}

HOOK(int, dlclose, void *handle)
{
	int result = REAL(dlclose)(handle);

	if (result == 0) {
		unwinder_flush();
		module_map_unloaded();
	}
	return result;
}

HOOK(int, pthread_key_create, pthread_key_t *key, void (*destr_function)(void *))
{
	if (thread_is_unwinding() && unwinder_has(__builtin_return_address(0)))
		destr_function = backtrace_answer_key(destr_function);
	return REAL(pthread_key_create)(key, destr_function);
}

HOOK(int, dl_iterate_phdr, int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
	uintptr_t before;
	int result;

	if (thread_is_unwinding() && unwinder_has((const void *)callback) &&
		backtrace_answer_objects(callback, data, &result))
		return result;
	before = unwinder_iterates((uintptr_t)__builtin_frame_address(0));
	result = REAL(dl_iterate_phdr)(callback, data);
	unwinder_iterates(before);
	return result;
}

HOOK(int, prctl, int option, ...)
{
	va_list arguments;
	unsigned long values[4];

	va_start(arguments, option);
	for (int i = 0; i < 4; i++)
		values[i] = va_arg(arguments, unsigned long);
	va_end(arguments);
	if (option == PR_SET_SECCOMP) {
		uint64_t begun_ns;
		int result;

		begun_ns = audit_sandbox_begin();
		result = REAL(prctl)(option, values[0], values[1], values[2], values[3]);
		audit_sandbox_end(begun_ns, values[0] == SECCOMP_MODE_STRICT, result == 0);
		return result;
	}
	return REAL(prctl)(option, values[0], values[1], values[2], values[3]);
}
