/*
 * privilege.h: does starting a program give it privileges?
 *
 * If so the kernel starts it in secure execution mode (AT_SECURE), and the loader ignores LD_PRELOAD. This
 * foretells the kernel's decision for a program that this process starts: it looks at the file, at this process's
 * ids and capabilities, and at what forbids the gain (a mount with nosuid, no_new_privs).
 */
#ifndef SOCKSAN_PRIVILEGE_H
#define SOCKSAN_PRIVILEGE_H

/*
 * What `path` gains: "set-user-ID 0", "set-group-ID 42", "file capabilities"; NULL where nothing, or where the file
 * cannot be looked at. The caller frees it.
 */
char *privilege_gained_by(const char *path);

#endif
