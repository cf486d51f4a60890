/*
 * foreign_image.h: programs into which this library cannot be preloaded, and their environment without it.
 *
 * musl's loader obeys LD_PRELOAD, and stops the program with status 127 where it cannot relocate a library made for
 * glibc; glibc's loader for another machine writes a line to standard error. Such a program is started without us. It
 * never signs in to the run's roster, so the report lists it as not audited, with the reason.
 *
 * Usable anywhere, a vforked child included: system calls and the caller's stack alone.
 */
#ifndef SOCKSAN_FOREIGN_IMAGE_H
#define SOCKSAN_FOREIGN_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes that foreign_image_environment needs for this environment, where the file is a program (or a script of one)
 * that cannot have us preloaded; 0 where the environment can stay as it is. `directory` and `flags` are those of
 * execveat. None of the pointers need be readable.
 */
size_t foreign_image_room(int directory, const char *path, int flags, char *const environment[]);

/* The same of a file that is looked for in PATH where its name has no slash, as execvp does. */
size_t foreign_image_room_in_path(const char *file, char *const environment[]);

/* Fills `room`, `bytes` of it, with the environment without this library in LD_PRELOAD. Returns it as exec takes it. */
char **foreign_image_environment(void *room, size_t bytes, char *const environment[]);

#endif
