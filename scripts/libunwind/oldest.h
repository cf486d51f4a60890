/*
 * oldest.h: included before each file of the libunwind that goes into a release, so that it needs no symbol of libc's
 * that came after glibc 2.17: what was given a new version in 2.34 is referred to by its first, and stat and fstat,
 * which are functions since 2.33 only, by what they called before.
 */
#ifndef __ASSEMBLER__
#include <sys/stat.h>

#define OLDEST_VERSION(name) __asm__(".symver " #name ", " #name "@GLIBC_2.2.5")
OLDEST_VERSION(pthread_key_create);
OLDEST_VERSION(pthread_once);
OLDEST_VERSION(pthread_setspecific);

extern int __fxstat(int version, int fd, struct stat *status);
extern int __xstat(int version, const char *file, struct stat *status);
#define fstat(fd, status) __fxstat(1, fd, status)
#define stat(file, status) __xstat(1, file, status)
#endif
