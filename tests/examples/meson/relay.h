/*
 * relay.h: passes on what comes from either of two connections to the other, until both have ended.
 */
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>

struct relay {
	int fds[2];
	bool ended[2]; /* nothing more comes from there */
};

/* Waits, and passes on what has come. Returns whether there can be more. */
bool relay_step(struct relay *relay);

#endif
