/*
 * interleave.h: runs a few short functions in every order that makes a difference, one atomic operation at a time.
 *
 * Code that is compiled behind this header stops before each of its atomic operations. A driver then chooses who goes
 * on, and tries all choices by starting again from the beginning: all orders in which two operations on the same word,
 * one of them a write, can follow each other (dynamic partial order reduction, Flanagan and Godefroid, POPL 2005, with
 * sleep sets). Operations are in one order for all (sequential consistency): what a processor may do beyond that is not
 * tried here.
 */
#ifndef SOCKSAN_TESTS_INTERLEAVE_H
#define SOCKSAN_TESTS_INTERLEAVE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include "shim/base/thread.h"

enum { ACTORS_MAX = 3, STEPS_MAX = 600, WORDS_MAX = 512, ACTOR_STACK = 64 << 10 };

struct clock {
	int at[ACTORS_MAX]; /* for each actor, one past its last step that came before */
};

struct word {
	const void *address;
	struct clock written;
	struct clock used;
};

struct step {
	int actor;
	const void *address;
	bool writes;
	unsigned enabled, wanted, tried, asleep; /* sets of actors */
};

static struct {
	int actors;
	void (*set_up)(void);
	void (*run[ACTORS_MAX])(void);
	ucontext_t driver, contexts[ACTORS_MAX];
	char stacks[ACTORS_MAX][ACTOR_STACK];
	struct thread_state threads[ACTORS_MAX];
	const void *address[ACTORS_MAX]; /* of the operation that it is about to make */
	bool writes[ACTORS_MAX];
	bool over[ACTORS_MAX];
	int current; /* -1: the driver */
	struct clock clocks[ACTORS_MAX];
	struct word words[WORDS_MAX];
	int word_count;
	struct step steps[STEPS_MAX];
	int length; /* of the run that is being made again */
	const char *failure;
	unsigned long runs, cut, operations;
} interleave = {.current = -1};

/* Before an operation on a word that others see. */
static inline void interleave_stop(const volatile void *address, bool writes)
{
	int actor = interleave.current;

	if (actor < 0)
		return;
	interleave.address[actor] = (const void *)(uintptr_t)address;
	interleave.writes[actor] = writes;
	interleave.threads[actor] = thread_state;
	swapcontext(&interleave.contexts[actor], &interleave.driver);
	thread_state = interleave.threads[actor];
}

static inline void interleave_expect(bool holds, const char *what)
{
	if (!holds && !interleave.failure)
		interleave.failure = what;
}

#define __atomic_load_n(p, order) (interleave_stop(p, false), __atomic_load_n(p, order))
#define __atomic_store_n(p, value, order) (interleave_stop(p, true), __atomic_store_n(p, value, order))
#define __atomic_exchange_n(p, value, order) (interleave_stop(p, true), __atomic_exchange_n(p, value, order))
#define __atomic_fetch_add(p, value, order) (interleave_stop(p, true), __atomic_fetch_add(p, value, order))
#define __atomic_add_fetch(p, value, order) (interleave_stop(p, true), __atomic_add_fetch(p, value, order))
#define __atomic_fetch_sub(p, value, order) (interleave_stop(p, true), __atomic_fetch_sub(p, value, order))
#define __atomic_sub_fetch(p, value, order) (interleave_stop(p, true), __atomic_sub_fetch(p, value, order))
#define __atomic_compare_exchange_n(p, expected, value, weak, order, other)                                            \
	(interleave_stop(p, true), __atomic_compare_exchange_n(p, expected, value, weak, order, other))

static void interleave_actor(void)
{
	interleave.run[interleave.current]();
	interleave.over[interleave.current] = true;
	interleave.address[interleave.current] = NULL;
}

/* Lets an actor make the operation that it is at, and go on to the next one. */
static void interleave_go(int actor)
{
	interleave.current = actor;
	thread_state = interleave.threads[actor];
	swapcontext(&interleave.driver, &interleave.contexts[actor]);
	interleave.current = -1;
}

static void interleave_begin(void)
{
	memset(interleave.clocks, 0, sizeof(interleave.clocks));
	interleave.word_count = 0;
	interleave.set_up();
	for (int i = 0; i < interleave.actors; i++) {
		getcontext(&interleave.contexts[i]);
		interleave.contexts[i].uc_stack.ss_sp = interleave.stacks[i];
		interleave.contexts[i].uc_stack.ss_size = ACTOR_STACK;
		interleave.contexts[i].uc_link = &interleave.driver;
		makecontext(&interleave.contexts[i], interleave_actor, 0);
		interleave.over[i] = false;
		interleave_go(i);
	}
}

static struct word *interleave_word(const void *address)
{
	for (int i = 0; i < interleave.word_count; i++)
		if (interleave.words[i].address == address)
			return &interleave.words[i];
	interleave.words[interleave.word_count] = (struct word){.address = address};
	return &interleave.words[interleave.word_count++];
}

static void interleave_join(struct clock *clock, const struct clock *other)
{
	for (int i = 0; i < ACTORS_MAX; i++)
		if (clock->at[i] < other->at[i])
			clock->at[i] = other->at[i];
}

static bool interleave_conflict(const struct step *step, int actor)
{
	return step->address == interleave.address[actor] && (step->writes || interleave.writes[actor]);
}

/*
 * The last step that could as well have come after the one that `actor` is at: there the order is to be tried the other
 * way.
 */
static void interleave_want(int depth, int actor)
{
	for (int i = depth - 1; i >= 0; i--) {
		struct step *step = &interleave.steps[i];

		if (step->actor == actor || !interleave_conflict(step, actor) ||
			i < interleave.clocks[actor].at[step->actor])
			continue;
		step->wanted |= 1u << actor;
		return;
	}
}

static void interleave_note(int depth, int actor)
{
	struct step *step = &interleave.steps[depth];
	struct word *word = interleave_word(step->address);
	struct clock *clock = &interleave.clocks[actor];

	interleave_join(clock, step->writes ? &word->used : &word->written);
	clock->at[actor] = depth + 1;
	if (step->writes)
		word->written = *clock;
	interleave_join(&word->used, clock);
}

/* Who need not be tried here: what it is at was tried before in another order that makes no difference. */
static unsigned interleave_asleep(int depth)
{
	const struct step *last = &interleave.steps[depth - 1];
	unsigned asleep = 0;

	for (int i = 0; depth && i < interleave.actors; i++)
		if ((last->asleep | last->tried) & ~(1u << last->actor) & 1u << i && !interleave_conflict(last, i))
			asleep |= 1u << i;
	return asleep;
}

/* Chooses at a step that is reached for the first time. Returns false where nothing is left that makes a difference. */
static bool interleave_choose(int depth)
{
	struct step *step = &interleave.steps[depth];
	unsigned awake = step->enabled & ~step->asleep;

	if (!awake)
		return false;
	step->actor = __builtin_ctz(awake);
	step->wanted = 1u << step->actor;
	step->tried = 0;
	return true;
}

/*
 * One run from the beginning: `length` steps as before, the last of them chosen anew, then the first choice each time.
 */
static void interleave_run(void)
{
	interleave_begin();
	for (int depth = 0; depth < STEPS_MAX && !interleave.failure; depth++) {
		struct step *step = &interleave.steps[depth];
		unsigned enabled = 0;

		for (int i = 0; i < interleave.actors; i++)
			if (!interleave.over[i])
				enabled |= 1u << i;
		for (int i = 0; i < interleave.actors; i++)
			if (enabled & 1u << i)
				interleave_want(depth, i);
		if (depth >= interleave.length) {
			step->enabled = enabled;
			step->asleep = interleave_asleep(depth);
			interleave.length = depth;
			if (!enabled)
				return;
			if (!interleave_choose(depth)) {
				interleave.cut++;
				return;
			}
			interleave.length = depth + 1;
		}
		step->tried |= 1u << step->actor;
		step->address = interleave.address[step->actor];
		step->writes = interleave.writes[step->actor];
		interleave_note(depth, step->actor);
		interleave.operations++;
		interleave_go(step->actor);
	}
	interleave_expect(interleave.failure != NULL, "longer than STEPS_MAX");
}

/* Back to the last step where something that makes a difference was not tried. */
static bool interleave_back(void)
{
	while (interleave.length) {
		struct step *step = &interleave.steps[interleave.length - 1];
		unsigned left = step->wanted & ~step->tried & ~step->asleep;

		if (left) {
			step->actor = __builtin_ctz(left);
			return true;
		}
		interleave.length--;
	}
	return false;
}

/*
 * Runs `actors` functions in all orders, `set_up` before each. Returns what went wrong, NULL where nothing did in any.
 */
static const char *interleave_all(int actors, void (*set_up)(void), void (*const *run)(void))
{
	interleave.actors = actors;
	interleave.set_up = set_up;
	for (int i = 0; i < actors; i++)
		interleave.run[i] = run[i];
	interleave.length = 0;
	interleave.failure = NULL;
	interleave.runs = interleave.cut = interleave.operations = 0;
	do {
		interleave_run();
		interleave.runs++;
	} while (!interleave.failure && interleave_back());
	return interleave.failure;
}

#endif
