/*
 * backtrace_answers.h: what libunwind is told when it asks libc for something. Its requests come back through our hooks
 * while thread_state.unwinding is set. Two of them must not reach the kernel as they are: it would keep a pipe open in
 * the program to test addresses with (1.6.2 src/x86_64/Ginit.c open_pipe, write_validate). backtrace_answer_* answer
 * instead, without a descriptor.
 *
 * Called by the hooks, in the thread that unwinds.
 */
#ifndef SOCKSAN_BACKTRACE_ANSWERS_H
#define SOCKSAN_BACKTRACE_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>

struct dl_phdr_info;

/*
 * What the unwinder is told when it asks for a pipe, reads it, or writes one byte from `address`. Sets errno as libc
 * would.
 */
int backtrace_answer_pipe(int fds[2]);
long backtrace_answer_read(void);
long backtrace_answer_write(const void *address);

/*
 * The unwinder goes through the loaded objects in search of the one in which an address lies: `data` begins with the
 * address (1.6.2 src/dwarf/Gfind_proc_info-lsb.c struct dwarf_callback_data). That takes a lock which a thread in
 * dlopen holds; if a signal handler in that thread takes a stack meanwhile, each of the two waits for the other, here
 * and in the unwinder. So `callback` is called for that one object alone, which glibc finds without a lock
 * (elf/dl-find_object.c), and `*result` is what it returned. False where this cannot be: no such function, or an
 * address in no object. Whether it is the unwinder that asks is for the caller to find out: only then is `data` that.
 */
typedef int backtrace_objects_callback(struct dl_phdr_info *info, size_t size, void *data);
bool backtrace_answer_objects(backtrace_objects_callback *callback, void *data, int *result);

/* Looks up what that needs; where the unwinder is loaded. */
void backtrace_answers_load(void);

/*
 * What the unwinder is to have called at the end of a thread that has a cache: `destroy`, but under a seccomp filter of
 * the program's, which may kill for the munmap in it.
 */
void (*backtrace_answer_key(void (*destroy)(void *)))(void *cache);

#endif
