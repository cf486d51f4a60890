/*
 * audit_anew.c: a TCP socket that its program takes apart and uses again. connect() with AF_UNSPEC dissolves the
 * connection; so do a second connect() after the first one failed, and shutdown() of a socket that listens or is
 * connecting (net/ipv4/af_inet.c inet_shutdown calls tcp_disconnect for those).
 *
 * The kernel's counters begin anew with it, and SIOCOUTQ says nonsense until then: tcp_disconnect (net/ipv4/tcp.c)
 * moves write_seq and leaves snd_una, so 65,538 bytes "wait" where nothing does. What is known of the old connection
 * therefore ends with it: the old record is closed, and a new one begins.
 */
#include "shim/audit/audit_anew.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include "shim/audit/audit_fate.h"
#include "shim/audit/audit_sandbox.h"
#include "shim/audit/audit_socket.h"
#include "shim/base/kernel.h"
#include "shim/base/process.h"
#include "shim/base/shared.h"
#include "shim/socket/probe.h"
#include "shim/socket/record.h"
#include "shim/socket/socket.h"
#include "shim/socket/socket_hold.h"

static bool is_unspecified(const void *address, uint32_t length)
{
	sa_family_t family = AF_INET;

	return length >= sizeof(family) && kernel_copy(&family, address, sizeof(family)) && family == AF_UNSPEC;
}

void audit_dissolve_begin(struct socket_hold *hold, const void *address, uint32_t length)
{
	const struct socket *socket = hold->socket;

	if (socket->protocol == TRACE_TCP && shared_get(socket->state) & SOCKET_CONNECTED &&
		record_is_current(socket) && !process_is_borrowed() && is_unspecified(address, length) &&
		audit_verify(hold))
		audit_look_before_connect(hold, kernel_now_ns());
}

bool audit_dissolved(struct socket_hold *hold, const void *address, uint32_t length)
{
	struct socket *socket = hold->socket;

	if (socket->protocol != TRACE_TCP || !is_unspecified(address, length))
		return false;
	if (shared_get(socket->state) & (SOCKET_CONNECTED | SOCKET_TOLD) || shared_get(hold->record->reset_ns))
		audit_begin_anew(hold, TRACE_SOCKET_CALL);
	else
		__atomic_fetch_and(&socket->state, ~(uint32_t)SOCKET_CONNECTING, __ATOMIC_RELAXED);
	return true;
}

void audit_begin_anew(struct socket_hold *hold, enum trace_origin origin)
{
	bool shared = audit_may_be_shared(hold);

	record_continue(hold, origin);
	if (shared) /* which the time of the new record does not tell */
		__atomic_fetch_or(&hold->socket->state, SOCKET_SHARED, __ATOMIC_RELAXED);
}

bool audit_shutdown_dissolves(const struct socket_hold *hold)
{
	struct socket *socket = hold->socket;
	struct probe_tcp tcp;

	if (socket->protocol != TRACE_TCP || shared_get(socket->state) & SOCKET_CONNECTED || !audit_may_probe() ||
		!probe_tcp(hold->fd, &tcp) || !socket_hold_is_current(hold) ||
		(tcp.state != TCP_CLOSE && tcp.state != TCP_LISTEN))
		return false;
	__atomic_fetch_and(&socket->state, ~(uint32_t)SOCKET_CONNECTING, __ATOMIC_RELAXED);
	return true;
}
