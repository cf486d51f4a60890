/*
 * loader.c: references with a version to what may not be there.
 *
 * They are weak, so that the library is loaded without them. Where the program has no libdl.so.2, libc itself loads it,
 * as it does its own modules for names and character sets (glibc until 2.33, elf/dl-libc.c); no glibc that lacks the
 * weak ones is without these.
 *
 * Compiled without link-time optimisation, which would tear the versions from the references.
 */
#include "shim/base/loader.h"

#include <link.h>
#include <stddef.h>

#if defined(__x86_64__)
#define FIRST "GLIBC_2.2.5"
#define FIRST_DLADDR1 "GLIBC_2.3.3"
#elif defined(__aarch64__)
#define FIRST "GLIBC_2.17"
#define FIRST_DLADDR1 "GLIBC_2.17"
#endif

#define WEAK __attribute__((weak))
/* Where libc has none of them at the link, a reference without a version serves: it takes what the program has. */
#if defined(FIRST) && __GLIBC_PREREQ(2, 34)
#define REFER(name, version)                                                                                           \
	extern WEAK __typeof__(name) versioned_##name;                                                                 \
	__asm__(".symver versioned_" #name ", " #name "@" version)
#else
#define REFER(name, version) extern WEAK __typeof__(name) versioned_##name __asm__(#name)
#endif

REFER(dlopen, FIRST);
REFER(dlsym, FIRST);
REFER(dladdr1, FIRST_DLADDR1);
REFER(dlerror, FIRST);

#define DLOPENED (int)0x80000000 /* __RTLD_DLOPEN, as all callers but dlopen itself must say */
extern WEAK void *__libc_dlopen_mode(const char *name, int mode);
extern WEAK void *__libc_dlsym(void *handle, const char *name);

struct functions {
	__typeof__(dlopen) *open;
	__typeof__(dlclose) *close; /* behind our own hook */
	__typeof__(dlsym) *symbol;
	__typeof__(dladdr1) *address;
	__typeof__(dlerror) *error;
};

static struct functions functions;
static int found; /* set last */

static void find(void)
{
	struct functions of = {versioned_dlopen, NULL, versioned_dlsym, versioned_dladdr1, versioned_dlerror};
	void *libdl;

	if (of.symbol)
		of.close = (__typeof__(dlclose) *)of.symbol(RTLD_NEXT, "dlclose");
	else if (__libc_dlopen_mode && __libc_dlsym) {
		libdl = __libc_dlopen_mode("libdl.so.2", RTLD_NOW | DLOPENED);
		if (libdl) {
			of.open = (__typeof__(dlopen) *)__libc_dlsym(libdl, "dlopen");
			of.close = (__typeof__(dlclose) *)__libc_dlsym(libdl, "dlclose");
			of.symbol = (__typeof__(dlsym) *)__libc_dlsym(libdl, "dlsym");
			of.address = (__typeof__(dladdr1) *)__libc_dlsym(libdl, "dladdr1");
			of.error = (__typeof__(dlerror) *)__libc_dlsym(libdl, "dlerror");
		}
	}
	/* by two threads at once the same is written twice */
	functions = of;
	__atomic_store_n(&found, 1, __ATOMIC_RELEASE);
}

static inline const struct functions *get(void)
{
	if (!__atomic_load_n(&found, __ATOMIC_ACQUIRE))
		find();
	return &functions;
}

bool loader_libc_is_split(void)
{
	return __libc_dlopen_mode != NULL;
}

void *loader_open(const char *file, int mode)
{
	const struct functions *of = get();

	return of->open ? of->open(file, mode) : NULL;
}

void loader_close(void *handle)
{
	const struct functions *of = get();

	if (of->close)
		of->close(handle);
}

void *loader_symbol(void *handle, const char *name)
{
	const struct functions *of = get();

	return of->symbol ? of->symbol(handle, name) : NULL;
}

int loader_address(const void *address, Dl_info *info, struct link_map **map)
{
	struct link_map *unused;

	return get()->address ? get()->address(address, info, (void **)(map ? map : &unused), RTLD_DL_LINKMAP) : 0;
}

void loader_forget_error(void)
{
	if (get()->error)
		get()->error();
}
