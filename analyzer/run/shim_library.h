/*
 * shim_library.h: where libsocksan.so is.
 */
#ifndef SOCKSAN_SHIM_LIBRARY_H
#define SOCKSAN_SHIM_LIBRARY_H

#include <stdbool.h>

#include "analyzer/symbols/elf_image.h"

struct shim_library {
	char *path; /* absolute */
	struct elf_image image;
};

/*
 * Finds the library: `path` where it is not NULL, else beside this program or in the lib directory that belongs
 * to it, wherever that was moved to. Returns false, having said why on standard error, where it is not there or
 * the loader could not preload it.
 */
bool shim_library_find(struct shim_library *library, const char *path);

void shim_library_free(struct shim_library *library);

#endif
