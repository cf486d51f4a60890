/*
 * pages.h: memory of the library's own, page by page, kept out of the program's accounts.
 *
 * Such memory is left out of core dumps, is not locked though the program locks all it has (mlockall), and is
 * remembered, so that what the program asks the kernel for can be told from it. It still counts for RLIMIT_AS, of which
 * nothing can be hidden.
 *
 * Any thread, any signal handler, a forked child, before the constructor. Takes no lock and waits for nobody; errno
 * stays.
 */
#ifndef SOCKSAN_PAGES_H
#define SOCKSAN_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed memory, NULL where there is none. `bytes` are rounded up to whole pages by the kernel. */
void *pages_map(size_t bytes);

/*
 * Puts zeroed memory into an empty place, unless another thread does so first. Returns what stands there then; NULL
 * where there was no memory.
 */
void *pages_install(void **place, size_t bytes);

/* Gives back what pages_map gave, or what was adopted, with the same number of bytes. */
void pages_unmap(void *at, size_t bytes);

/* Takes a mapping that was made in another way for one of ours. */
void pages_adopt(void *at, size_t bytes);

/* Puts zeroed memory in the place of what is mapped there, whole pages of ours. Returns false where that cannot be. */
bool pages_replace(void *at, size_t bytes);

/* Calls `visit` for each mapping of ours: its first byte, and how many there are. */
void pages_each(void (*visit)(uintptr_t at, size_t bytes, void *data), void *data);

#endif
