/* table_fixture.h: what the tests of the table of sockets share. */
#ifndef SOCKSAN_SHIM_SOCKET_TABLE_FIXTURE_H
#define SOCKSAN_SHIM_SOCKET_TABLE_FIXTURE_H

#include <pthread.h>
#include <sched.h>

#include "tests/unit/shim/fixture.h"

static int released;
static struct socket *last_released;

static inline void count_release(struct socket *socket)
{
	__atomic_fetch_add(&released, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&last_released, socket, __ATOMIC_RELAXED);
}

static inline void set_up(void)
{
	fixture_begin(1 << 20);
	socket_released = count_release;
}

static inline struct socket *new_socket(void)
{
	struct socket *socket = socket_new();

	cr_assert_not_null(socket);
	cr_expect(socket->holders == 0 && socket->descriptors == 0);
	return socket;
}

static inline struct socket *open_at(int fd)
{
	struct socket *socket = new_socket();

	cr_assert(socket_table_open(fd, socket));
	return socket;
}

__attribute__((nonnull)) static inline void expect_open(int fd, const struct socket *socket, int descriptors)
{
	cr_expect(fixture_socket(fd) == socket);
	cr_expect(socket->descriptors == descriptors && socket->holders == descriptors);
}

#endif
