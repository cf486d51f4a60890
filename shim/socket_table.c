/*
 * socket_table.c: two levels of entries, slabs of sockets, a free list.
 *
 * Chunks and slabs are mapped as they are needed and stay. The free list is a stack whose head carries a tag, so that a head
 * which came back between a look and a swap is not taken for the old one.
 */
#include "shim/socket_table.h"

#include <string.h>
#include <sys/mman.h>

#include "shim/kernel.h"
#include "shim/trace_log.h"

#define SLAB_SOCKETS 64u
#define SLABS 16384u /* a million sockets at once */

uintptr_t *socket_table[SOCKET_TABLE_CHUNKS];
uint32_t socket_endings;
void (*socket_released)(struct socket *socket);

static struct socket *slabs[SLABS];
static uint64_t free_head; /* tag << 32 | index + 1 */
static uint32_t next_index;
static int table_limit;

static void *map_memory(size_t size)
{
	long result = kernel_call6(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (result < 0 && result > -4096) {
		trace_log_lost(TRACE_LOST_NO_MEMORY);
		return NULL;
	}
	return (void *)result;
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
	kernel_call2(SYS_munmap, mine, size);
	return none;
}

/* ---- sockets ---- */

static struct socket *socket_at(uint32_t index)
{
	struct socket *slab = __atomic_load_n(&slabs[index / SLAB_SOCKETS], __ATOMIC_ACQUIRE);

	return slab ? &slab[index % SLAB_SOCKETS] : NULL;
}

static void free_push(struct socket *socket)
{
	uint64_t head = __atomic_load_n(&free_head, __ATOMIC_ACQUIRE);
	uint64_t mine;

	do {
		__atomic_store_n(&socket->free_next, (uint32_t)head, __ATOMIC_RELAXED);
		mine = ((head >> 32) + 1) << 32 | (socket->index + 1);
	} while (!__atomic_compare_exchange_n(&free_head, &head, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
}

static struct socket *free_pop(void)
{
	uint64_t head = __atomic_load_n(&free_head, __ATOMIC_ACQUIRE);
	struct socket *socket;
	uint64_t next;

	do {
		if (!(uint32_t)head)
			return NULL;
		socket = socket_at((uint32_t)head - 1);
		next = ((head >> 32) + 1) << 32 | __atomic_load_n(&socket->free_next, __ATOMIC_RELAXED);
	} while (!__atomic_compare_exchange_n(&free_head, &head, next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	return socket;
}

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

struct socket *socket_new(void)
{
	struct socket *socket = free_pop();
	uint32_t index;

	if (!socket)
		socket = socket_from_slab();
	if (!socket)
		return NULL;
	index = socket->index;
	memset(socket, 0, sizeof(*socket));
	socket->index = index;
	for (int i = 0; i < SOCKET_REGISTRATIONS; i++)
		socket->registrations[i].epoll_fd = -1;
	return socket;
}

void socket_discard(struct socket *socket)
{
	free_push(socket);
}

static void let_go(struct socket *socket)
{
	if (__atomic_sub_fetch(&socket->holders, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	if (socket_released)
		socket_released(socket);
	free_push(socket);
}

void socket_for_each(void (*visit)(struct socket *socket))
{
	uint32_t count = __atomic_load_n(&next_index, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < count; i++) {
		struct socket *socket = socket_at(i);

		if (socket && __atomic_load_n(&socket->descriptors, __ATOMIC_ACQUIRE) > 0)
			visit(socket);
	}
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

struct socket *socket_find_cookie(uint64_t cookie)
{
	uint32_t count = __atomic_load_n(&next_index, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; cookie && i < count; i++) {
		struct socket *socket = socket_at(i);

		if (socket && __atomic_load_n(&socket->descriptors, __ATOMIC_ACQUIRE) > 0 && socket->cookie == cookie)
			return socket;
	}
	return NULL;
}

/* ---- entries ---- */

static uintptr_t *entry_place(int fd)
{
	uint32_t chunk = (uint32_t)fd / SOCKET_TABLE_CHUNK;
	uintptr_t *entries;
	int seen;

	if (fd < 0)
		return NULL;
	if (chunk >= SOCKET_TABLE_CHUNKS) {
		trace_log_lost(TRACE_LOST_FD_RANGE);
		return NULL;
	}
	entries = __atomic_load_n(&socket_table[chunk], __ATOMIC_ACQUIRE);
	if (!entries)
		entries = install(&socket_table[chunk], SOCKET_TABLE_CHUNK * sizeof(uintptr_t));
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

/* Puts a new word into an entry, and takes the old one's hold away. */
static void replace(uintptr_t *place, uintptr_t word)
{
	uintptr_t old = __atomic_exchange_n(place, word, __ATOMIC_ACQ_REL);

	if (old <= ENTRY_TAGS)
		return;
	if (socket_entry_is_open(old))
		__atomic_fetch_sub(&socket_entry_socket(old)->descriptors, 1, __ATOMIC_ACQ_REL);
	let_go(socket_entry_socket(old));
}

void socket_table_set_other(int fd)
{
	uintptr_t *place = entry_place(fd);

	if (place)
		replace(place, ENTRY_OTHER);
}

void socket_table_set_passed(int fd)
{
	uintptr_t *place = entry_place(fd);

	if (place)
		replace(place, ENTRY_PASSED);
}

void socket_table_forget(int fd)
{
	if (socket_table_entry(fd) != ENTRY_UNKNOWN)
		replace(entry_place(fd), ENTRY_UNKNOWN);
}

void socket_table_forget_closed(int fd, struct socket *socket)
{
	uintptr_t closed = (uintptr_t)socket | ENTRY_CLOSED;

	if (socket_table_entry(fd) == closed && __atomic_compare_exchange_n(entry_place(fd), &closed, ENTRY_UNKNOWN,
							false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		let_go(socket);
}

bool socket_table_open(int fd, struct socket *socket)
{
	uintptr_t *place = entry_place(fd);

	if (!place)
		return false;
	__atomic_fetch_add(&socket->holders, 1, __ATOMIC_ACQ_REL);
	__atomic_fetch_add(&socket->descriptors, 1, __ATOMIC_ACQ_REL);
	replace(place, (uintptr_t)socket);
	return true;
}

struct socket *socket_table_close(int fd, bool *last)
{
	uintptr_t entry = socket_table_entry(fd);
	struct socket *socket = socket_entry_socket(entry);
	uintptr_t *place;

	*last = false;
	if (!socket_entry_is_open(entry))
		return NULL;
	place = entry_place(fd);
	if (!__atomic_compare_exchange_n(
		    place, &entry, entry | ENTRY_CLOSED, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return NULL; /* another thread closes it too; that one tells */
	*last = __atomic_sub_fetch(&socket->descriptors, 1, __ATOMIC_ACQ_REL) == 0;
	return socket;
}

bool socket_table_park(int fd)
{
	uintptr_t entry = socket_table_entry(fd);

	return socket_entry_is_closed(entry) && !(entry & ENTRY_PARKED) &&
	       __atomic_compare_exchange_n(
		       entry_place(fd), &entry, entry | ENTRY_PARKED, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

bool socket_table_unpark(int fd)
{
	uintptr_t entry = socket_table_entry(fd);

	return socket_entry_is_closed(entry) && entry & ENTRY_PARKED &&
	       __atomic_compare_exchange_n(entry_place(fd), &entry, entry & ~(uintptr_t)ENTRY_PARKED, false,
		       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

void socket_table_reopen(int fd, struct socket *socket)
{
	uintptr_t *place = entry_place(fd);
	uintptr_t closed = (uintptr_t)socket | ENTRY_CLOSED;

	if (__atomic_compare_exchange_n(place, &closed, (uintptr_t)socket, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		__atomic_fetch_add(&socket->descriptors, 1, __ATOMIC_ACQ_REL);
}
