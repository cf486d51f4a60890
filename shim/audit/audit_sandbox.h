/*
 * audit_sandbox.h: what the process may no longer do: system calls, files, more memory.
 *
 * From where it may be called: see audit_socket.h.
 */
#ifndef SOCKSAN_AUDIT_SANDBOX_H
#define SOCKSAN_AUDIT_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

/* Whether system calls of our own are allowed (no seccomp filter). */
bool audit_may_probe(void);

/*
 * Around the installation of a seccomp filter. Once it is there we make no system call any more: no probes, no stacks;
 * what the results of the program's own calls tell is still told. The first returns when that was, 0 where this
 * process is not ours to speak for. Between the two nothing is asked either.
 */
uint64_t audit_sandbox_begin(void);
void audit_sandbox_end(uint64_t begun_ns, bool strict, bool installed);

/* The process is about to give up rights that making a trace may take. Keeps errno. */
void audit_rights_go(void);

/*
 * The program is about to lock all memory that it will have: what we need of it is made while that does not count.
 * Keeps errno.
 */
void audit_memory_locks(void);

#endif
