/* socket_hold.c: the ways to a socket that are not a descriptor's entry seen for the first time. */
#include "shim/socket/socket_hold.h"

#include "shim/trace/trace_log.h"

static bool take(struct socket_hold *hold, struct socket *socket)
{
	hold->socket = socket;
	hold->slot = hold_take(hold, socket);
	if (hold->slot)
		return true;
	trace_log_lost(TRACE_LOST_NO_MEMORY);
	hold->socket = NULL;
	return false;
}

bool socket_hold_any(struct socket_hold *hold, int fd)
{
	uint64_t entry = socket_table_entry(fd);
	uint64_t again;

	hold->socket = NULL;
	while (socket_entry_is_open(entry) || socket_entry_is_closed(entry)) {
		if (!take(hold, socket_at(socket_entry_index(entry))))
			return false;
		again = socket_table_entry(fd);
		if (again == entry) {
			hold->entry = entry;
			hold->fd = fd;
			socket_hold_see(hold);
			return true;
		}
		socket_release(hold);
		entry = again;
	}
	return false;
}

bool socket_hold_open_again(struct socket_hold *hold, int fd)
{
	if (socket_hold_any(hold, fd) && socket_entry_is_open(hold->entry))
		return true;
	socket_release(hold);
	return false;
}

/* As long as it has a descriptor an entry means it: so it was not retired before our hold could be seen. */
bool socket_hold_at(struct socket_hold *hold, uint32_t index)
{
	struct socket *socket = socket_at(index);
	uint64_t entry;

	hold->socket = NULL;
	if (!socket || __atomic_load_n(&socket->descriptors, __ATOMIC_ACQUIRE) <= 0 || !take(hold, socket))
		return false;
	if (__atomic_load_n(&socket->descriptors, __ATOMIC_SEQ_CST) <= 0) {
		socket_release(hold);
		return false;
	}
	hold->fd = socket->fd;
	entry = socket_table_entry(hold->fd);
	hold->entry = socket_entry_means(entry, socket) ? entry : ENTRY_NONE;
	socket_hold_see(hold);
	return true;
}

bool socket_hold_cookie(struct socket_hold *hold, uint64_t cookie)
{
	uint32_t count = socket_count();

	hold->socket = NULL;
	for (uint32_t i = 0; cookie && i < count; i++) {
		const struct socket *socket = socket_at(i);

		if (!socket || __atomic_load_n(&socket->cookie, __ATOMIC_RELAXED) != cookie || !socket_hold_at(hold, i))
			continue;
		if (__atomic_load_n(&hold->socket->cookie, __ATOMIC_RELAXED) == cookie)
			return true;
		socket_release(hold);
	}
	return false;
}

void socket_hold_keep(struct socket_hold *hold)
{
	if (!hold->socket || !hold->slot)
		return;
	socket_keep(hold->socket);
	hold_give_back(hold->slot);
	hold->slot = NULL;
}

void socket_for_each(void (*visit)(struct socket_hold *hold))
{
	uint32_t count = socket_count();

	for (uint32_t i = 0; i < count; i++) {
		struct socket_hold hold;

		if (!socket_hold_at(&hold, i))
			continue;
		visit(&hold);
		socket_release(&hold);
	}
}
