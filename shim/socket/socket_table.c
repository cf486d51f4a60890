/* socket_table.c: two levels of entries. Chunks of them are mapped as they are needed and stay. */
#include "shim/socket/socket_table.h"

#include "shim/base/pages.h"
#include "shim/trace/trace_log.h"

_Static_assert(SOCKETS_MAX <= 1u << (ENTRY_TURN_SHIFT - ENTRY_KIND_BITS), "an index fits an entry");

uint64_t *socket_table[SOCKET_TABLE_CHUNKS];
uint64_t socket_table_turn;

static int table_limit;

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
		entries = pages_install((void **)&socket_table[chunk], SOCKET_TABLE_CHUNK * sizeof(uint64_t));
	if (!entries) {
		trace_log_lost(TRACE_LOST_NO_MEMORY);
		return NULL;
	}
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
