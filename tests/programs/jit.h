/*
 * jit.h: code that a program made at run time, as a JIT compiler does: no unwind information says how to get from its
 * frame to its caller's, and what its frame pointer register holds is anything but a frame.
 */
#ifndef SOCKSAN_TEST_JIT_H
#define SOCKSAN_TEST_JIT_H

#include "tests/programs/support.h"
#include <stdint.h>
#include <sys/mman.h>

#if defined(__x86_64__)
/* push %rbp; mov $FRAME,%rbp; call *%rdi; pop %rbp; ret */
static const unsigned char jit_code[] = {0x55, 0x48, 0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xd7, 0x5d, 0xc3};
enum { JIT_FRAME_AT = 3 };
#elif defined(__aarch64__)
/* stp x29,x30,[sp,#-16]!; ldr x29,FRAME; blr x0; ldp x29,x30,[sp],#16; ret; nop; FRAME */
static const unsigned char jit_code[] = {0xfd, 0x7b, 0xbf, 0xa9, 0xbd, 0x00, 0x00, 0x58, 0x00, 0x00, 0x3f, 0xd6, 0xfd,
	0x7b, 0xc1, 0xa8, 0xc0, 0x03, 0x5f, 0xd6, 0x1f, 0x20, 0x03, 0xd5, 0, 0, 0, 0, 0, 0, 0, 0};
enum { JIT_FRAME_AT = 24 };
#else
#error "no code is written for this architecture yet"
#endif

typedef void jit_function(void (*called)(void));

/* Makes a function that calls its argument while the frame pointer register holds `frame`. */
static inline jit_function *jit_make(uintptr_t frame)
{
	unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(code != MAP_FAILED);
	memcpy(code, jit_code, sizeof jit_code);
	memcpy(code + JIT_FRAME_AT, &frame, sizeof frame);
	CHECK(mprotect(code, 4096, PROT_READ | PROT_EXEC) == 0);
	__builtin___clear_cache((char *)code, (char *)code + sizeof jit_code);
	return (jit_function *)(uintptr_t)code;
}

/* Frames that are none: no address, an address of nothing, of what must not be read, of words that lead nowhere. */
static inline size_t jit_make_all(jit_function *functions[6])
{
	char *nothing = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(nothing != MAP_FAILED && munmap(nothing, 4096) == 0 && mprotect(nothing + 4096, 4096, PROT_NONE) == 0);
	memset(nothing + 2 * 4096, 0xa5, 4096);
	functions[0] = jit_make(1);
	functions[1] = jit_make((uintptr_t)nothing);
	functions[2] = jit_make((uintptr_t)nothing + 4096 + 64);
	functions[3] = jit_make((uintptr_t)nothing + 2 * 4096 + 64);
	functions[4] = jit_make((uintptr_t)nothing + 2 * 4096 - 8);
	functions[5] = jit_make(UINTPTR_MAX / 3 * 2);
	return 6;
}

#endif
