/*
 * socket.c: slabs of sockets, lists of those that nothing means any more.
 *
 * Slabs are mapped as they are needed and stay. A list is a stack whose head carries a tag, so that a head which came
 * back between a look and a swap is not taken for the old one.
 *
 * A socket that nothing means any more is retired: somebody may still hold it. A search through the holds of all
 * threads (a turn of its own, so that several may go on at once) marks those that are held; one that had been retired
 * before a search began and was not met by it is free. Searches are made for several sockets at once where there are
 * many threads.
 */
#include "shim/socket/socket.h"

#include <string.h>

#include "shim/base/hold.h"
#include "shim/base/pages.h"
#include "shim/base/shared.h"
#include "shim/trace/trace_log.h"

#define SLAB_SOCKETS 64u
#define SLABS (SOCKETS_MAX / SLAB_SOCKETS)
#define FEW_THREADS 4u
#define BEING_RETIRED UINT64_MAX

struct list {
	uint64_t head; /* tag << 32 | index + 1 */
	uint32_t count; /* about */
};

uint32_t socket_endings;
void (*socket_released)(struct socket *socket);

static struct socket *slabs[SLABS];
static struct list free_sockets;
static struct list retired_sockets[2]; /* the one that a search empties, and the other */
static uint64_t searches;
static uint64_t lives;
static uint32_t next_index;

/* ---- lists ---- */

struct socket *socket_at(uint32_t index)
{
	struct socket *slab = __atomic_load_n(&slabs[index / SLAB_SOCKETS], __ATOMIC_ACQUIRE);

	return slab ? &slab[index % SLAB_SOCKETS] : NULL;
}

static void list_push(struct list *list, struct socket *socket)
{
	uint64_t head = __atomic_load_n(&list->head, __ATOMIC_ACQUIRE);
	uint64_t mine;

	do {
		__atomic_store_n(&socket->list_next, (uint32_t)head, __ATOMIC_RELAXED);
		mine = ((head >> 32) + 1) << 32 | (socket->index + 1);
	} while (!__atomic_compare_exchange_n(&list->head, &head, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	__atomic_fetch_add(&list->count, 1, __ATOMIC_RELAXED);
}

static struct socket *list_pop(struct list *list)
{
	uint64_t head = __atomic_load_n(&list->head, __ATOMIC_ACQUIRE);
	struct socket *socket;
	uint64_t next;

	do {
		if (!(uint32_t)head)
			return NULL;
		socket = socket_at((uint32_t)head - 1);
		next = ((head >> 32) + 1) << 32 | __atomic_load_n(&socket->list_next, __ATOMIC_RELAXED);
	} while (!__atomic_compare_exchange_n(&list->head, &head, next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	__atomic_fetch_sub(&list->count, 1, __ATOMIC_RELAXED);
	return socket;
}

/* ---- sockets that nothing means any more ---- */

static void mark_held(const void *object)
{
	struct socket *socket = (struct socket *)(uintptr_t)object;
	uint64_t search = __atomic_load_n(&searches, __ATOMIC_RELAXED);
	uint64_t seen = __atomic_load_n(&socket->held, __ATOMIC_RELAXED);

	while (seen < search &&
		!__atomic_compare_exchange_n(&socket->held, &seen, search, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
}

/* Not in a list from here on. Whoever lets go of it meanwhile leaves it to us to put it back. */
static void unlist(struct socket *socket, struct list *list)
{
	uint32_t out = 0;

	__atomic_store_n(&socket->listed, 0, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&socket->holders, __ATOMIC_SEQ_CST) == 0 &&
		__atomic_compare_exchange_n(&socket->listed, &out, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		list_push(list, socket);
}

/* What a search has to say of a retired socket. */
static void sort_out(struct socket *socket, uint64_t search, struct list *others)
{
	if (__atomic_load_n(&socket->holders, __ATOMIC_SEQ_CST) != 0) { /* kept by one who held it then */
		unlist(socket, others);
	} else if (__atomic_load_n(&socket->retired, __ATOMIC_SEQ_CST) >= search ||
		   __atomic_load_n(&socket->held, __ATOMIC_SEQ_CST) >= search) {
		list_push(others, socket);
	} else {
		if (socket_released)
			socket_released(socket);
		list_push(&free_sockets, socket);
	}
}

static void search_holds(void)
{
	uint64_t search = __atomic_add_fetch(&searches, 1, __ATOMIC_SEQ_CST);
	struct list *emptied = &retired_sockets[search % 2];
	struct list *others = &retired_sockets[!(search % 2)];
	uint32_t count = __atomic_load_n(&emptied->count, __ATOMIC_RELAXED);
	struct socket *socket;

	hold_each(mark_held);
	while (count-- && (socket = list_pop(emptied)))
		sort_out(socket, search, others);
}

static void retire(struct socket *socket)
{
	uint64_t latest = __atomic_load_n(&searches, __ATOMIC_SEQ_CST);
	struct list *list = &retired_sockets[!(latest % 2)]; /* which the next one empties */
	uint32_t threads = hold_threads();
	uint32_t out = 0;

	__atomic_store_n(&socket->retired, latest, __ATOMIC_SEQ_CST);
	if (!__atomic_compare_exchange_n(&socket->listed, &out, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	list_push(list, socket);
	if (threads <= FEW_THREADS || __atomic_load_n(&list->count, __ATOMIC_RELAXED) > 2 * threads)
		search_holds();
}

void socket_keep(struct socket *socket)
{
	__atomic_fetch_add(&socket->holders, 1, __ATOMIC_SEQ_CST);
}

/*
 * Between the last holder's leaving and the note of when that was, a search must not take it for one that was retired
 * long ago.
 */
void socket_let_go(struct socket *socket)
{
	__atomic_store_n(&socket->retired, BEING_RETIRED, __ATOMIC_SEQ_CST);
	if (__atomic_sub_fetch(&socket->holders, 1, __ATOMIC_SEQ_CST) == 0)
		retire(socket);
}

/* ---- new ones ---- */

static struct socket *socket_from_slab(void)
{
	uint32_t index = __atomic_fetch_add(&next_index, 1, __ATOMIC_RELAXED);
	struct socket *socket;

	if (index >= SLABS * SLAB_SOCKETS) {
		__atomic_fetch_sub(&next_index, 1, __ATOMIC_RELAXED);
		trace_log_lost(TRACE_LOST_NO_MEMORY);
		return NULL;
	}
	socket = socket_at(index);
	if (!socket) {
		if (!pages_install((void **)&slabs[index / SLAB_SOCKETS], SLAB_SOCKETS * sizeof(*socket))) {
			trace_log_lost(TRACE_LOST_NO_MEMORY);
			return NULL;
		}
		socket = socket_at(index);
	}
	socket->index = index;
	return socket;
}

static struct socket *socket_from_list(void)
{
	struct socket *socket = list_pop(&free_sockets);

	if (socket || !__atomic_load_n(&retired_sockets[0].count, __ATOMIC_RELAXED) +
			      __atomic_load_n(&retired_sockets[1].count, __ATOMIC_RELAXED))
		return socket;
	search_holds();
	return list_pop(&free_sockets);
}

void socket_begin_life(struct socket *socket)
{
	__atomic_store_n(&socket->life, __atomic_add_fetch(&lives, 1, __ATOMIC_RELAXED), __ATOMIC_RELEASE);
}

struct socket *socket_new(void)
{
	struct socket *socket = socket_from_list();

	if (!socket)
		socket = socket_from_slab();
	if (!socket)
		return NULL;
	shared_clear(socket, offsetof(struct socket, index)); /* socket_hold_cookie may be looking for the one before */
	__atomic_store_n(&socket->listed, 0, __ATOMIC_RELAXED);
	socket_begin_life(socket);
	for (int i = 0; i < SOCKET_REGISTRATIONS; i++)
		shared_set(socket->registrations[i].epoll_fd, -1);
	return socket;
}

bool socket_recall(const struct socket *socket, uint32_t number, struct operation *found)
{
	const struct operation *operation = &socket->operations[number % TRACE_HISTORY];

	found->t_ns = __atomic_load_n(&operation->t_ns, __ATOMIC_ACQUIRE);
	found->call = shared_get(operation->call);
	found->length = shared_get(operation->length);
	found->result = shared_get(operation->result);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return found->t_ns && found->t_ns == shared_get(operation->t_ns);
}

void socket_discard(struct socket *socket)
{
	list_push(&free_sockets, socket);
}

void socket_set_connected(struct socket *socket, uint64_t now_ns)
{
	uint64_t never = 0;

	/* in this order: in between it is both, and passes for connecting; never for neither */
	__atomic_fetch_or(&socket->state, SOCKET_CONNECTED, __ATOMIC_RELAXED);
	__atomic_fetch_and(&socket->state, ~(uint32_t)SOCKET_CONNECTING, __ATOMIC_RELEASE);
	__atomic_compare_exchange_n(
		&socket_record(socket)->connected_ns, &never, now_ns, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

uint32_t socket_count(void)
{
	return __atomic_load_n(&next_index, __ATOMIC_ACQUIRE);
}
