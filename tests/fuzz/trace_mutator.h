/*
 * trace_mutator.h: changes to a trace that leave it looking like one.
 *
 * A trace's reader checks magic, sizes and types first, so bytes changed blindly seldom get past it. This one walks the
 * records as the reader does and changes single fields, references, texts and whole records, each according to what it
 * means.
 *
 * What a target is to do with a trace stands in its header's `reserved` field, which no reader looks at: so an input is
 * a trace file and nothing else, and `socksan report` can be run on it.
 */
#ifndef SOCKSAN_FUZZ_TRACE_MUTATOR_H
#define SOCKSAN_FUZZ_TRACE_MUTATOR_H

#include <stddef.h>
#include <stdint.h>

/* As LLVMFuzzerCustomMutator: changes `data` in place, at most to `max_size` bytes; returns the new size. */
size_t trace_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* The driver's own way of changing bytes: libFuzzer's, or that of replay.c. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#endif
