/*
 * pool.c: see pool.h.
 *
 * The bug: an empty answer is the end of the connection, but pool_ask() calls only a negative length broken. So a
 * connection that the server has closed goes back into the pool, and the next question is written to it. fixed/pool.c
 * has the mended twin.
 */
#include "pool.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int pool_take(struct pool *pool)
{
	int fd = pool->idle;

	pool->idle = -1;
	return fd >= 0 ? fd : pool->open(pool->context);
}

void pool_give_back(struct pool *pool, int fd, bool broken)
{
	if (broken || pool->idle >= 0)
		close(fd);
	else
		pool->idle = fd;
}

bool pool_ask(struct pool *pool, const char *question, char *answer, int size)
{
	int fd = pool_take(pool);
	ssize_t length;

	if (fd < 0)
		return false;
	length = send(fd, question, strlen(question), MSG_NOSIGNAL);
	if (length >= 0)
		length = recv(fd, answer, (size_t)size - 1, 0);
	answer[length > 0 ? length : 0] = '\0';
	pool_give_back(pool, fd, length < 0);
	return length > 0;
}

void pool_empty(struct pool *pool)
{
	if (pool->idle >= 0)
		close(pool->idle);
	pool->idle = -1;
}
