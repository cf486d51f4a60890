/*
 * backtrace_answers.c: what the unwinder is told instead of being given a pipe to try addresses on, or the loader's
 * list.
 */
#include "shim/stack/backtrace_answers.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "shim/base/kernel.h"
#include "shim/base/loader.h"
#include "shim/base/older_headers.h"

int backtrace_answer_pipe(int fds[2])
{
	fds[0] = fds[1] = -1;
	errno = ENFILE;
	return -1;
}

long backtrace_answer_read(void)
{
	errno = EAGAIN; /* "the pipe is there and empty" */
	return -1;
}

/*
 * Whether one byte at `address` can be read. The 8 that are tried must not reach into a page that the one does not lie
 * in.
 */
long backtrace_answer_write(const void *address)
{
	uintptr_t aligned = (uintptr_t)address & ~(uintptr_t)7;

	/* without a set it would copy nothing */
	if (!aligned || kernel_try_read(aligned) == -EFAULT) {
		errno = EFAULT;
		return -1;
	}
	errno = 0; /* write_validate repeats while errno is EINTR, and an earlier call may have left that */
	return 1;
}

static void (*destroy_cache)(void *);

static void thread_ends(void *cache)
{
	if (!kernel_forbidden)
		destroy_cache(cache);
}

void (*backtrace_answer_key(void (*destroy)(void *)))(void *cache)
{
	destroy_cache = destroy;
	return destroy ? thread_ends : NULL;
}

/* ---- the loaded objects ---- */

/* Since glibc 2.35; NULL where there is none. */
static int (*find_object)(void *address, struct older_dl_find_object *object);

void backtrace_answers_load(void)
{
	find_object = (int (*)(void *, struct older_dl_find_object *))loader_symbol(RTLD_DEFAULT, "_dl_find_object");
}

bool backtrace_answer_objects(backtrace_objects_callback *callback, void *data, int *result)
{
	struct older_dl_find_object object;
	struct dl_phdr_info info;
	const ElfW(Ehdr) * image;
	void *address;

	if (!find_object)
		return false;
	memcpy(&address, data, sizeof(address));
	if (find_object(address, &object) != 0)
		return false;
	image = object.dlfo_map_start;
	if (memcmp(image->e_ident, ELFMAG, SELFMAG) != 0)
		return false;
	memset(&info, 0, sizeof(info));
	info.dlpi_addr = object.dlfo_link_map->l_addr;
	info.dlpi_name = object.dlfo_link_map->l_name;
	info.dlpi_phdr = (const void *)((const char *)image + image->e_phoff);
	info.dlpi_phnum = image->e_phnum;
	*result = callback(&info, sizeof(info), data);
	return true;
}
