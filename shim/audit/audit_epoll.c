/*
 * audit_epoll.c: being told by epoll.
 *
 * epoll hands back 64 bits of the program's own, often a pointer or the number. Which socket they stand for is learnt
 * when it is registered: kept with the socket, and in a table by hash that leads to the descriptor at once.
 *
 * What a wait returns may be old: between the kernel's look and ours another thread can close the connection and
 * register the next one with the very same bits. So an event counts for a registration that was there before the wait
 * began, or when none with these bits has ended since then. And since a program may give the same bits to several
 * connections, or close one of several descriptors of a socket and be told of it all the same, the kernel is asked
 * whether it is this one that has ended.
 */
#include "shim/audit/audit_epoll.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>

#include "shim/audit/audit_ahead.h"
#include "shim/audit/audit_sandbox.h"
#include "shim/audit/audit_socket.h"
#include "shim/audit/audit_told.h"
#include "shim/base/hook.h"
#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/shared.h"
#include "shim/socket/probe.h"
#include "shim/socket/socket.h"
#include "shim/socket/socket_hold.h"
#include "shim/socket/socket_table.h"
#include "shim/verdict/halt.h"

#define REGISTERED 16384u

/* What the program's bits led to last, and when one that they had led to ended: of all bits with this hash. */
static struct registered {
	int32_t fd; /* plus 1 */
	uint64_t ended;
} registered[REGISTERED];

static struct registered *place_of(int epoll_fd, uint64_t data)
{
	uint64_t hash = (data ^ (uint64_t)(uint32_t)epoll_fd << 48) * 0x9e3779b97f4a7c15u;

	return &registered[hash >> 50];
}

static void note_end(int epoll_fd, uint64_t data)
{
	uint64_t *ended = &place_of(epoll_fd, data)->ended;
	uint64_t now = __atomic_add_fetch(&socket_table_turn, 1, __ATOMIC_SEQ_CST);
	uint64_t seen = __atomic_load_n(ended, __ATOMIC_RELAXED);

	while (seen < now && !__atomic_compare_exchange_n(ended, &seen, now, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		;
}

/* Ends what stands at a place. */
static void end_registration(struct registration *place)
{
	int epoll_fd = __atomic_exchange_n(&place->epoll_fd, -1, __ATOMIC_ACQ_REL);

	if (epoll_fd >= 0)
		note_end(epoll_fd, shared_get(place->data));
}

void audit_epoll_closed(struct socket *socket)
{
	for (int i = 0; i < SOCKET_REGISTRATIONS; i++) {
		int epoll_fd = __atomic_load_n(&socket->registrations[i].epoll_fd, __ATOMIC_ACQUIRE);

		if (epoll_fd >= 0)
			note_end(epoll_fd, shared_get(socket->registrations[i].data));
	}
}

/* The place of what is registered with this set, else a free one, else one that is given up for it. */
static struct registration *choose_place(struct socket *socket, int epoll_fd)
{
	struct registration *free_place = NULL;

	for (int i = 0; i < SOCKET_REGISTRATIONS; i++) {
		struct registration *place = &socket->registrations[i];

		if (shared_get(place->epoll_fd) == epoll_fd)
			return place;
		if (shared_get(place->epoll_fd) == -1 && !free_place)
			free_place = place;
	}
	return free_place ? free_place : &socket->registrations[0];
}

static void register_socket(struct socket *socket, int epoll_fd, int fd, const struct epoll_event *event)
{
	struct registration *place = choose_place(socket, epoll_fd);

	end_registration(place);
	shared_set(place->data, event->data.u64);
	shared_set(place->events, event->events);
	shared_set(place->since, socket_table_now());
	__atomic_store_n(&place_of(epoll_fd, event->data.u64)->fd, fd + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&place->epoll_fd, epoll_fd, __ATOMIC_RELEASE);
}

void audit_epoll_registered(int epoll_fd, int operation, int fd, const struct epoll_event *event, uint64_t turn)
{
	struct socket_hold hold;

	/* no look whether the memory is borrowed: this call is too frequent, and a wrong entry tells nobody anything */
	if (!audit_hold_as_of(&hold, fd, turn))
		return;
	if (operation != EPOLL_CTL_DEL) {
		register_socket(hold.socket, epoll_fd, fd, event);
	} else {
		for (int i = 0; i < SOCKET_REGISTRATIONS; i++)
			if (shared_get(hold.socket->registrations[i].epoll_fd) == epoll_fd)
				end_registration(&hold.socket->registrations[i]);
	}
	socket_release(&hold);
}

/* ---- waiting ---- */

struct wait {
	const char *call;
	int epoll_fd;
	uint64_t turn; /* the latest before it */
	uint64_t now_ns;
};

/* What is registered with these bits, and was when the kernel looked. Copied: another thread may change it. */
static bool find_registration(
	const struct socket *socket, const struct wait *wait, uint64_t data, struct registration *found)
{
	for (int i = 0; i < SOCKET_REGISTRATIONS; i++) {
		const struct registration *place = &socket->registrations[i];

		if (__atomic_load_n(&place->epoll_fd, __ATOMIC_ACQUIRE) != wait->epoll_fd ||
			shared_get(place->data) != data)
			continue;
		found->events = shared_get(place->events);
		found->since = shared_get(place->since);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&place->epoll_fd, __ATOMIC_ACQUIRE) == wait->epoll_fd &&
			shared_get(place->data) == data &&
			(found->since <= wait->turn || __atomic_load_n(&place_of(wait->epoll_fd, data)->ended,
							       __ATOMIC_SEQ_CST) <= wait->turn))
			return true;
	}
	return false;
}

static bool hold_registered(
	struct socket_hold *hold, int fd, const struct wait *wait, uint64_t data, struct registration *found)
{
	if (!socket_hold_open(hold, fd))
		return false;
	if (find_registration(hold->socket, wait, data, found) && socket_hold_is_current(hold))
		return true;
	socket_release(hold);
	return false;
}

/*
 * Whether the kernel says of this connection, too, that it is over. Where it may not be asked the event is all there
 * is.
 */
static bool has_ended(const struct socket_hold *hold)
{
	return !audit_may_probe() ||
	       (probe_poll(hold->fd) & (POLLRDHUP | POLLHUP | POLLERR) && socket_hold_is_current(hold));
}

/* An end is worth looking through all of them. */
static void look_for_ended(struct wait *wait, const struct epoll_event *event)
{
	int limit = socket_table_limit();

	for (int fd = 0; fd < limit; fd++) {
		struct registration registration;
		struct socket_hold hold;

		if (!hold_registered(&hold, fd, wait, event->data.u64, &registration))
			continue;
		if (has_ended(&hold)) {
			audit_note_events(&hold, wait->call, event->events, &wait->now_ns, false);
			limit = 0;
		}
		socket_release(&hold);
	}
}

/*
 * A connection is about to be answered. Where the kernel was asked for the end as well, it has just said that there is
 * none.
 */
static void look_forward(const struct socket_hold *hold, const struct registration *registration, struct wait *wait)
{
	audit_ahead_note(hold->fd);
	if (!(registration->events & EPOLLRDHUP))
		return;
	if (!wait->now_ns)
		wait->now_ns = kernel_now_ns();
	audit_ahead_clean(
		hold->socket, wait->now_ns - AHEAD_WAITED_NS, __atomic_load_n(&socket_endings, __ATOMIC_ACQUIRE));
}

static void note_event(struct wait *wait, const struct epoll_event *event)
{
	int fd = __atomic_load_n(&place_of(wait->epoll_fd, event->data.u64)->fd, __ATOMIC_ACQUIRE) - 1;
	bool over = event->events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR);
	struct registration registration;
	struct socket_hold hold;
	bool found = fd >= 0 && hold_registered(&hold, fd, wait, event->data.u64, &registration);

	if (found && (!over || shared_get(hold.socket->state) & SOCKET_TOLD || has_ended(&hold))) {
		audit_note_events(&hold, wait->call, event->events, &wait->now_ns, false);
		if (audit_may_be_answered(hold.socket, event->events))
			look_forward(&hold, &registration, wait);
		over = false;
	}
	if (found)
		socket_release(&hold);
	if (over)
		look_for_ended(wait, event);
}

void audit_epoll_waited(
	const struct hook *hook, int epoll_fd, const struct epoll_event *events, int count, uint64_t turn)
{
	struct wait wait = {.call = hook->name, .epoll_fd = epoll_fd, .turn = turn};
	int saved = errno;

	if (!audit_may_listen())
		return;
	audit_ahead_begin();
	for (int i = 0; i < count; i++)
		note_event(&wait, &events[i]);
	halt_if_due();
	errno = saved;
}
