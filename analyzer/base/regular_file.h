/*
 * regular_file.h: the one way in which a file is opened whose name came from a trace, or from a file that a trace
 * names.
 *
 * Opening can act: a device may rewind a tape or reset a modem, a FIFO waits for its writer and wakes him. So a name is
 * first looked at without opening (O_PATH), and only what is a regular file is opened for reading, and that very file.
 */
#ifndef SOCKSAN_REGULAR_FILE_H
#define SOCKSAN_REGULAR_FILE_H

#include <stddef.h>
#include <sys/stat.h>

/*
 * Opens `path` for reading, close-on-exec; `flags` may be O_NOFOLLOW. Fills in `status`. Returns the descriptor, or -1
 * with errno: EISDIR for a directory, EINVAL for what is no regular file otherwise, ELOOP for a link with O_NOFOLLOW.
 */
int regular_file_open(const char *path, int flags, struct stat *status);

/*
 * The same, of a path below the directory `root`, without any symbolic link on the way: ELOOP or ENOTDIR where there is
 * one, EXDEV for a "..". So what is opened lies below `root`, even while others move things about.
 */
int regular_file_open_below(const char *root, const char *path, struct stat *status);

/*
 * Reads at most `bytes` of what was opened, and closes it. Returns them with a NUL behind; *got says how many there
 * were, fewer where the file was cut meanwhile. The caller frees them.
 */
char *regular_file_read(int descriptor, size_t bytes, size_t *got);

#endif
