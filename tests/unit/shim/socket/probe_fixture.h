/* probe_fixture.h: what the tests of the probes share: connections in each state. */
#ifndef SOCKSAN_SHIM_PROBE_FIXTURE_H
#define SOCKSAN_SHIM_PROBE_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "shim/socket/probe.h"
#include "tests/unit/shim/fixture.h"

static inline void set_up(void)
{
	fixture_begin(1 << 20);
	cr_assert(trace_log_open());
}

struct ends {
	int ours;
	int theirs;
};

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
	struct sockaddr_storage room;
};

static inline void name_of(int fd, union address *address, socklen_t *length)
{
	*length = sizeof(*address);
	cr_assert(getsockname(fd, &address->any, length) == 0);
}

static inline int listener(int family)
{
	union address address = {.room = {.ss_family = (sa_family_t)family}};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (family == AF_INET)
		address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		address.in6.sin6_addr = in6addr_loopback;
	cr_assert(fd >= 0);
	cr_assert(bind(fd, &address.any, family == AF_INET ? sizeof(address.in) : sizeof(address.in6)) == 0);
	cr_assert(listen(fd, 4) == 0);
	return fd;
}

static inline struct ends connected(int family)
{
	union address address;
	socklen_t length;
	struct ends ends;
	int fd = listener(family);

	name_of(fd, &address, &length);
	ends.ours = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(connect(ends.ours, &address.any, length) == 0);
	ends.theirs = accept(fd, NULL, NULL);
	cr_assert(ends.theirs >= 0);
	close(fd);
	return ends;
}

static inline struct ends pair(int type)
{
	int fds[2];

	cr_assert(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) == 0);
	return (struct ends){fds[0], fds[1]};
}

/* Waits until the kernel reports this TCP state. */
static inline void wait_for(int fd, uint8_t state)
{
	struct probe_tcp tcp;

	for (int i = 0; i < 5000; i++) {
		cr_assert(probe_tcp(fd, &tcp));
		if (tcp.state == state)
			return;
		usleep(1000);
	}
	cr_assert(false, "TCP state %d, not %d", tcp.state, state);
}

static inline void reset_by_peer(struct ends ends)
{
	struct linger now = {1, 0};

	cr_assert(setsockopt(ends.theirs, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
	close(ends.theirs);
	wait_for(ends.ours, TCP_CLOSE);
}

#endif
