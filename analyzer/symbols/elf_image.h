/*
 * elf_image.h: what the headers of a program say about whether a library can be preloaded into it.
 *
 * Only headers are believed, never sections alone, since a program may be stripped of those. The file is not
 * trusted: what does not hold together is ELF_IMAGE_DAMAGED.
 */
#ifndef SOCKSAN_ELF_IMAGE_H
#define SOCKSAN_ELF_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

enum elf_image_result {
	ELF_IMAGE_READ,
	ELF_IMAGE_NOT_ELF,
	ELF_IMAGE_DAMAGED, /* begins as an ELF file does, and does not go on so */
	ELF_IMAGE_UNREADABLE, /* errno says why */
};

struct elf_image {
	uint8_t elf_class; /* ELFCLASS32 or ELFCLASS64 */
	uint8_t byte_order; /* ELFDATA2LSB or ELFDATA2MSB */
	uint16_t machine; /* EM_X86_64 ... */
	uint16_t type; /* ET_EXEC, ET_DYN ... */
	bool go; /* made by the Go linker */
	bool needs_libc; /* libc.so.6 is among the libraries that it names */
	bool needs_asan; /* so is the shared runtime of AddressSanitizer */
	char *interpreter; /* the dynamic loader that it asks for, or NULL */
	char *soname; /* its own name as a library, or NULL */
};

/* Reads `path`. Where the result is ELF_IMAGE_READ, elf_image_free() must follow; otherwise nothing is held. */
enum elf_image_result elf_image_read(const char *path, struct elf_image *image);

void elf_image_free(struct elf_image *image);

/* Whether a library's file name is that of AddressSanitizer's shared runtime. */
bool elf_image_is_asan_runtime(const char *name);

/* "64-bit x86-64", in a static buffer. */
const char *elf_image_machine_name(const struct elf_image *image);

#endif
