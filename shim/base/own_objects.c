/* own_objects.c: the loader's list, which a debugger reads as well, and the program headers in memory. */
#include "shim/base/own_objects.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/base/kernel.h"
#include "shim/base/pages.h"

#define PAGE_BYTES 4096u

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

/* An object is loaded in one piece, from its ELF header to the end of its last segment. */
static void adopt(const char *header)
{
	const ElfW(Ehdr) *elf = (const void *)header;
	const ElfW(Phdr) * program;
	uintptr_t end = 0;

	if (memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0)
		return;
	program = (const void *)(header + elf->e_phoff);
	for (int i = 0; i < elf->e_phnum; i++)
		if (program[i].p_type == PT_LOAD && program[i].p_vaddr + program[i].p_memsz > end)
			end = program[i].p_vaddr + program[i].p_memsz;
	pages_adopt((void *)(uintptr_t)header, end);
	kernel_call3(SYS_madvise, header, PAGE_BYTES, MADV_DODUMP);
}

void own_objects_adopt_library(void)
{
	adopt(__ehdr_start);
}

const struct link_map *own_objects_last(void)
{
	const struct link_map *map = _r_debug.r_map;

	while (map && map->l_next)
		map = map->l_next;
	return map;
}

void own_objects_adopt_after(const struct link_map *last)
{
	for (const struct link_map *map = last ? last->l_next : NULL; map; map = map->l_next)
		adopt((const char *)map->l_addr);
}
