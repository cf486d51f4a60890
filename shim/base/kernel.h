/*
 * kernel.h: system calls made by the shim itself.
 *
 * They go straight to the kernel: no hook is met on the way, no cancellation point is added, and errno is not touched.
 * Each returns what the kernel returns: a value, or minus errno. Usable anywhere, a signal handler and a vforked child
 * included.
 */
#ifndef SOCKSAN_KERNEL_H
#define SOCKSAN_KERNEL_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

/*
 * Set once the program has installed a seccomp filter of its own. A system call that it does not make itself may kill
 * it then, so from that moment ours fail with ENOSYS and are not made.
 */
extern int kernel_forbidden __attribute__((visibility("hidden")));

static inline long kernel_call_now(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__clang_analyzer__)
	/* A static analyzer does not see what assembly writes, but knows that an unknown function may write anything. */
	long kernel_unknown(long, long, long, long, long, long, long);

	return kernel_unknown(number, a, b, c, d, e, f);
#elif defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	/* Versions of clang-format differ here. */
	/* clang-format off */
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	/* clang-format on */
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
#else
#error "no system call sequence is written for this architecture yet"
#endif
}

#ifdef SOCKSAN_FAULTS
/* In the library of tests/e2e/faults.sh alone: makes the call, or fails it on purpose (tests/faults/inject.c). */
long kernel_call_faulty(long number, long a, long b, long c, long d, long e, long f)
	__attribute__((visibility("hidden")));
#define kernel_call_now kernel_call_faulty
#endif

static inline long kernel_call6(long number, long a, long b, long c, long d, long e, long f)
{
	return __builtin_expect(kernel_forbidden, 0) ? -ENOSYS : kernel_call_now(number, a, b, c, d, e, f);
}

#define KERNEL_ARGUMENT(value) ((long)(value))
#define kernel_call0(number) kernel_call6(number, 0, 0, 0, 0, 0, 0)
#define kernel_call1(number, a) kernel_call6(number, KERNEL_ARGUMENT(a), 0, 0, 0, 0, 0)
#define kernel_call2(number, a, b) kernel_call6(number, KERNEL_ARGUMENT(a), KERNEL_ARGUMENT(b), 0, 0, 0, 0)
#define kernel_call3(number, a, b, c)                                                                                  \
	kernel_call6(number, KERNEL_ARGUMENT(a), KERNEL_ARGUMENT(b), KERNEL_ARGUMENT(c), 0, 0, 0)
#define kernel_call4(number, a, b, c, d)                                                                               \
	kernel_call6(number, KERNEL_ARGUMENT(a), KERNEL_ARGUMENT(b), KERNEL_ARGUMENT(c), KERNEL_ARGUMENT(d), 0, 0)
#define kernel_call5(number, a, b, c, d, e)                                                                            \
	kernel_call6(number, KERNEL_ARGUMENT(a), KERNEL_ARGUMENT(b), KERNEL_ARGUMENT(c), KERNEL_ARGUMENT(d),           \
		KERNEL_ARGUMENT(e), 0)

/* Whether the 8 bytes at `address` can be read: 0, -EFAULT, or another error where that stays unknown. */
long kernel_try_read(uintptr_t address) __attribute__((visibility("hidden")));

/* Pages that were found readable in the course of one look, so that each is tried once. All zero at first. */
struct kernel_tried {
	uintptr_t pages[32];
};

/*
 * Copies `size` bytes from where a pointer leads that may be wrong, once every page of them was found readable. Returns
 * false, and may have copied nothing, where one is not, or where we may make no system call. For memory that this
 * thread keeps alive if the pointer is right: a page that another thread unmaps in between would still fault.
 */
bool kernel_try_copy(struct kernel_tried *tried, void *to, uintptr_t from, size_t size)
	__attribute__((visibility("hidden")));

/*
 * Copies `size` bytes from where a pointer of the program's points. Returns false where they cannot all be read, or
 * where we may make no system call: process_vm_readv of ourselves answers EFAULT where a plain copy would fault, and
 * needs no right (mm/process_vm_access.c; kernel/ptrace.c __ptrace_may_access lets a thread group at itself).
 */
bool kernel_copy(void *to, const void *from, size_t size) __attribute__((visibility("hidden")));

/*
 * Copies a text of the program's as far as its end, `size` bytes, or what can be read of it. Returns the length; a 0
 * follows only where there is room.
 */
size_t kernel_copy_text(char *to, const char *from, size_t size) __attribute__((visibility("hidden")));

/*
 * What is blocked where no handler of the program's may run: all signals but SIGBUS. One of a truncated trace
 * (bus_error.h) is not kept back by a mask: the kernel would end the process (kernel/signal.c force_sig_info_to_task).
 */
#define KERNEL_SIGNALS_BLOCKED (~(UINT64_C(1) << (SIGBUS - 1)))

/*
 * Not 0 where the clock must not be asked either: seccomp's strict mode forbids even the processor's time stamp
 * counter, which the vdso reads (kernel/seccomp.c seccomp_set_mode_strict, disable_TSC). It is the time at which that
 * began.
 */
extern uint64_t kernel_stopped_ns __attribute__((visibility("hidden")));

/* CLOCK_MONOTONIC in nanoseconds, by way of the vdso where there is one. */
static inline uint64_t kernel_now_ns(void)
{
	struct timespec now;

	if (__builtin_expect(kernel_stopped_ns != 0, 0))
		return kernel_stopped_ns;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
