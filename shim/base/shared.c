/* shared.c: see shared.h. */
#include "shim/base/shared.h"

#include <string.h>

typedef uint64_t __attribute__((may_alias)) any_word;

void shared_copy(void *to, const void *from, size_t bytes)
{
	any_word *out = to;
	const any_word *in = from;

	for (size_t i = 0; i < bytes / sizeof(any_word); i++)
		shared_set(out[i], shared_get(in[i]));
}

void shared_clear(void *at, size_t bytes)
{
	any_word *out = at;

	for (size_t i = 0; i < bytes / sizeof(any_word); i++)
		shared_set(out[i], 0);
}

static void make_name(uint64_t words[2], const char *name)
{
	char text[16] = "";

	if (name)
		strncpy(text, name, sizeof(text) - 1);
	memcpy(words, text, sizeof(text));
}

void shared_set_name(char name[16], const char *to)
{
	uint64_t words[2];

	make_name(words, to);
	shared_copy(name, words, sizeof(words));
}

bool shared_name_is(const char name[16], const char *other)
{
	uint64_t words[2], seen[2];

	make_name(words, other);
	shared_copy(seen, name, sizeof(seen));
	return seen[0] == words[0] && seen[1] == words[1];
}

bool shared_set_first(uint64_t *word, uint64_t value)
{
	uint64_t none = 0;

	return __atomic_compare_exchange_n(word, &none, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void shared_raise(uint64_t *word, uint64_t value)
{
	uint64_t seen = shared_get(*word);

	while (seen < value &&
		!__atomic_compare_exchange_n(word, &seen, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void shared_lower(uint64_t *word, uint64_t value)
{
	uint64_t seen = shared_get(*word);

	while (seen > value &&
		!__atomic_compare_exchange_n(word, &seen, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

uint64_t shared_take(uint64_t *count, uint64_t bytes)
{
	uint64_t before = shared_get(*count);
	uint64_t taken;

	do
		taken = before < bytes ? before : bytes;
	while (!__atomic_compare_exchange_n(count, &before, before - taken, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return taken;
}
