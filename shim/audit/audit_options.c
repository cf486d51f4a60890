/*
 * audit_options.c: the options of a socket that decide when the kernel tells of a dead peer, or what a close does with
 * unsent bytes.
 */
#include "shim/audit/audit_options.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "shim/audit/audit_socket.h"
#include "shim/base/older_headers.h"
#include "shim/base/process.h"
#include "shim/base/shared.h"
#include "shim/socket/record.h"
#include "shim/socket/socket_hold.h"

static void set_flag(struct trace_socket *record, uint32_t flag, bool on)
{
	if (on)
		__atomic_fetch_or(&record->flags, flag, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&record->flags, ~flag, __ATOMIC_RELAXED);
}

static void set_tcp_option(const struct socket_hold *hold, int name, int number)
{
	struct trace_socket *record = hold->record;

	switch (name) {
	case TCP_KEEPIDLE: shared_set(record->keepalive_idle_s, (uint32_t)number); break;
	case TCP_KEEPINTVL: shared_set(record->keepalive_interval_s, (uint32_t)number); break;
	case TCP_KEEPCNT: shared_set(record->keepalive_count, (uint32_t)number); break;
	case TCP_USER_TIMEOUT: shared_set(record->user_timeout_ms, (uint32_t)number); break;
	case TCP_FASTOPEN_CONNECT:
		if (number)
			__atomic_fetch_or(&hold->socket->state, SOCKET_FAST_OPEN, __ATOMIC_RELAXED);
		break;
	default: break;
	}
}

/* The other options, TCP_NODELAY and TCP_CORK above all, are set too often to be looked at. */
bool audit_follows_option(int level, int name)
{
	if (level == SOL_SOCKET)
		return name == SO_KEEPALIVE || name == SO_LINGER;
	return level == IPPROTO_TCP && (name == TCP_KEEPIDLE || name == TCP_KEEPINTVL || name == TCP_KEEPCNT ||
					       name == TCP_USER_TIMEOUT || name == TCP_FASTOPEN_CONNECT);
}

static void set_linger(struct socket *socket, const struct linger *linger)
{
	if (linger->l_onoff && linger->l_linger == 0)
		__atomic_fetch_or(&socket->state, SOCKET_LINGER_ZERO, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&socket->state, ~(uint32_t)SOCKET_LINGER_ZERO, __ATOMIC_RELAXED);
}

void audit_set_option(int fd, int level, int name, const void *value, uint32_t length, uint64_t turn)
{
	struct socket_hold hold;
	struct linger linger;
	int number;

	if (length < sizeof(number) || !audit_follows_option(level, name))
		return;
	if (process_is_borrowed() || !audit_hold_as_of(&hold, fd, turn))
		return;
	record_renew(&hold);
	memcpy(&number, value, sizeof(number));
	if (level == IPPROTO_TCP) {
		set_tcp_option(&hold, name, number);
	} else if (name == SO_KEEPALIVE) {
		set_flag(hold.record, TRACE_SOCKET_KEEPALIVE, number != 0);
	} else if (name == SO_LINGER && length >= sizeof(linger)) {
		memcpy(&linger, value, sizeof(linger));
		set_linger(hold.socket, &linger);
	}
	socket_release(&hold);
}
