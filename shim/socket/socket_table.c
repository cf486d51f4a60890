/*
 * socket_table.c: two levels of entries, slabs of sockets, lists of those that nothing means any more.
 *
 * Chunks and slabs are mapped as they are needed and stay. A list is a stack whose head carries a tag, so that a head
 * which came back between a look and a swap is not taken for the old one.
 *
 * A socket that nothing means any more is retired: somebody may still hold it. A search through the holds of all
 * threads (a turn of its own, so that several may go on at once) marks those that are held; one that had been retired
 * before a search began and was not met by it is free. Searches are made for several sockets at once where there are
 * many threads.
 */
#include "shim/socket/socket_table.h"

#include <string.h>

#include "shim/base/hold.h"
#include "shim/base/kernel.h"
#include "shim/base/pages.h"
#include "shim/trace/trace_log.h"

#define SLAB_SOCKETS 64u
#define SLABS 16384u /* a million sockets at once */
#define FEW_THREADS 4u
#define BEING_RETIRED UINT64_MAX

_Static_assert(SLABS *SLAB_SOCKETS <= 1u << (ENTRY_TURN_SHIFT - ENTRY_KIND_BITS), "an index fits an entry");

struct list {
	uint64_t head; /* tag << 32 | index + 1 */
	uint32_t count; /* about */
};

uint64_t *socket_table[SOCKET_TABLE_CHUNKS];
uint64_t socket_table_turn;
uint32_t socket_endings;
void (*socket_released)(struct socket *socket);

static struct socket *slabs[SLABS];
static struct list free_sockets;
static struct list retired_sockets[2]; /* the one that a search empties, and the other */
static uint64_t searches;
static uint64_t lives;
static uint32_t next_index;
static int table_limit;

static void *map_memory(size_t size)
{
	void *memory = pages_map(size);

	if (!memory)
		trace_log_lost(TRACE_LOST_NO_MEMORY);
	return memory;
}

/* Installs memory in an empty place; the loser of a race gives its own back. Returns what stands there. */
static void *install(void *place, size_t size)
{
	void *mine = map_memory(size);
	void *none = NULL;

	if (!mine)
		return NULL;
	if (__atomic_compare_exchange_n((void **)place, &none, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return mine;
	pages_unmap(mine, size);
	return none;
}

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
		if (!install(&slabs[index / SLAB_SOCKETS], SLAB_SOCKETS * sizeof(*socket)))
			return NULL;
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
	memset(socket, 0, offsetof(struct socket, index));
	__atomic_store_n(&socket->listed, 0, __ATOMIC_RELAXED);
	socket_begin_life(socket);
	for (int i = 0; i < SOCKET_REGISTRATIONS; i++)
		socket->registrations[i].epoll_fd = -1;
	return socket;
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
		&socket->record->connected_ns, &never, now_ns, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

uint32_t socket_count(void)
{
	return __atomic_load_n(&next_index, __ATOMIC_ACQUIRE);
}

/* ---- entries ---- */

static uint64_t *entry_place(int fd)
{
	uint32_t chunk = (uint32_t)fd / SOCKET_TABLE_CHUNK;
	uint64_t *entries;
	int seen;

	if (fd < 0)
		return NULL;
	if (chunk >= SOCKET_TABLE_CHUNKS) {
		trace_log_lost(TRACE_LOST_FD_RANGE);
		return NULL;
	}
	entries = __atomic_load_n(&socket_table[chunk], __ATOMIC_ACQUIRE);
	if (!entries)
		entries = install(&socket_table[chunk], SOCKET_TABLE_CHUNK * sizeof(uint64_t));
	if (!entries)
		return NULL;
	seen = __atomic_load_n(&table_limit, __ATOMIC_RELAXED);
	while (seen <= fd &&
		!__atomic_compare_exchange_n(&table_limit, &seen, fd + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return &entries[(uint32_t)fd % SOCKET_TABLE_CHUNK];
}

int socket_table_limit(void)
{
	return __atomic_load_n(&table_limit, __ATOMIC_RELAXED);
}

static uint64_t new_entry(enum socket_entry_kind kind, uint32_t index)
{
	uint64_t turn = __atomic_add_fetch(&socket_table_turn, 1, __ATOMIC_SEQ_CST);

	return turn << ENTRY_TURN_SHIFT | (uint64_t)index << ENTRY_KIND_BITS | kind;
}

/* An entry that meant a socket means it no longer. */
static void leave(uint64_t old)
{
	struct socket *socket;

	if (!socket_entry_is_open(old) && !socket_entry_is_closed(old))
		return;
	socket = socket_at(socket_entry_index(old));
	if (socket_entry_is_open(old))
		__atomic_fetch_sub(&socket->descriptors, 1, __ATOMIC_ACQ_REL);
	socket_let_go(socket);
}

static void replace(uint64_t *place, uint64_t entry)
{
	leave(__atomic_exchange_n(place, entry, __ATOMIC_SEQ_CST));
}

void socket_table_set_other(int fd)
{
	uint64_t *place = entry_place(fd);

	if (place)
		replace(place, new_entry(ENTRY_OTHER, 0));
}

void socket_table_set_passed(int fd)
{
	uint64_t *place = entry_place(fd);

	if (place)
		replace(place, new_entry(ENTRY_PASSED, 0));
}

void socket_table_forget(int fd)
{
	if (socket_entry_kind(socket_table_entry(fd)) != ENTRY_UNKNOWN)
		replace(entry_place(fd), new_entry(ENTRY_UNKNOWN, 0));
}

void socket_table_forget_entry(int fd, uint64_t entry)
{
	uint64_t seen = entry;

	if (socket_table_entry(fd) == entry &&
		__atomic_compare_exchange_n(
			entry_place(fd), &seen, new_entry(ENTRY_UNKNOWN, 0), false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
		leave(entry);
}

void socket_table_forget_closed(int fd, struct socket *socket)
{
	uint64_t entry = socket_table_entry(fd);

	if (socket_entry_is_closed(entry) && socket_entry_index(entry) == socket->index)
		socket_table_forget_entry(fd, entry);
}

bool socket_table_open(int fd, struct socket *socket)
{
	uint64_t *place = entry_place(fd);

	if (!place)
		return false;
	socket_keep(socket);
	__atomic_fetch_add(&socket->descriptors, 1, __ATOMIC_ACQ_REL);
	replace(place, new_entry(ENTRY_OPEN, socket->index));
	return true;
}

bool socket_table_open_from(int fd, struct socket *socket, uint64_t entry)
{
	uint64_t *place = entry_place(fd);
	uint64_t seen = entry;

	if (!place)
		return false;
	socket_keep(socket);
	__atomic_fetch_add(&socket->descriptors, 1, __ATOMIC_ACQ_REL);
	if (__atomic_compare_exchange_n(
		    place, &seen, new_entry(ENTRY_OPEN, socket->index), false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE)) {
		leave(entry);
		return true;
	}
	__atomic_fetch_sub(&socket->descriptors, 1, __ATOMIC_ACQ_REL);
	socket_let_go(socket);
	return false;
}

bool socket_table_close(int fd, uint64_t entry, bool *last)
{
	struct socket *socket = socket_at(socket_entry_index(entry));
	uint64_t seen = entry;

	*last = false;
	if (!socket_entry_is_open(entry) ||
		!__atomic_compare_exchange_n(entry_place(fd), &seen, new_entry(ENTRY_CLOSED, socket->index), false,
			__ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
		return false;
	*last = __atomic_sub_fetch(&socket->descriptors, 1, __ATOMIC_ACQ_REL) == 0;
	return true;
}

/* The same socket, closed, with the mark or without it. */
static bool change_mark(int fd, enum socket_entry_kind from, enum socket_entry_kind to)
{
	uint64_t entry = socket_table_entry(fd);

	return socket_entry_kind(entry) == from &&
	       __atomic_compare_exchange_n(entry_place(fd), &entry, new_entry(to, socket_entry_index(entry)), false,
		       __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
}

bool socket_table_park(int fd)
{
	return change_mark(fd, ENTRY_CLOSED, ENTRY_PARKED);
}

bool socket_table_unpark(int fd)
{
	return change_mark(fd, ENTRY_PARKED, ENTRY_CLOSED);
}

void socket_table_reopen(int fd, struct socket *socket)
{
	uint64_t entry = socket_table_entry(fd);

	if (socket_entry_kind(entry) != ENTRY_CLOSED || socket_entry_index(entry) != socket->index)
		return;
	__atomic_fetch_add(&socket->descriptors, 1, __ATOMIC_ACQ_REL);
	if (!__atomic_compare_exchange_n(entry_place(fd), &entry, new_entry(ENTRY_OPEN, socket->index), false,
		    __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
		__atomic_fetch_sub(&socket->descriptors, 1, __ATOMIC_ACQ_REL);
}
