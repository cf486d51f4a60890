/*
 * hash_table.h: uthash, with a hash that nobody outside can foresee.
 *
 * Keys are names from traces. uthash's own function has no secret, so a trace could be made of keys that all fall into
 * one place, which makes each look-up a walk through all of them. Tables keep their order of insertion, so the secret
 * shows in no report.
 */
#ifndef SOCKSAN_HASH_TABLE_H
#define SOCKSAN_HASH_TABLE_H

#include <stddef.h>

/* The hash of a key, the same for as long as the process lives. */
unsigned hash_table_of(const void *key, size_t length);

#define HASH_FUNCTION(key, length, hash) ((hash) = hash_table_of((key), (length)))

#include <uthash.h>

#endif
