/*
 * limits.c: see limits.h.
 */
#include "analyzer/base/limits.h"

#include "analyzer/base/text.h"

#define MIB (UINT64_C(1) << 20)
#define SECOND UINT64_C(1000000000)

/* The allowance to begin with, and what each MiB of traces, or of files with symbols, adds to it. */
static const struct {
	uint64_t base;
	uint64_t of_traces;
	uint64_t of_images;
	const char *words;
	bool is_time;
} table[LIMITS] = {
	[LIMIT_SYMBOLS] = {2 * SECOND, SECOND / 2, SECOND / 64,
		"symbols: looked up for %s of processor time; the frames after that show addresses alone", true},
	[LIMIT_NAMES] = {64 * MIB, MIB, MIB / 64,
		"symbols: kept %s of names; the frames after that show addresses alone", false},
	[LIMIT_DEMANGLING] = {3, 0, 0,
		"symbols: more than 3 names are too long or too deep to demangle; from there on names stay mangled",
		false},
	[LIMIT_DEBUGINFOD] = {60 * SECOND, 0, 0, "symbols: waited %s for debuginfod; it was not asked again", true},
	[LIMIT_PERF_MAPS] = {64 * MIB, 0, 0,
		"symbols: read %s of perf maps; code made at run time has no names after that", false},
	[LIMIT_SOURCES] = {64 * MIB, 0, 0, "source: read %s of files; the stacks after that show no lines", false},
	[LIMIT_STACKS] = {24 * MIB, 24 * MIB, 0,
		"stacks: showed %s of stacks and texts; the incidents after that show the first frames alone", false},
};

static struct {
	uint64_t allowance;
	uint64_t spent;
	bool met;
} states[LIMITS];
static bool begun;

void limits_reset(void)
{
	for (size_t i = 0; i < LIMITS; i++) {
		states[i].allowance = table[i].base;
		states[i].spent = 0;
		states[i].met = false;
	}
	begun = true;
}

static void begin(void)
{
	if (!begun)
		limits_reset();
}

static void grow(enum limit limit, uint64_t for_each_mib, uint64_t bytes)
{
	uint64_t more;

	if (__builtin_mul_overflow(for_each_mib, bytes, &more))
		more = UINT64_MAX;
	more /= MIB;
	if (__builtin_add_overflow(states[limit].allowance, more, &states[limit].allowance))
		states[limit].allowance = UINT64_MAX;
}

void limits_traces(uint64_t bytes)
{
	begin();
	for (size_t i = 0; i < LIMITS; i++)
		grow((enum limit)i, table[i].of_traces, bytes);
}

void limits_images(uint64_t bytes)
{
	begin();
	for (size_t i = 0; i < LIMITS; i++)
		grow((enum limit)i, table[i].of_images, bytes);
}

void limits_set(enum limit limit, uint64_t allowance)
{
	begin();
	states[limit].allowance = allowance;
}

uint64_t limits_left(enum limit limit)
{
	begin();
	return states[limit].allowance > states[limit].spent ? states[limit].allowance - states[limit].spent : 0;
}

bool limits_spend(enum limit limit, uint64_t amount)
{
	if (amount > limits_left(limit)) {
		states[limit].met = true;
		return false;
	}
	states[limit].spent += amount;
	return true;
}

void limits_charge(enum limit limit, uint64_t amount)
{
	uint64_t left = limits_left(limit);

	states[limit].met |= amount > left;
	states[limit].spent += amount < left ? amount : left;
}

void limits_refill(void)
{
	states[LIMIT_STACKS].spent = 0;
	states[LIMIT_SOURCES].spent = 0;
}

char *limits_words(enum limit limit)
{
	char amount[TEXT_NUMBER_BYTES];

	if (!states[limit].met)
		return NULL;
	if (table[limit].is_time)
		text_duration(amount, states[limit].allowance);
	else
		snprintf(amount, sizeof(amount), "%llu MiB", (unsigned long long)(states[limit].allowance / MIB));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return text_format(table[limit].words, amount);
#pragma GCC diagnostic pop
}

char *limits_next(size_t *at)
{
	char *words = NULL;

	while (*at < LIMITS && !words)
		words = limits_words((enum limit)(*at)++);
	return words;
}
