/*
 * symbol_cache.c: see symbol_cache.h.
 */
#include "analyzer/symbols/symbol_cache.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyzer/base/hash_table.h"
#include "analyzer/base/limits.h"
#include "analyzer/base/text.h"

/* Files that stay open; each is mapped. */
#define MAX_OPEN_FILES 64

struct symbol_file {
	UT_hash_handle hh;
	struct symbol_image *symbols; /* NULL while closed */
	uint64_t last_use;
	bool counted; /* its size is in the limits */
	char key[];
};

struct symbol_cache {
	struct symbol_file *files;
	struct symbol_file *open_files[MAX_OPEN_FILES];
	size_t open_count;
	uint64_t uses;
};

struct symbol_cache *symbol_cache_new(void)
{
	return text_allocate(sizeof(struct symbol_cache));
}

void symbol_cache_free(struct symbol_cache *cache)
{
	struct symbol_file *file;
	struct symbol_file *next;

	HASH_ITER (hh, cache->files, file, next) {
		HASH_DEL(cache->files, file);
		if (file->symbols)
			symbol_image_close(file->symbols);
		free(file);
	}
	free(cache);
}

struct symbol_file *symbol_cache_file(struct symbol_cache *cache, const struct module *module, const char *identity)
{
	char *place = realpath(module->path, NULL);
	char *key = text_format("%s %s", identity, place ? place : module->path);
	size_t length = strlen(key);
	struct symbol_file *file;

	HASH_FIND(hh, cache->files, key, length, file);
	if (!file) {
		file = text_allocate(sizeof(*file) + length + 1);
		memcpy(file->key, key, length);
		HASH_ADD(hh, cache->files, key, length, file);
	}
	free(key);
	free(place);
	return file;
}

static void open_symbols(
	struct symbol_cache *cache, struct symbol_file *file, const struct module *module, int64_t started_wall_ns)
{
	size_t slot = cache->open_count;

	file->last_use = ++cache->uses;
	if (file->symbols)
		return;
	if (slot == MAX_OPEN_FILES) {
		slot = 0;
		for (size_t i = 1; i < MAX_OPEN_FILES; i++)
			if (cache->open_files[i]->last_use < cache->open_files[slot]->last_use)
				slot = i;
		symbol_image_close(cache->open_files[slot]->symbols);
		cache->open_files[slot]->symbols = NULL;
	} else {
		cache->open_count++;
	}
	cache->open_files[slot] = file;
	file->symbols = symbol_image_open(module, started_wall_ns);
}

static uint64_t processor_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

size_t symbol_cache_lookup(struct symbol_cache *cache, struct symbol_file *file, const struct module *module,
	int64_t started_wall_ns, uint64_t address, struct symbol_line lines[SYMBOL_LINES], bool *signal_frame)
{
	uint64_t begin;
	size_t count;

	*signal_frame = false;
	if (!limits_left(LIMIT_SYMBOLS)) {
		limits_spend(LIMIT_SYMBOLS, 1);
		return 0;
	}
	begin = processor_ns();
	open_symbols(cache, file, module, started_wall_ns);
	count = symbol_image_lookup(file->symbols, address, lines, signal_frame);
	if (!file->counted)
		limits_images(symbol_image_bytes(file->symbols));
	file->counted = true;
	limits_charge(LIMIT_SYMBOLS, processor_ns() - begin);
	return count;
}
