/*
 * symbol_cache.h: the files that symbols are looked up in: each opened once, a few of them open at a time, and all
 * look-ups together within LIMIT_SYMBOLS.
 */
#ifndef SOCKSAN_SYMBOL_CACHE_H
#define SOCKSAN_SYMBOL_CACHE_H

#include "analyzer/symbols/symbol_image.h"
#include "analyzer/trace/model.h"

struct symbol_cache;
struct symbol_file;

struct symbol_cache *symbol_cache_new(void);
void symbol_cache_free(struct symbol_cache *cache);

/*
 * The file of a module, by its real name: one that has a thousand names is one. `identity` tells files of one name
 * apart: a build-id or, where there is none, when the process started. Valid as long as the cache.
 */
struct symbol_file *symbol_cache_file(struct symbol_cache *cache, const struct module *module, const char *identity);

/* As symbol_image_lookup; nothing is known of an address where all look-ups together would take too long. */
size_t symbol_cache_lookup(struct symbol_cache *cache, struct symbol_file *file, const struct module *module,
	int64_t started_wall_ns, uint64_t address, struct symbol_line lines[SYMBOL_LINES], bool *signal_frame);

#endif
