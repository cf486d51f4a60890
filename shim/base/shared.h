/*
 * shared.h: words that several threads store and load without order: what was seen of a connection, a name, a count of
 * one incident. Each is one aligned load or store, which costs what a plain one does; it is never torn and never seen
 * half, and a compiler may not repeat it. Of two threads that store the same word at the same time one counts.
 *
 * From anywhere: no system call, no lock.
 */
#ifndef SOCKSAN_SHARED_H
#define SOCKSAN_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define shared_get(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)
#define shared_set(word, value) __atomic_store_n(&(word), value, __ATOMIC_RELAXED)

/* Several words; each side may be one that others use meanwhile. Places and sizes are multiples of 8. */
void shared_copy(void *to, const void *from, size_t bytes);
void shared_clear(void *at, size_t bytes);

/* The name of a call, cut at the end, the rest zeroes; and whether it still is this one. On an 8-byte boundary. */
void shared_set_name(char name[16], const char *to);
bool shared_name_is(const char name[16], const char *other);

/* Stores where there is 0. Returns whether it was this call that did so. */
bool shared_set_first(uint64_t *word, uint64_t value);

/* Makes a word the greater, or the smaller, of what it is and `value`. */
void shared_raise(uint64_t *word, uint64_t value);
void shared_lower(uint64_t *word, uint64_t value);

/* Takes as much of `bytes` as is there from a count. Returns how much that was. */
uint64_t shared_take(uint64_t *count, uint64_t bytes);

#endif
