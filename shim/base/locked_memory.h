/*
 * locked_memory.h: mlockall, as it would be without us.
 *
 * The kernel lets a program lock all its memory if that is no more than RLIMIT_MEMLOCK, and counts ours with it
 * (mm/mlock.c: total_vm, then locked_vm). So ours is unlocked again; and where the program's own memory would have been
 * within the limit and the whole is not, the program's is locked piece by piece.
 */
#ifndef SOCKSAN_LOCKED_MEMORY_H
#define SOCKSAN_LOCKED_MEMORY_H

/*
 * Does what the caller has asked `lock_all` for: mlockall, or what stands for it. Returns what it returns, with its
 * errno. Opens and closes a file where the limit is too small for both.
 */
int locked_memory_lock_all(int (*lock_all)(int flags), int flags);

#endif
