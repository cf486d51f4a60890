/*
 * process.h: which process this is, and whether it is still the one that our state belongs to.
 *
 * A page with MADV_WIPEONFORK holds the generation: in a forked child it reads 0, whatever made the child, so one load
 * tells. A vforked child, or any clone that shares memory, reads its parent's page: hooks that change state compare the
 * pid as well (docs/KERNEL.md P7).
 */
#ifndef SOCKSAN_PROCESS_H
#define SOCKSAN_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_page {
	uint32_t generation; /* 0: not set up in this process yet */
	uint32_t setting_up;
	pid_t pid;
};

/* What the process is called; filled in by process_start, constant from then on. */
struct process_names {
	char exe[256];
	char comm[16];
	char argv[2048];
	uint32_t argv_length;
	uint64_t started_ns;
};

extern struct process_page *process_page __attribute__((visibility("hidden")));
extern struct process_names process_names __attribute__((visibility("hidden")));

/* The current generation, never 0 once process_ready() was true; a forked child's differs from its parent's. */
static inline uint32_t process_generation(void)
{
	return __atomic_load_n(&process_page->generation, __ATOMIC_ACQUIRE);
}

/*
 * Sets the process up on its first call, and again in a forked child. Returns false where another thread is just doing
 * so.
 */
bool process_set_up(void);

/* Whether the shim may work here: it is set up, or has just become so. Signal handlers included. */
static inline bool process_ready(void)
{
	return __builtin_expect(process_generation() != 0, 1) || process_set_up();
}

/* Whether we run in another process that shares the memory of the one that our state tells of (vfork, CLONE_VM). */
bool process_is_borrowed(void);

/* The calling thread's id, 0 where it may not be asked. */
int32_t process_thread_id(void);

/* Called in a forked child before its generation is set: whatever belongs to the parent is let go. Set once. */
extern void (*process_forked)(void) __attribute__((visibility("hidden")));

/* The fork handler's way: makes the child set itself up where the kernel could not wipe the page. */
void process_wipe(void);

/* Remembers what the constructor was given. Call before anything else, once. */
void process_remember_arguments(int argc, char **argv);

#endif
