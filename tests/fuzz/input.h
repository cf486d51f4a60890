/*
 * input.h: what the fuzz targets share: the bytes under test as a file, and output that goes nowhere.
 *
 * Each target is one file fuzz_*.c that defines LLVMFuzzerTestOneInput. It is linked twice:
 * with libFuzzer by `make fuzz`, and with replay.c, which every compiler can, for `make check`.
 */
#ifndef SOCKSAN_FUZZ_INPUT_H
#define SOCKSAN_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Once, before the first input: makes a directory of this process's own below TMPDIR (or /tmp), removed at exit, sends
 * stdout and stderr nowhere, as far as they are stdio's (a sanitizer writes to the descriptor), and clears the
 * environment of what changes reports. Ends the process where it cannot.
 */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/*
 * Writes a file with these bytes, NAME in that directory, in the place of an earlier one. Returns its path, valid until
 * the process ends or the same name is written again.
 */
const char *input_file(const char *name, const void *bytes, size_t length);

/* A stream that takes everything and keeps nothing. */
FILE *input_sink(void);

#endif
