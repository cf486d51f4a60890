/*
 * symbol_image.h: functions and lines of one ELF file, by libdw.
 *
 * The file on disk is used only where it is the one that ran: same build-id, or, where there is none, not changed since
 * the process started. Otherwise libdwfl looks for that build-id (debug directories, debuginfod); where that fails,
 * there are no names, rather than wrong ones.
 */
#ifndef SOCKSAN_SYMBOL_IMAGE_H
#define SOCKSAN_SYMBOL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/trace/model.h"

struct symbol_image;

/* Inlined functions at one address that are told apart, the one that holds them included. */
#define SYMBOL_LINES 32

/* One function at an address. Strings may be NULL; they are valid until the image is closed. */
struct symbol_line {
	char *function; /* demangled; the caller frees it */
	const char *file;
	int line;
	bool inlined;
};

/* Opens the image of `module`. Never NULL: an image that cannot be found has no names. */
struct symbol_image *symbol_image_open(const struct module *module, int64_t started_wall_ns);
void symbol_image_close(struct symbol_image *image);

/* Sizes of the files that symbols were taken from so far. */
uint64_t symbol_image_bytes(const struct symbol_image *image);

/*
 * The functions at `address` (as the file counts), innermost first. Returns how many of `lines` are filled: 0 where
 * there is nothing to say. *signal_frame is set where the address is that of a signal handler's return, so that the
 * next frame of a stack holds the address of an instruction that was interrupted rather than a return address.
 */
size_t symbol_image_lookup(
	struct symbol_image *image, uint64_t address, struct symbol_line lines[SYMBOL_LINES], bool *signal_frame);

#endif
