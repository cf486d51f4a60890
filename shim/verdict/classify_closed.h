/*
 * classify_closed.h: the verdict on a use of a number that this program has closed. Pure, as classify.h.
 *
 * The program closed it itself, so it is always told.
 */
#ifndef SOCKSAN_CLASSIFY_CLOSED_H
#define SOCKSAN_CLASSIFY_CLOSED_H

#include <stdbool.h>

#include "shim/verdict/classify.h"

struct classify_closed_facts {
	bool kept; /* the quarantine keeps the number, so that nobody else was given it */
	bool owner; /* and a socket of the program's is known that the number would mean by now without it */
};

/* The kernel refused a write: the number means nothing. It would have reached the new owner where there is one. */
struct verdict classify_closed_write(const struct classify_closed_facts *facts);

/* The kernel, or the quarantine, refused another close of it, or a shutdown. */
struct verdict classify_closed_again(const struct classify_closed_facts *facts);

#endif
