/*
 * loader.h: dlopen and its like, by names that every glibc has.
 *
 * In glibc 2.34 these functions moved from libdl.so.2 to libc.so.6 and were given new versions. A library that is
 * linked in the usual way is therefore refused by all systems before that, and needs libdl.so.2 if it is linked before
 * that. These find the function by the version that both sides have, in the program as it is; where it has no
 * libdl.so.2 yet, that is loaded.
 *
 * As libc's own. Any thread, before the constructor too; not from a signal handler.
 */
#ifndef SOCKSAN_LOADER_H
#define SOCKSAN_LOADER_H

#include <dlfcn.h>
#include <stdbool.h>

struct link_map;

void *loader_open(const char *file, int mode);
void loader_close(void *handle);

/*
 * Whether some functions of libc are in libdl, libpthread and librt, which a program may lack or load later: before
 * 2.34.
 */
bool loader_libc_is_split(void);

/* RTLD_NEXT is what comes after this library. */
void *loader_symbol(void *handle, const char *name);

/* dladdr: returns 0 where no object has this address. `map`, where it is not NULL, gets the object. */
int loader_address(const void *address, Dl_info *info, struct link_map **map);

/* Forgets the last error: a failure here is nothing that the program did. */
void loader_forget_error(void);

#endif
