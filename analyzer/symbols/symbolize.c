/*
 * symbolize.c: see symbolize.h.
 */
#include "analyzer/symbols/symbolize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/hash_table.h"
#include "analyzer/base/limits.h"
#include "analyzer/base/text.h"
#include "analyzer/symbols/demangle.h"
#include "analyzer/symbols/frames.h"
#include "analyzer/symbols/perf_map.h"
#include "analyzer/symbols/python_stack.h"
#include "analyzer/symbols/symbol_cache.h"
#include "analyzer/trace/module_index.h"

/* A string that is kept once. */
struct word {
	UT_hash_handle hh;
	char text[];
};

/* The functions at one address of one image. */
struct place {
	UT_hash_handle hh;
	uint64_t address;
	size_t count;
	bool signal_frame;
	struct frame frames[];
};

/* A file under one of its names. */
struct image {
	UT_hash_handle hh;
	const char *module; /* as frames show it */
	const char *build_id;
	bool system;
	bool interpreter;
	struct symbol_file *file;
	struct place *places;
	char key[];
};

/* The names of one process's just-in-time code. */
struct jit {
	UT_hash_handle hh;
	int64_t started_wall_ns;
	int32_t pid;
	struct perf_map *map; /* NULL: there is none */
};

struct symbolizer {
	struct word *words;
	struct image *images;
	struct symbol_cache *files;
	struct jit *jits;
};

struct symbolizer *symbolizer_new(void)
{
	struct symbolizer *symbolizer = text_allocate(sizeof(*symbolizer));

	symbolizer->files = symbol_cache_new();
	return symbolizer;
}

static void free_image(struct image *image)
{
	struct place *place;
	struct place *next;

	HASH_ITER (hh, image->places, place, next) {
		HASH_DEL(image->places, place);
		free(place);
	}
	free(image);
}

void symbolizer_free(struct symbolizer *symbolizer)
{
	struct image *image;
	struct image *next_image;
	struct word *word;
	struct word *next_word;
	struct jit *jit;
	struct jit *next_jit;

	demangle_end();
	symbol_cache_free(symbolizer->files);
	HASH_ITER (hh, symbolizer->images, image, next_image) {
		HASH_DEL(symbolizer->images, image);
		free_image(image);
	}
	HASH_ITER (hh, symbolizer->words, word, next_word) {
		HASH_DEL(symbolizer->words, word);
		free(word);
	}
	HASH_ITER (hh, symbolizer->jits, jit, next_jit) {
		HASH_DEL(symbolizer->jits, jit);
		if (jit->map)
			perf_map_close(jit->map);
		free(jit);
	}
	free(symbolizer);
}

/* The one copy of a string; an empty one where there is no more room for names. */
static const char *keep(struct symbolizer *symbolizer, const char *bytes, size_t length)
{
	struct word *word;

	HASH_FIND(hh, symbolizer->words, bytes, length, word);
	if (word)
		return word->text;
	if (!limits_spend(LIMIT_NAMES, sizeof(*word) + length + 1))
		return "";
	word = text_allocate(sizeof(*word) + length + 1);
	memcpy(word->text, bytes, length);
	HASH_ADD(hh, symbolizer->words, text, length, word);
	return word->text;
}

static const char *keep_string(struct symbolizer *symbolizer, const char *string)
{
	return string ? keep(symbolizer, string, strlen(string)) : "";
}

static bool begins_with(const char *string, const char *prefix)
{
	return !strncmp(string, prefix, strlen(prefix));
}

/* Code that no program calls its own: which function of it was on the stack says nothing about whose the bug is. */
static bool is_system(const char *module)
{
	static const char *const prefixes[] = {"libc.so", "libc-", "libpthread", "libdl.so", "libdl-", "librt.so",
		"libresolv", "libnss_", "libanl", "libm.so", "ld-linux", "ld-2", "ld.so", "libstdc++", "libgcc_s",
		"libc++", "libssl", "libcrypto", "libgnutls", "libnspr4", "libnss3", "libssl3", "libmbedtls", "libasan",
		"libtsan", "libubsan", "libunwind", "libsocksan", "linux-vdso", "[vdso]"};
	const char *name = text_basename(module);

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (begins_with(name, prefixes[i]))
			return true;
	return frames_is_interpreter_module(module);
}

static void write_hex(const uint8_t *bytes, size_t length, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < length; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

static struct image *image_of(struct symbolizer *symbolizer, const struct module *module, int64_t started_wall_ns)
{
	char build_id[2 * sizeof(module->build_id) + 1];
	char identity[sizeof(build_id)];
	struct image *image;
	char *key;
	size_t length;

	write_hex(module->build_id, module->build_id_length, build_id);
	/* Without a build-id, whether the file on disk can be used depends on when the process started. */
	if (module->build_id_length)
		memcpy(identity, build_id, sizeof(identity));
	else
		snprintf(identity, sizeof(identity), "%lld", (long long)started_wall_ns);
	key = text_format("%s %s", identity, module->path);
	length = strlen(key);
	HASH_FIND(hh, symbolizer->images, key, length, image);
	if (!image) {
		image = text_allocate(sizeof(*image) + length + 1);
		memcpy(image->key, key, length);
		image->module = keep_string(symbolizer, module->path);
		image->build_id = keep_string(symbolizer, build_id);
		image->system = is_system(module->path);
		image->interpreter = frames_is_interpreter_module(module->path);
		image->file = symbol_cache_file(symbolizer->files, module, identity);
		HASH_ADD(hh, symbolizer->images, key, length, image);
	}
	free(key);
	return image;
}

static void free_functions(struct symbol_line lines[SYMBOL_LINES], size_t first, size_t count)
{
	for (size_t i = first; i < count; i++)
		free(lines[i].function);
}

static const struct place *place_of(struct symbolizer *symbolizer, struct image *image, const struct module *module,
	int64_t started_wall_ns, uint64_t address)
{
	struct symbol_line lines[SYMBOL_LINES];
	struct place *place;
	bool signal_frame;
	size_t count;

	HASH_FIND(hh, image->places, &address, sizeof(address), place);
	if (place)
		return place;
	count = symbol_cache_lookup(
		symbolizer->files, image->file, module, started_wall_ns, address, lines, &signal_frame);
	if (count == 0)
		lines[count++] = (struct symbol_line){0};
	if (count > 1 && !limits_spend(LIMIT_NAMES, count * sizeof(place->frames[0]))) {
		free_functions(lines, 1, count);
		count = 1;
	}
	place = text_allocate(sizeof(*place) + count * sizeof(place->frames[0]));
	place->address = address;
	place->count = count;
	place->signal_frame = signal_frame;
	for (size_t i = 0; i < count; i++) {
		place->frames[i] = (struct frame){
			.function = keep_string(symbolizer, lines[i].function),
			.file = keep_string(symbolizer, lines[i].file),
			.module = image->module,
			.build_id = image->build_id,
			.offset = address,
			.line = lines[i].line,
			.inlined = lines[i].inlined,
			.system = image->system,
			.language = LANGUAGE_NATIVE,
		};
	}
	free_functions(lines, 0, count);
	HASH_ADD(hh, image->places, address, sizeof(address), place);
	return place;
}

/* The module that held the address when the stack was taken: the newest that was on record then. */
static const struct module *module_of(const struct address_space *space, trace_ref stack, uint64_t address)
{
	const struct module *found = NULL;

	if (space && space->index)
		return module_index_find(space->index, stack, address);
	for (size_t i = 0; space && i < space->module_count; i++) {
		const struct module *module = &space->modules[i];

		if (address < module->start || address >= module->end)
			continue;
		if (module->ref < stack || !found)
			found = module;
	}
	return found;
}

static const char *jit_name(struct symbolizer *symbolizer, const struct address_space *space, uint64_t address)
{
	char path[48];
	struct jit *jit;
	struct jit key = {.pid = space->pid, .started_wall_ns = space->started_wall_ns};
	const size_t key_bytes = offsetof(struct jit, pid) + sizeof(key.pid) - offsetof(struct jit, started_wall_ns);

	HASH_FIND(hh, symbolizer->jits, &key.started_wall_ns, key_bytes, jit);
	if (!jit) {
		jit = text_allocate(sizeof(*jit));
		jit->pid = space->pid;
		jit->started_wall_ns = space->started_wall_ns;
		snprintf(path, sizeof(path), "/tmp/perf-%d.map", space->pid);
		jit->map = perf_map_open(path, space->started_wall_ns);
		HASH_ADD(hh, symbolizer->jits, started_wall_ns, key_bytes, jit);
	}
	return jit->map ? perf_map_find(jit->map, address) : NULL;
}

static struct frame *add_frame(struct stack *stack, const struct frame *frame)
{
	stack->frames = text_grow(stack->frames, stack->count, sizeof(*stack->frames));
	stack->frames[stack->count] = *frame;
	return &stack->frames[stack->count++];
}

/* Code in no file: made at run time, with a name where its maker left one. */
static void add_bare_frame(
	struct symbolizer *symbolizer, const struct address_space *space, uint64_t address, struct stack *stack)
{
	const char *name = space ? jit_name(symbolizer, space, address) : NULL;

	add_frame(stack, &(struct frame){
				 .function = keep_string(symbolizer, name),
				 .file = "",
				 .module = "",
				 .build_id = "",
				 .offset = address,
				 .language = name ? LANGUAGE_JIT : LANGUAGE_NATIVE,
			 });
}

/* Files of Python's own library, as against the program's. */
static bool is_python_library(const char *file)
{
	const char *at = strstr(file, "/lib/python");

	return begins_with(file, "<frozen ") ||
	       (at && !strstr(at, "/site-packages/") && !strstr(at, "/dist-packages/"));
}

/* Frames of socksan's own adapter, which wraps some of a framework's methods (shim/python/). */
static bool is_adapter(const char *file)
{
	return !strcmp(file, "<socksan>") || strstr(file, "/socksan_adapter/");
}

static void add_python_frames(struct symbolizer *symbolizer, struct text rest, struct stack *stack)
{
	struct python_frame python;

	while (python_stack_next(&rest, &python)) {
		const char *file = keep(symbolizer, python.file.bytes, python.file.length);

		if (is_adapter(file))
			continue;
		add_frame(stack, &(struct frame){
					 .function = keep(symbolizer, python.function.bytes, python.function.length),
					 .file = file,
					 .module = "",
					 .build_id = "",
					 .line = python.line,
					 .system = is_python_library(file),
					 .language = LANGUAGE_PYTHON,
				 });
	}
}

void symbolize_stack(struct symbolizer *symbolizer, const struct address_space *space, const struct raw_stack *raw,
	struct stack *stack)
{
	bool interrupted = false; /* the address is of an instruction that a signal interrupted, not one to return to */
	bool python_pending = raw->python.length != 0;

	*stack = (struct stack){0};
	for (uint32_t i = 0; i < raw->count && raw->frames[i]; i++) {
		uint64_t address = raw->frames[i] - !interrupted;
		const struct module *module = module_of(space, raw->ref, address);
		const struct place *place;
		struct image *image;

		interrupted = false;
		if (!module) {
			add_bare_frame(symbolizer, space, address, stack);
			continue;
		}
		image = image_of(symbolizer, module, space->started_wall_ns);
		if (begins_with(text_basename(image->module), "libsocksan"))
			continue;
		if (python_pending && image->interpreter) {
			add_python_frames(symbolizer, raw->python, stack);
			python_pending = false;
		}
		place = place_of(symbolizer, image, module, space->started_wall_ns, address - module->bias);
		for (size_t j = 0; j < place->count; j++)
			add_frame(stack, &place->frames[j]);
		interrupted = place->signal_frame;
	}
	if (python_pending)
		add_python_frames(symbolizer, raw->python, stack);
}

void symbolize_free(struct stack *stack)
{
	free(stack->frames);
	*stack = (struct stack){0};
}
