/*
 * fixture.h: real connections on the loopback, what a hook does around each call on one of them, and what the record
 * and the incidents say of it afterwards.
 *
 * The tests call the audit as the hooks do. The other end of each connection is nobody's whom we audit, but for
 * socketpairs.
 */
#ifndef SOCKSAN_SHIM_AUDIT_FIXTURE_H
#define SOCKSAN_SHIM_AUDIT_FIXTURE_H

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "shim/audit/audit_close.h"
#include "shim/audit/audit_open.h"
#include "shim/audit/audit_options.h"
#include "shim/audit/audit_read.h"
#include "shim/audit/audit_socket.h"
#include "shim/audit/audit_told.h"
#include "shim/audit/audit_write.h"
#include "shim/base/hook.h"
#include "tests/unit/shim/fixture.h"

#define FIXTURE_INCIDENTS 8

static const struct hook send_hook = {"send", NULL};
static const struct hook recv_hook = {"recv", NULL};
static const struct hook poll_hook = {"poll", NULL};
static char fixture_bytes[1 << 20];

struct pair {
	int ours;
	int theirs;
};

static inline void audit_set_up(void)
{
	fixture_begin(16 << 20);
	signal(SIGPIPE, SIG_IGN);
}

/* ---- the kernel's side ---- */

/* Until one of these events is there: what the peer did is on its way. */
static inline void wait_until(int fd, short events)
{
	struct pollfd poll_ = {.fd = fd, .events = events};

	cr_assert(poll(&poll_, 1, 60000) == 1, "no event on %d", fd);
	cr_assert(poll_.revents & events, "events %x on %d", poll_.revents, fd);
}

/* A socket that listens, and its address. Nobody audits it. */
static inline int listen_on_loopback(struct sockaddr_in *address)
{
	socklen_t length = sizeof(*address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	cr_assert(bind(listener, (struct sockaddr *)address, length) == 0);
	cr_assert(getsockname(listener, (struct sockaddr *)address, &length) == 0);
	cr_assert(listen(listener, 8) == 0);
	return listener;
}

/* An address where nobody listens. */
static inline struct sockaddr_in dead_address(void)
{
	struct sockaddr_in address;

	close(listen_on_loopback(&address));
	return address;
}

/*
 * What the peer does may come within the moment for which a look at the connection holds. So it counts as an end in
 * this process, as its close would if it were audited.
 */
static inline void peer_closes(struct pair *pair)
{
	cr_assert(close(pair->theirs) == 0);
	socket_note_ending();
	wait_until(pair->ours, POLLRDHUP);
}

static inline void peer_half_closes(struct pair *pair)
{
	cr_assert(shutdown(pair->theirs, SHUT_WR) == 0);
	socket_note_ending();
	wait_until(pair->ours, POLLRDHUP);
}

static inline void peer_resets(struct pair *pair)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	cr_assert(setsockopt(pair->theirs, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
	cr_assert(close(pair->theirs) == 0);
	socket_note_ending();
	wait_until(pair->ours, POLLHUP);
}

/* ---- the program's calls ---- */

static inline int audited_socket(int family, int type)
{
	int fd = socket(family, type, 0);

	cr_assert(fd >= 0);
	audit_made_socket(fd, family, type, 0);
	return fd;
}

static inline int audited_connect(int fd, const void *address, uint32_t length)
{
	struct audit_connect connect_;
	bool audited = audit_connect_begin(&connect_, fd, address, length);
	int result = connect(fd, address, length);

	if (audited)
		audit_connect_end(&connect_, address, length, result);
	return result;
}

/* With a small buffer at the peer's, so that bytes can be made to wait. */
static inline struct pair connect_tcp(void)
{
	struct sockaddr_in address;
	int small = 4096, listener = listen_on_loopback(&address);
	struct pair pair;

	cr_assert(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) == 0);
	pair.ours = audited_socket(AF_INET, SOCK_STREAM);
	cr_assert(audited_connect(pair.ours, &address, sizeof(address)) == 0);
	pair.theirs = accept(listener, NULL, NULL);
	cr_assert(pair.theirs >= 0);
	close(listener);
	return pair;
}

/* Both ends audited. */
static inline struct pair make_unix_pair(int type)
{
	int fds[2];

	cr_assert(socketpair(AF_UNIX, type, 0, fds) == 0);
	audit_made_pair(fds, AF_UNIX, type, 0);
	return (struct pair){fds[0], fds[1]};
}

static inline bool begin_send(struct audit_write *write, int fd, size_t length)
{
	return audit_write_begin(write, &send_hook, fd, payload_buffer(fixture_bytes, length), MSG_NOSIGNAL);
}

static inline ssize_t audited_send(int fd, size_t length)
{
	struct audit_write write;
	bool audited = begin_send(&write, fd, length);
	ssize_t result = send(fd, fixture_bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);

	return audited ? audit_write_end(&write, result) : result;
}

/* Until no byte more is taken: what has been sent last then waits. Returns how many were taken. */
static inline size_t fill(int fd)
{
	size_t sum = 0;
	ssize_t result;

	while ((result = audited_send(fd, sizeof(fixture_bytes))) > 0)
		sum += (size_t)result;
	cr_assert(errno == EAGAIN);
	return sum;
}

static inline ssize_t audited_recv(int fd, size_t length, int flags)
{
	struct audit_read read;
	bool audited = audit_read_begin(&read, &recv_hook, fd, length == 0, flags);
	ssize_t result = recv(fd, fixture_bytes, length, flags | MSG_DONTWAIT);

	return audited ? audit_read_end(&read, result) : result;
}

static inline int audited_close(int fd)
{
	struct audit_close close_;
	int result;

	audit_close_begin(&close_, "close", fd);
	if (!audit_close_instead(&close_, &result))
		result = close(fd);
	audit_close_end(&close_, result);
	return result;
}

static inline void audited_shutdown(int fd, int how)
{
	static const struct hook hook = {"shutdown", NULL};
	uint64_t turn = audit_before(fd);

	cr_assert(shutdown(fd, how) == 0);
	audit_shut_down(&hook, fd, how, turn);
}

static inline void audited_poll(int fd, short events)
{
	struct pollfd poll_ = {.fd = fd, .events = events};
	uint64_t turn = socket_table_now();

	if (poll(&poll_, 1, 0) > 0)
		audit_polled(&poll_hook, &poll_, 1, turn);
}

static inline void close_linger_zero(int fd)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};
	uint64_t turn = audit_before(fd);

	cr_assert(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
	audit_set_option(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger), turn);
}

/* A new audited socketpair, one end of which has this number, which is free. */
static inline void reopen_as(int fd)
{
	struct pair pair = make_unix_pair(SOCK_STREAM);
	uint64_t turn = socket_table_now();

	if (pair.ours == fd || pair.theirs == fd)
		return;
	cr_assert(dup2(pair.ours, fd) == fd);
	audit_duplicated(pair.ours, fd, turn);
}

/* ---- what is known afterwards ---- */

static inline const struct trace_socket *record_of(int fd)
{
	const struct socket *socket = fixture_socket(fd);

	cr_assert_not_null(socket, "%d is no open socket", fd);
	return socket->record;
}

static inline uint64_t stale_count(void)
{
	return trace_log_process()->lost[TRACE_LOST_STALE];
}

/* All that stand in the trace, oldest first. Returns how many. */
static inline size_t incidents(struct trace_incident found[FIXTURE_INCIDENTS])
{
	struct fixture_trace trace = fixture_open_trace(fixture_own_trace());
	const struct trace_record *record;
	size_t count = 0;

	while ((record = fixture_next(&trace))) {
		if (record->type != TRACE_INCIDENT || record->state != TRACE_COMMITTED)
			continue;
		cr_assert(count < FIXTURE_INCIDENTS);
		memcpy(&found[count++], record, sizeof(*found));
	}
	free((void *)(uintptr_t)trace.bytes);
	return count;
}

static inline void expect_no_incident(void)
{
	struct trace_incident found[FIXTURE_INCIDENTS];
	size_t count = incidents(found);

	cr_assert(count == 0, "%zu incidents, the first of kind %d", count, found[0].kind);
}

static inline struct trace_incident expect_incident(enum trace_kind kind, enum trace_knowledge knowledge)
{
	struct trace_incident found[FIXTURE_INCIDENTS];
	size_t count = incidents(found);

	cr_assert(count == 1, "%zu incidents", count);
	cr_assert(found[0].kind == kind, "kind %d", found[0].kind);
	cr_assert(found[0].knowledge == knowledge, "knowledge %d", found[0].knowledge);
	cr_assert(!(found[0].flags & TRACE_INCIDENT_IN_CALL), "it is still said to be in the call");
	return found[0];
}

#endif
