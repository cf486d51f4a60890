/* module_map.c: a small table of the ranges already written; the loader has the rest. */
#include "shim/stack/module_map.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/thread.h"
#include "shim/trace/trace_log.h"

#define RANGES 512

struct range {
	uintptr_t start;
	uintptr_t end;
};

static struct range ranges[RANGES];
static uint32_t range_count;
static uint32_t stale; /* asks for all of it to be looked at again */
static uint32_t busy; /* one thread at a time; the others go on without */

static bool is_covered(uintptr_t address)
{
	uint32_t count = __atomic_load_n(&range_count, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < count && i < RANGES; i++)
		if (address >= ranges[i].start && address < ranges[i].end)
			return true;
	return false;
}

/* Copies the build-id out of the notes of a loaded object. */
static void find_build_id(const struct dl_phdr_info *info, struct trace_module *module)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		const char *at = (const char *)info->dlpi_addr + header->p_vaddr;
		const char *end = at + header->p_memsz;

		if (header->p_type != PT_NOTE)
			continue;
		while (at + sizeof(ElfW(Nhdr)) <= end) {
			const ElfW(Nhdr) *note = (const void *)at;
			const char *name = at + sizeof(*note);
			const char *value = name + ((note->n_namesz + 3) & ~3u);

			if (value + note->n_descsz > end)
				break;
			if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && !memcmp(name, "GNU", 4) &&
				note->n_descsz <= sizeof(module->build_id)) {
				memcpy(module->build_id, value, note->n_descsz);
				module->build_id_length = (uint8_t)note->n_descsz;
				return;
			}
			at = value + ((note->n_descsz + 3) & ~3u);
		}
	}
}

static struct range range_of(const struct dl_phdr_info *info)
{
	struct range range = {UINTPTR_MAX, 0};

	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD) {
			uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

			if (start < range.start)
				range.start = start;
			if (start + info->dlpi_phdr[i].p_memsz > range.end)
				range.end = start + info->dlpi_phdr[i].p_memsz;
		}
	return range;
}

static int write_module(struct dl_phdr_info *info, size_t size, void *first)
{
	struct range range = range_of(info);
	const char *path = info->dlpi_name && info->dlpi_name[0] ? info->dlpi_name : "";
	size_t length;
	struct trace_module *module;

	(void)size;
	if (*(bool *)first)
		path = process_names.exe;
	*(bool *)first = false;
	if (range.end <= range.start || is_covered(range.start) || range_count >= RANGES)
		return 0;
	length = strlen(path);
	module = trace_log_claim(TRACE_MODULE, (uint32_t)(sizeof(*module) + length));
	if (!module)
		return 1;
	module->t_ns = kernel_now_ns();
	module->start = range.start;
	module->end = range.end;
	module->bias = info->dlpi_addr;
	module->path_length = (uint16_t)length;
	memcpy(module->path, path, length);
	find_build_id(info, module);
	trace_log_commit(module);
	ranges[range_count] = range;
	__atomic_store_n(&range_count, range_count + 1, __ATOMIC_RELEASE);
	return 0;
}

void module_map_cover(void *const *addresses, int count)
{
	bool wanted = __atomic_exchange_n(&stale, 0, __ATOMIC_ACQ_REL);
	bool first = true;
	uint32_t idle = 0;
	uint64_t signals;

	if (!wanted)
		for (int i = 0; i < count && !wanted; i++)
			wanted = !is_covered((uintptr_t)addresses[i]);
	if (!wanted)
		return;
	thread_block_signals(&signals); /* no handler jumps out of this, with the flag and the loader's lock held */
	if (__atomic_compare_exchange_n(&busy, &idle, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		dl_iterate_phdr(write_module, &first);
		__atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
	}
	thread_allow_signals(&signals);
}

void module_map_unloaded(void)
{
	__atomic_store_n(&range_count, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&stale, 1, __ATOMIC_RELEASE);
}

void module_map_forked(void)
{
	busy = 0;
	module_map_unloaded();
}
