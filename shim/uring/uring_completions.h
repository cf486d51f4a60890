/*
 * uring_completions.h: the completions of a ring, in their order, and the slots of the operations that they are of. The
 * state of the ring is locked by the caller. Any thread and signal handler.
 */
#ifndef SOCKSAN_URING_COMPLETIONS_H
#define SOCKSAN_URING_COMPLETIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/uring/uring_table.h"

/*
 * Goes on in the completion queue from where we were; `handed`: so many from its head on the program is given now. An
 * entry that the program has done with may be overwritten; its place comes round again only after all others.
 */
void uring_scan(struct uring_state *state, const struct uring *ring, uint32_t handed);

/* It cannot be told any more which operation a completion with the slot's user_data means. */
void uring_give_up(struct uring_state *state, struct uring_op *op);

/* The same for what is under way in each slot of a ring that ends (uring_op_each). */
void uring_give_up_slot(struct uring_op *op);

/* One operation less has the slot's user_data. After the last one the slot is removed. */
void uring_one_less(struct uring_state *state, struct uring_op *op);

/*
 * Something on this ring was not seen, so that a completion may be of an operation which we know nothing of. The ring
 * is left alone from here on, and the report says so.
 */
void uring_lose_track(struct uring_state *state);

#endif
