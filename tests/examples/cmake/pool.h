/*
 * pool.h: keeps one connection to a server for whoever needs it next, as clients of data bases do.
 */
#ifndef POOL_H
#define POOL_H

#include <stdbool.h>

struct pool {
	int (*open)(void *context); /* makes a connection; -1 where it cannot */
	void *context;
	int idle; /* -1: none */
};

/* A connection: the one that was given back, or a new one. */
int pool_take(struct pool *pool);

/* Gives it back; `broken` says that it is of no use any more. */
void pool_give_back(struct pool *pool, int fd, bool broken);

/* Sends a question, and reads the answer, of at most `size` - 1 bytes. Returns whether one came. */
bool pool_ask(struct pool *pool, const char *question, char *answer, int size);

void pool_empty(struct pool *pool);

#endif
