/*
 * trace_set.c: see trace_set.h.
 */
#include "analyzer/trace/trace_set.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analyzer/base/progress.h"
#include "analyzer/base/text.h"
#include "analyzer/trace/module_index.h"

#define SAME_BOOT_NS 10000000000LL

/* Modules that are looked at one by one. */
#define FEW_MODULES 64

/* Whether the file is among the first `count`: named twice, or named and in a directory that was named too. */
static bool is_known(const struct trace_set *set, size_t count, const struct reader *reader)
{
	for (size_t i = 0; i < count; i++)
		if (set->sources[i].inode == reader->inode && set->sources[i].device == reader->device)
			return true;
	return false;
}

void trace_set_note_unreadable(struct trace_set *set, const char *path, const char *reason)
{
	set->unreadable = text_grow(set->unreadable, set->unreadable_count, sizeof(*set->unreadable));
	set->unreadable[set->unreadable_count++] =
		(struct unreadable_trace){.path = text_copy(path), .reason = text_copy(reason)};
}

/* Whether an open that failed so has met something to read: not a name without a file, nor what is no file of ours. */
static bool is_there(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case ELOOP:
	case EINVAL: return false;
	default: return true;
	}
}

static void add_file(struct trace_set *set, const char *path, size_t known_count)
{
	struct reader reader;

	progress_count("files");
	if (!reader_open(&reader, path, false)) {
		if (reader.error && is_there(reader.error))
			trace_set_note_unreadable(set, path, strerror(reader.error));
		return;
	}
	reader_close(&reader);
	if (is_known(set, known_count, &reader))
		return;
	set->sources = text_grow(set->sources, set->count, sizeof(*set->sources));
	set->sources[set->count++] = (struct trace_source){
		.path = text_copy(path),
		.device = reader.device,
		.inode = reader.inode,
		.created_ns = reader.header.created_ns,
		.created_wall_ns = reader.header.created_wall_ns,
		.bytes = reader.end,
	};
	set->bytes += reader.end;
}

static bool has_suffix(const char *name)
{
	size_t length = strlen(name);
	size_t suffix = strlen(TRACE_SUFFIX);

	return length > suffix && !strcmp(name + length - suffix, TRACE_SUFFIX);
}

static int is_trace_name(const struct dirent *entry)
{
	return has_suffix(entry->d_name);
}

static void add_directory(struct trace_set *set, const char *directory)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, is_trace_name, alphasort);
	size_t known_count = set->count; /* a directory names no file twice */

	if (count < 0) {
		text_complain("%s: %s", directory, strerror(errno));
		trace_set_note_unreadable(set, directory, strerror(errno));
		return;
	}
	for (int i = 0; i < count; i++) {
		struct stat status;
		char *path = text_format("%s/%s", directory, entries[i]->d_name);

		/* Not what a link leads to: a directory of traces may be writable by others. */
		if (!lstat(path, &status) && S_ISREG(status.st_mode))
			add_file(set, path, known_count);
		free(path);
		free(entries[i]);
	}
	free(entries);
}

static int compare_offsets(const void *a, const void *b, void *context)
{
	const struct trace_set *set = context;
	int64_t left = trace_set_clock_offset(set, *(const uint32_t *)a);
	int64_t right = trace_set_clock_offset(set, *(const uint32_t *)b);

	return (left > right) - (left < right);
}

/*
 * Machines that were booted within moments share a number, so it only excludes: what has another one is of another
 * boot.
 */
static void number_boots(struct trace_set *set)
{
	uint32_t *order = text_allocate(set->count * sizeof(*order));
	uint32_t boot = 0;

	for (size_t i = 0; i < set->count; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, set->count, sizeof(*order), compare_offsets, set);
	for (size_t i = 0; i < set->count; i++) {
		if (i && !trace_set_same_boot(
				 trace_set_clock_offset(set, order[i - 1]), trace_set_clock_offset(set, order[i])))
			boot++;
		set->sources[order[i]].boot = boot;
	}
	free(order);
}

void trace_set_find(struct trace_set *set, char *const *paths, size_t path_count)
{
	*set = (struct trace_set){0};
	for (size_t i = 0; i < path_count; i++) {
		struct stat status;

		if (!stat(paths[i], &status) && S_ISDIR(status.st_mode))
			add_directory(set, paths[i]);
		else
			add_file(set, paths[i], set->count);
	}
	number_boots(set);
}

static void release_space(struct trace_slot *slot)
{
	for (size_t i = 0; i < slot->space.module_count; i++)
		free((char *)slot->modules[i].path);
	free(slot->modules);
	module_index_free(slot->index);
	slot->modules = NULL;
	slot->index = NULL;
	slot->has_space = false;
	slot->space = (struct address_space){0};
}

static void close_slot(struct trace_slot *slot)
{
	if (!slot->last_use)
		return;
	release_space(slot);
	reader_close(&slot->reader);
	slot->last_use = 0;
}

void trace_set_free(struct trace_set *set)
{
	for (size_t i = 0; i < TRACE_SET_OPEN; i++)
		close_slot(&set->slots[i]);
	for (size_t i = 0; i < set->count; i++) {
		free(set->sources[i].path);
		free(set->sources[i].modules);
	}
	free(set->sources);
	for (size_t i = 0; i < set->unreadable_count; i++) {
		free(set->unreadable[i].path);
		free(set->unreadable[i].reason);
	}
	free(set->unreadable);
	*set = (struct trace_set){0};
}

static struct trace_slot *slot_of(struct trace_set *set, uint32_t trace)
{
	struct trace_source *source = &set->sources[trace];
	struct trace_slot *slot = source->slot ? &set->slots[source->slot - 1] : NULL;

	set->uses++;
	if (slot && slot->last_use && slot->trace == trace) {
		slot->last_use = set->uses;
		return slot;
	}
	slot = &set->slots[0];
	for (size_t i = 1; i < TRACE_SET_OPEN; i++)
		if (set->slots[i].last_use < slot->last_use)
			slot = &set->slots[i];
	close_slot(slot);
	if (!reader_open(&slot->reader, source->path, true))
		return NULL;
	if (slot->reader.inode != source->inode || slot->reader.device != source->device) {
		reader_close(&slot->reader);
		return NULL;
	}
	slot->trace = trace;
	slot->last_use = set->uses;
	source->slot = (uint32_t)(slot - set->slots) + 1;
	return slot;
}

struct reader *trace_set_open(struct trace_set *set, uint32_t trace)
{
	struct trace_slot *slot = slot_of(set, trace);

	return slot ? &slot->reader : NULL;
}

/* Fills in one module; false where its record is not there any more. */
static bool load_module(struct reader *reader, trace_ref ref, const char *executable, struct module *module)
{
	_Alignas(struct trace_module) char buffer[sizeof(struct trace_module) + 4096];
	const struct trace_module *record = (const struct trace_module *)buffer;
	size_t bytes = reader_get(reader, ref, TRACE_MODULE, buffer, sizeof(buffer));
	size_t length;

	if (!bytes)
		return false;
	length = reader_path_length(record, bytes);
	*module = (struct module){
		.ref = ref,
		.start = record->start,
		.end = record->end,
		.bias = record->bias,
		.build_id_length = record->build_id_length,
		.path = length ? strndup(record->path, length) : strdup(executable),
	};
	if (!module->path)
		text_out_of_memory();
	if (module->build_id_length > sizeof(module->build_id))
		module->build_id_length = 0;
	memcpy(module->build_id, record->build_id, sizeof(module->build_id));
	return true;
}

const struct address_space *trace_set_space(
	struct trace_set *set, uint32_t trace, const struct process *process, int64_t started_wall_ns)
{
	const struct trace_source *source = &set->sources[trace];
	struct trace_slot *slot = slot_of(set, trace);
	char *executable;

	if (!slot)
		return NULL;
	if (slot->has_space)
		return &slot->space;
	executable = strndup(process->exe.bytes ? process->exe.bytes : "", process->exe.length);
	if (!executable)
		text_out_of_memory();
	slot->modules = text_allocate(source->module_count * sizeof(*slot->modules));
	slot->space = (struct address_space){
		.modules = slot->modules, .pid = process->pid, .started_wall_ns = started_wall_ns};
	for (size_t i = 0; i < source->module_count; i++)
		if (load_module(
			    &slot->reader, source->modules[i], executable, &slot->modules[slot->space.module_count]))
			slot->space.module_count++;
	free(executable);
	if (slot->space.module_count > FEW_MODULES)
		slot->space.index = slot->index = module_index_make(slot->modules, slot->space.module_count);
	slot->has_space = true;
	return &slot->space;
}

int64_t trace_set_clock_offset(const struct trace_set *set, uint32_t trace)
{
	const struct trace_source *source = &set->sources[trace];

	return (int64_t)((uint64_t)source->created_wall_ns - source->created_ns);
}

bool trace_set_same_boot(int64_t clock_offset_ns, int64_t other_ns)
{
	int64_t difference = (int64_t)((uint64_t)clock_offset_ns - (uint64_t)other_ns);

	return difference < SAME_BOOT_NS && difference > -SAME_BOOT_NS;
}
