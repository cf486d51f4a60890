/*
 * Calls each function that the library interposes, with good arguments and with bad ones; tests/e2e/hooks.sh compares
 * what comes of it bare and audited.
 *
 * hook_calls names           prints the names that it tries
 * hook_calls pointers        spoils each pointer in turn; prints result and errno, or the signal of its death
 * hook_calls stack STATE     prints the bytes of stack that each call used; the socket is healthy, ended (its
 *                            peer has gone and the program was told) or closed
 *
 * Each call is made in a child of its own, so that nothing of one call meets the next.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>

#include "tests/programs/hook_call_values.h"

enum { STACK_BYTES = 256 << 10, PAINT = 0xa5 };

/* What a child leaves behind, in memory that it shares with its parent. */
static struct outcome {
	bool came_back;
	long result;
	int error;
} * outcome;
static unsigned char *stack; /* shared as well, so that it can be looked at when the child is gone */

/* A function of libc or liburing; not one that the library has and they do not. */
static void *find(const char *name)
{
	static const char *const libraries[] = {"libc.so.6", "liburing.so.2"};

	for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
		void *library = dlopen(libraries[i], RTLD_NOW | RTLD_NOLOAD);

		if (library && dlsym(library, name))
			return dlsym(RTLD_DEFAULT, name);
	}
	return NULL;
}

/* ---- one call ---- */

static struct {
	const struct hook_call *call;
	long (*function)(long, ...);
	long values[CALL_ARGUMENTS];
} now;

static void make_call(void)
{
	const long *value = now.values;

	errno = 0;
	outcome->result = now.function(value[0], value[1], value[2], value[3], value[4], value[5], value[6]);
	outcome->error = errno;
	outcome->came_back = true;
}

static void make_call_on_stack(void)
{
	ucontext_t back, there;

	memset(stack, PAINT, STACK_BYTES);
	CHECK(getcontext(&there) == 0);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = STACK_BYTES;
	there.uc_link = &back;
	makecontext(&there, make_call, 0);
	CHECK(swapcontext(&back, &there) == 0);
}

/* A va_list lives no longer than the function that began it. */
static void make_call_with_list(int spoilt, enum spoiling spoiling, ...)
{
	va_list list;
	size_t half = sizeof list / 2;

	va_start(list, spoiling);
	for (int i = 0; i < CALL_ARGUMENTS; i++) {
		if (now.call->arguments[i].kind != CALL_VARIADIC)
			continue;
		now.values[i] = i != spoilt || spoiling == WHOLE ? (long)at_edge(list, sizeof list)
				: spoiling == UNREADABLE         ? (long)unreadable()
				: spoiling == HALF               ? (long)at_edge(list, half)
								 : 0;
	}
	if (stack)
		make_call_on_stack();
	else
		make_call();
	va_end(list);
}

static void child(int spoilt, enum spoiling spoiling)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close(null);
	signal(SIGPIPE, SIG_IGN);
	alarm(5);
	for (int i = 0; i < CALL_ARGUMENTS; i++)
		if (now.call->arguments[i].kind != CALL_VARIADIC)
			now.values[i] = value_of(&now.call->arguments[i], i == spoilt ? spoiling : WHOLE);
	if (same(state, "closed") && ends.ours >= 0)
		CHECK(close(ends.ours) == 0);
	make_call_with_list(spoilt, spoiling, 1);
	_exit(0);
}

/* Makes the call in a child. Returns false where it cannot be made here. */
static bool try_call(const struct hook_call *call, int spoilt, enum spoiling spoiling, int *status)
{
	void *function = find(call->name);
	pid_t pid;

	if (!function)
		return false;
	now.call = call;
	memcpy(&now.function, &function, sizeof function);
	*outcome = (struct outcome){0};
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		child(spoilt, spoiling);
	CHECK(waitpid(pid, status, 0) == pid);
	CHECK(!WIFEXITED(*status) || WEXITSTATUS(*status) != 98);
	return !WIFEXITED(*status) || WEXITSTATUS(*status) != 77;
}

/* The name, with the number where it is of a system call. */
static void print_name(const struct hook_call *call)
{
	if (same(call->name, "syscall"))
		printf("syscall(%ld)", call->arguments[0].value);
	else
		printf("%s", call->name);
}

static void print_outcome(char kind, int status)
{
	if (!outcome->came_back) {
		printf(WIFSIGNALED(status) ? "died of signal %d\n" : "exited with %d\n",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		return;
	}
	if (kind == 'p')
		printf("%s", outcome->result ? "something" : "NULL");
	else if (kind != 'v')
		printf("%ld", kind == 'i' ? (int)outcome->result : outcome->result);
	printf(" errno %d%s\n", outcome->error, WIFSIGNALED(status) ? ", and then it died" : "");
}

static void try_pointers(void)
{
	int calls = 0, pointers = 0, status;

	for (size_t i = 0; i < sizeof hook_calls / sizeof *hook_calls; i++) {
		const struct hook_call *call = &hook_calls[i];

		if (!try_call(call, -1, WHOLE, &status)) {
			printf("- %s: not to be had here\n", call->name);
			continue;
		}
		print_name(call);
		printf(" good: ");
		print_outcome(call->result, status);
		calls++;
		for (int argument = 0; argument < CALL_ARGUMENTS; argument++) {
			if (!is_pointer(call->arguments[argument].kind))
				continue;
			pointers++;
			for (enum spoiling spoiling = UNREADABLE; spoiling < SPOILINGS; spoiling++) {
				try_call(call, argument, spoiling, &status);
				print_name(call);
				printf(" argument %d %s: ", argument + 1, spoilings[spoiling]);
				print_outcome(call->result, status);
			}
		}
	}
	printf("%d calls, %d pointer arguments, %d ways to spoil each\n", calls, pointers, SPOILINGS - 1);
}

static void measure_stacks(void)
{
	int status;

	stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(stack != MAP_FAILED);
	for (size_t i = 0; i < sizeof hook_calls / sizeof *hook_calls; i++) {
		size_t untouched = 0;

		if (!try_call(&hook_calls[i], -1, WHOLE, &status))
			continue;
		while (untouched < STACK_BYTES && stack[untouched] == PAINT)
			untouched++;
		print_name(&hook_calls[i]);
		printf(" %zu\n", STACK_BYTES - untouched);
	}
}

int main(int argc, char **argv)
{
	const char *mode = argument(argc, argv, 1);
	const struct rlimit no_core = {0, 0};

	if (same(mode, "names")) {
		for (size_t i = 0; i < sizeof hook_calls / sizeof *hook_calls; i++)
			puts(hook_calls[i].name);
		return 0;
	}
	outcome = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(outcome != MAP_FAILED);
	CHECK(setrlimit(RLIMIT_CORE, &no_core) == 0);
	errno = 0; /* finds the function behind it, which takes a KiB of stack once */
	if (same(mode, "stack")) {
		state = argument(argc, argv, 2);
		measure_stacks();
	} else {
		try_pointers();
	}
	return 0;
}
