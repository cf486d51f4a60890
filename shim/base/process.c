/* process.c: the generation page, and the set-up that its loss starts anew. */
#include "shim/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/config.h"
#include "shim/base/deep_stack.h"
#include "shim/base/kernel.h"
#include "shim/base/older_headers.h"
#include "shim/base/own_objects.h"
#include "shim/base/pages.h"

/* Stands in until the first set-up; its generation stays 0. */
static struct process_page process_none;
struct process_page *process_page = &process_none;
struct process_names process_names;

void (*process_forked)(void);

extern void *__libc_stack_end; /* of the loader: where the kernel put argc */

static uint32_t last_generation;
static uint32_t first_set_up; /* 0: not begun, 1: under way, 2: done */

void process_remember_arguments(int argc, char **argv)
{
	size_t used = 0;

	for (int i = 0; i < argc && argv[i]; i++) {
		size_t length = strlen(argv[i]) + 1;

		if (used + length > sizeof(process_names.argv))
			length = sizeof(process_names.argv) - used;
		memcpy(process_names.argv + used, argv[i], length);
		used += length;
	}
	if (used)
		process_names.argv[used - 1] = '\0';
	process_names.argv_length = (uint32_t)used;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/*
 * Whether a program was called by another name of its file: redis-server is a link to redis-check-rdb in Debian, and a
 * busybox has many names. Not so a script, whose file is another one, nor what was called as /dev/fd/N (fexecve).
 */
static bool is_name_of_program(const char *called)
{
	struct stat one, other;

	return strncmp(called, "/dev/fd/", 8) != 0 && strncmp(called, "/proc/", 6) != 0 &&
	       kernel_call4(SYS_newfstatat, AT_FDCWD, called, &one, 0) == 0 &&
	       kernel_call4(SYS_newfstatat, AT_FDCWD, "/proc/self/exe", &other, 0) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

static void read_names(void)
{
	const char *called = (const char *)getauxval(AT_EXECFN);
	long length = kernel_call4(
		SYS_readlinkat, AT_FDCWD, "/proc/self/exe", process_names.exe, sizeof(process_names.exe) - 1);
	const char *base;

	if (length <= 0) { /* as it was called, then, which names it just as well while nobody changes the directory */
		length = called ? (long)strnlen(called, sizeof(process_names.exe) - 1) : 0;
		memcpy(process_names.exe, called ? called : "", (size_t)length);
	}
	process_names.exe[length] = '\0';
	base = base_of(process_names.exe);
	if (called && *base_of(called) && strcmp(base_of(called), base) != 0 && is_name_of_program(called))
		base = base_of(called);
	base = *base ? base : "unknown";
	memcpy(process_names.comm, base, strnlen(base, sizeof(process_names.comm) - 1));
}

/*
 * The options. In .preinit_array libc has not set `environ` yet; the kernel has put the environment behind the
 * arguments.
 */
static const char *find_options(void)
{
	static const char name[] = "SOCKSAN_OPTIONS=";
	const long *stack = __libc_stack_end;
	char **entry = environ ? environ : (char **)(uintptr_t)(stack + 1 + stack[0] + 1);

	for (; *entry; entry++)
		if (!strncmp(*entry, name, sizeof(name) - 1))
			return *entry + sizeof(name) - 1;
	return NULL;
}

/* Once in the life of an image: the options, the names, the page. */
static bool set_up_first(void)
{
	char complaint[256];
	const char *text = find_options();
	struct process_page *page;

	config_default(&config);
	if (text)
		config_parse(&config, text, complaint, sizeof(complaint));
	read_names();
	page = pages_map(4096);
	if (!page)
		return false;
	/* Linux 4.14; without it the fork handler alone clears the page */
	kernel_call3(SYS_madvise, page, 4096, MADV_WIPEONFORK);
	deep_stack_set_up();
	own_objects_adopt_library();
	__atomic_store_n(&process_page, page, __ATOMIC_RELEASE);
	return true;
}

bool process_set_up(void)
{
	uint32_t none = 0;
	int saved = errno;

	if (__atomic_load_n(&first_set_up, __ATOMIC_ACQUIRE) != 2) {
		if (!__atomic_compare_exchange_n(&first_set_up, &none, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return false;
		bool done = set_up_first();

		__atomic_store_n(&first_set_up, done ? 2 : 0, __ATOMIC_RELEASE);
		errno = saved;
		if (!done)
			return false;
	}
	none = 0;
	if (!__atomic_compare_exchange_n(
		    &process_page->setting_up, &none, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return process_generation() != 0;
	process_names.started_ns = kernel_now_ns();
	if (last_generation && process_forked)
		process_forked();
	process_page->pid = (pid_t)kernel_call0(SYS_getpid);
	__atomic_store_n(&process_page->generation, ++last_generation, __ATOMIC_RELEASE);
	return true;
}

void process_wipe(void)
{
	__atomic_store_n(&process_page->generation, 0, __ATOMIC_RELEASE);
	process_page->setting_up = 0;
}

int32_t process_thread_id(void)
{
	long tid = kernel_call0(SYS_gettid);

	return tid > 0 ? (int32_t)tid : 0;
}

bool process_is_borrowed(void)
{
	long pid = kernel_call0(SYS_getpid);

	return pid >= 0 && process_page->pid != (pid_t)pid;
}
