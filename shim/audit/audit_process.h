/*
 * audit_process.h: other programs that are started, and the end of this one.
 *
 * From where it may be called: see audit_socket.h.
 */
#ifndef SOCKSAN_AUDIT_PROCESS_H
#define SOCKSAN_AUDIT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Around an exec of `path` (NULL: unknown); returns whether the process was ours to speak for. */
bool audit_exec_begin(const char *path);
void audit_exec_failed(bool ours);

/* posix_spawn started `pid`. */
void audit_spawned(pid_t pid, const char *path);

/* The process ends here: what is pending is settled. `exits`: in good order, rather than by abort. */
void audit_process_ends(bool exits);

/*
 * This thread leaves the frames below `frame`, or has left them, by a jump: what calls in them had under way is given
 * back.
 */
void audit_left(uintptr_t frame);

#endif
