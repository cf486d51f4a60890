/*
 * audit_ahead.c: see audit_ahead.h.
 *
 * How many are looked at in one call follows what that was good for: one more each time that a look ahead was used,
 * half as many where it had grown too old. So a server that takes long for an answer asks for two, and one that is
 * quick for eight.
 */
#include "shim/audit/audit_ahead.h"

#include <poll.h>

#include "shim/base/shared.h"
#include "shim/base/thread.h"
#include "shim/socket/probe.h"
#include "shim/socket/socket.h"
#include "shim/socket/socket_hold.h"
#include "shim/socket/socket_table.h"

#define AHEAD_LEAST 2u
#define AHEAD_MOST 8u

void audit_ahead_begin(void)
{
	thread_state.ready_count = 0;
	thread_state.ready_at = 0;
}

void audit_ahead_note(int fd)
{
	uint32_t count = thread_state.ready_count;

	if (count < THREAD_READY) {
		thread_state.ready[count] = fd;
		thread_state.ready_count = count + 1;
	}
}

void audit_ahead_clean(struct socket *socket, uint64_t now_ns, uint32_t endings)
{
	shared_set(socket->clean_endings, endings);
	shared_set(socket->clean_ns, now_ns);
}

static bool is_held(const struct socket *socket, uint64_t now_ns)
{
	return now_ns - shared_get(socket->clean_ns) < AHEAD_HOLDS_NS &&
	       shared_get(socket->clean_endings) == __atomic_load_n(&socket_endings, __ATOMIC_ACQUIRE);
}

bool audit_ahead_holds(struct socket *socket, uint64_t now_ns)
{
	if (!is_held(socket, now_ns))
		return false;
	if (shared_get(socket->looked_ahead)) {
		shared_set(socket->looked_ahead, false);
		if (thread_state.ahead < AHEAD_MOST)
			thread_state.ahead++;
	}
	return true;
}

/* Where the thread's last wait named the descriptor, or -1. */
static int place_of(int fd)
{
	uint32_t count = thread_state.ready_count;

	for (uint32_t i = 0, at = thread_state.ready_at; i < count; i++, at++) {
		if (at >= count)
			at = 0;
		if (thread_state.ready[at] == fd)
			return (int)at;
	}
	return -1;
}

/* Whether a look at the connection at that place is worth while: it may have been found to be in order just now. */
static bool is_worth_a_look(int at, uint64_t now_ns)
{
	struct socket_hold hold;
	bool worth;

	if (at < 0 || at >= (int)thread_state.ready_count || !socket_hold_open(&hold, thread_state.ready[at]))
		return false;
	worth = !is_held(hold.socket, now_ns);
	socket_release(&hold);
	return worth;
}

/* Some serve those that they were told of in this order, and some in the reverse. Returns how many there are. */
static unsigned find_next(int fd, struct pollfd *polls, uint64_t now_ns)
{
	/* a signal handler that interrupts its counting may leave one more than that */
	unsigned most = thread_state.ahead < AHEAD_MOST ? thread_state.ahead : AHEAD_MOST;
	int at = place_of(fd);
	int step;
	unsigned count = 0;

	if (at < 0)
		return 0;
	thread_state.ready_at = (uint32_t)at;
	step = is_worth_a_look(at + 1, now_ns) ? 1 : -1;
	while (count + 1 < most && is_worth_a_look(at + step, now_ns)) {
		at += step;
		polls[count++] = (struct pollfd){.fd = thread_state.ready[at], .events = PROBE_EVENTS};
	}
	return count;
}

/* What was asked when `turn` was the latest was asked of this connection, if the number meant it already. */
static void note_clean(int fd, uint64_t turn, uint64_t now_ns, uint32_t endings)
{
	struct socket_hold hold;

	if (!socket_hold_open(&hold, fd))
		return;
	if (socket_entry_is_older(hold.entry, turn)) {
		audit_ahead_clean(hold.socket, now_ns, endings);
		shared_set(hold.socket->looked_ahead, true);
	}
	socket_release(&hold);
}

short audit_ahead_poll(int fd, struct socket *socket, uint64_t now_ns)
{
	uint32_t endings = __atomic_load_n(&socket_endings, __ATOMIC_ACQUIRE);
	uint64_t turn = socket_table_now();
	struct pollfd polls[AHEAD_MOST] = {{.fd = fd, .events = PROBE_EVENTS}};
	unsigned count;

	if (shared_get(socket->looked_ahead)) {
		shared_set(socket->looked_ahead, false);
		thread_state.ahead /= 2;
	}
	if (thread_state.ahead < AHEAD_LEAST)
		thread_state.ahead = AHEAD_LEAST;
	count = thread_state.ready_count > 1 ? find_next(fd, polls + 1, now_ns) : 0;
	if (count == 0 || !probe_poll_all(polls, count + 1))
		return probe_poll(fd);
	for (unsigned i = 1; i <= count; i++)
		if (!(polls[i].revents & ~POLLOUT))
			note_clean(polls[i].fd, turn, now_ns, endings);
	return polls[0].revents;
}
