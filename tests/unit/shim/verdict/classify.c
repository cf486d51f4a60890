/*
 * classify.c: every rule of the verdicts, both ways; docs/KERNEL.md's table of what the kernel shows, row by row.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "shim/verdict/classify.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* What poll(POLLRDHUP | POLLOUT) says in each state. */
#define OPEN POLLOUT
#define HALF (POLLOUT | POLLRDHUP)
#define OVER (POLLOUT | POLLRDHUP | POLLHUP)

static void expect_verdict(const char *name, struct verdict is, struct verdict wanted)
{
	cr_expect(is.kind == wanted.kind, "%s: kind %d, not %d", name, is.kind, wanted.kind);
	cr_expect(is.knowledge == wanted.knowledge, "%s: knowledge %d, not %d", name, is.knowledge, wanted.knowledge);
	cr_expect(is.counter == wanted.counter, "%s: counter %d, not %d", name, is.counter, wanted.counter);
	cr_expect(is.flags == wanted.flags, "%s: flags %x, not %x", name, is.flags, wanted.flags);
}

/* ---- before the write ---- */

/* A write as it is judged before it is made. `verdict.kind` 0: nothing wrong. */
struct before {
	const char *name;
	struct classify_facts facts;
	bool suspect;
	bool epipe; /* the write may raise SIGPIPE */
	struct verdict verdict;
};

#define TCP_FACTS .protocol = TRACE_TCP
#define UNIX_FACTS .protocol = TRACE_UNIX_STREAM
#define SEQPACKET_FACTS .protocol = TRACE_UNIX_SEQPACKET

#define PEER_CLOSED(who, more) TRACE_WRITE_AFTER_PEER_CLOSE, who, COUNT_AFTER_PEER_CLOSE, more
#define RESET(who, more) TRACE_WRITE_AFTER_RESET, who, COUNT_AFTER_RESET, more
#define SHUT TRACE_WRITE_AFTER_SHUTDOWN, TRACE_TOLD, COUNT_AFTER_SHUTDOWN, 0
#define UNCONNECTED(more) TRACE_WRITE_BEFORE_CONNECT, TRACE_TOLD, COUNT_BEFORE_CONNECT, more
#define INNOCENT 0, 0, 0, 0

/* Rows A to J of docs/KERNEL.md, section 1, first and second writes: what the kernel was measured to say. */
static const struct before rows[] = {
	{"A half-close, untold", {TCP_FACTS, .connected = true, .revents = HALF, .tcp_before = TCP_CLOSE_WAIT}, true,
		false, {PEER_CLOSED(TRACE_KERNEL, 0)}},
	{"A half-close, told",
		{TCP_FACTS, .connected = true, .told = true, .revents = HALF, .tcp_before = TCP_CLOSE_WAIT}, true,
		false, {PEER_CLOSED(TRACE_TOLD, 0)}},
	/* B looks the same before its first write; the reset that answers it leaves EPIPE behind as the pending error */
	{"B second write", {TCP_FACTS, .connected = true, .revents = OVER | POLLERR, .tcp_before = TCP_CLOSE}, true,
		true, {RESET(TRACE_KERNEL, 0)}},
	{"B third write", {TCP_FACTS, .connected = true, .told = true, .revents = OVER, .tcp_before = TCP_CLOSE}, true,
		true, {RESET(TRACE_TOLD, 0)}},
	{"C reset, untold", {TCP_FACTS, .connected = true, .revents = OVER | POLLERR, .tcp_before = TCP_CLOSE}, true,
		true, {RESET(TRACE_KERNEL, 0)}},
	{"C reset, poll told of it",
		{TCP_FACTS, .connected = true, .told = true, .revents = OVER | POLLERR, .tcp_before = TCP_CLOSE}, true,
		true, {RESET(TRACE_TOLD, 0)}},
	{"C2 reset, SO_ERROR was read",
		{TCP_FACTS, .connected = true, .told = true, .revents = OVER, .tcp_before = TCP_CLOSE}, true, true,
		{RESET(TRACE_TOLD, 0)}},
	{"D reset, read took the error",
		{TCP_FACTS, .connected = true, .told = true, .revents = OVER, .tcp_before = TCP_CLOSE}, true, true,
		{RESET(TRACE_TOLD, 0)}},
	{"E own shutdown",
		{TCP_FACTS, .connected = true, .own_shutdown_write = true, .revents = OPEN,
			.tcp_before = TCP_FIN_WAIT2},
		true, true, {SHUT}},
	{"F never connected", {TCP_FACTS, .revents = POLLOUT | POLLHUP, .tcp_before = TCP_CLOSE}, true, true,
		{UNCONNECTED(0)}},
	{"G peer's data unread", {TCP_FACTS, .connected = true, .revents = HALF, .tcp_before = TCP_CLOSE_WAIT}, true,
		false, {PEER_CLOSED(TRACE_KERNEL, 0)}},
	{"H unix peer closed", {UNIX_FACTS, .connected = true, .revents = OVER}, true, true,
		{PEER_CLOSED(TRACE_KERNEL, 0)}},
	{"H unix peer closed, told", {UNIX_FACTS, .connected = true, .told = true, .revents = OVER}, true, true,
		{PEER_CLOSED(TRACE_TOLD, 0)}},
	{"H seqpacket peer closed", {SEQPACKET_FACTS, .connected = true, .revents = OVER}, true, true,
		{PEER_CLOSED(TRACE_KERNEL, 0)}},
	{"H2 unix peer shut its writing half", {UNIX_FACTS, .connected = true, .revents = HALF}, true, false,
		{PEER_CLOSED(TRACE_KERNEL, TRACE_INCIDENT_PEER_SHUTDOWN)}},
	{"H3 unix peer shut its reading half", {UNIX_FACTS, .connected = true, .revents = OPEN}, false, false,
		{INNOCENT}},
	{"I TCP peer shut its reading half",
		{TCP_FACTS, .connected = true, .revents = OPEN, .tcp_before = TCP_ESTABLISHED}, false, false,
		{INNOCENT}},
	{"J empty write on a reset socket",
		{TCP_FACTS, .connected = true, .revents = OVER | POLLERR, .tcp_before = TCP_CLOSE}, true, true,
		{RESET(TRACE_KERNEL, 0)}},
	{"K silent peer", {TCP_FACTS, .connected = true, .revents = OPEN, .tcp_before = TCP_ESTABLISHED}, false, false,
		{INNOCENT}},
};

/* Further rules, each beside the case that it must not touch. */
static const struct before rules[] = {
	{"open", {TCP_FACTS, .connected = true, .revents = OPEN, .tcp_before = TCP_ESTABLISHED}, false, false,
		{INNOCENT}},
	{"send buffer full", {TCP_FACTS, .connected = true, .tcp_before = TCP_ESTABLISHED}, false, false, {INNOCENT}},
	{"connecting", {TCP_FACTS, .connecting = true, .tcp_before = TCP_SYN_SENT}, true, false,
		{UNCONNECTED(TRACE_INCIDENT_CONNECTING)}},
	{"connecting on the other side", {TCP_FACTS, .connecting = true, .tcp_before = TCP_SYN_RECV}, true, false,
		{UNCONNECTED(TRACE_INCIDENT_CONNECTING)}},
	{"connect has come about", {TCP_FACTS, .connecting = true, .revents = OPEN, .tcp_before = TCP_ESTABLISHED},
		false, false, {INNOCENT}},
	{"connect has failed, untold",
		{TCP_FACTS, .connecting = true, .revents = OVER | POLLERR, .tcp_before = TCP_CLOSE}, true, true,
		{TRACE_WRITE_BEFORE_CONNECT, TRACE_KERNEL, COUNT_BEFORE_CONNECT, 0}},
	{"connect has failed, told",
		{TCP_FACTS, .connecting = true, .told = true, .revents = OVER, .tcp_before = TCP_CLOSE}, true, true,
		{UNCONNECTED(0)}},
	{"fast open under way", {TCP_FACTS, .connecting = true, .fast_open = true, .tcp_before = TCP_SYN_SENT}, true,
		false, {INNOCENT}},
	{"fast open before its first write",
		{TCP_FACTS, .fast_open = true, .revents = POLLOUT | POLLHUP, .tcp_before = TCP_CLOSE}, true, false,
		{INNOCENT}},
	{"fast open, then reset",
		{TCP_FACTS, .connected = true, .fast_open = true, .revents = OVER | POLLERR, .tcp_before = TCP_CLOSE},
		true, true, {RESET(TRACE_KERNEL, 0)}},
	{"listening", {TCP_FACTS, .tcp_before = TCP_LISTEN}, false, true, {UNCONNECTED(0)}},
	{"own shutdown, FIN not acknowledged",
		{TCP_FACTS, .connected = true, .own_shutdown_write = true, .revents = OPEN,
			.tcp_before = TCP_FIN_WAIT1},
		true, true, {SHUT}},
	{"own shutdown and the peer's close",
		{TCP_FACTS, .connected = true, .own_shutdown_write = true, .revents = OVER, .tcp_before = TCP_LAST_ACK},
		true, true, {SHUT}},
	{"both at once",
		{TCP_FACTS, .connected = true, .own_shutdown_write = true, .revents = OVER, .tcp_before = TCP_CLOSING},
		true, true, {SHUT}},
	{"both, long ago",
		{TCP_FACTS, .connected = true, .own_shutdown_write = true, .revents = OVER,
			.tcp_before = TCP_TIME_WAIT},
		true, true, {SHUT}},
	{"own shutdown, then over",
		{TCP_FACTS, .connected = true, .own_shutdown_write = true, .revents = OVER, .tcp_before = TCP_CLOSE},
		true, true, {SHUT}},
	{"shut down elsewhere", {TCP_FACTS, .connected = true, .revents = OVER, .tcp_before = TCP_FIN_WAIT2}, true,
		true, {SHUT}},
	{"own shutdown of the reading half, TCP",
		{TCP_FACTS, .connected = true, .own_shutdown_read = true, .revents = HALF,
			.tcp_before = TCP_ESTABLISHED},
		true, false, {INNOCENT}},
	{"own shutdown of the reading half, and the peer's close",
		{TCP_FACTS, .connected = true, .own_shutdown_read = true, .revents = HALF,
			.tcp_before = TCP_CLOSE_WAIT},
		true, false, {PEER_CLOSED(TRACE_KERNEL, 0)}},
	{"not asked for its state", {TCP_FACTS, .connected = true, .revents = OVER}, true, false, {INNOCENT}},
	{"unix open", {UNIX_FACTS, .connected = true, .revents = OPEN}, false, false, {INNOCENT}},
	{"unix queue full", {UNIX_FACTS, .connected = true}, false, false, {INNOCENT}},
	{"unix own shutdown", {UNIX_FACTS, .connected = true, .own_shutdown_write = true, .revents = OPEN}, true, true,
		{SHUT}},
	{"unix own shutdown, peer closed", {UNIX_FACTS, .connected = true, .own_shutdown_write = true, .revents = OVER},
		true, true, {SHUT}},
	{"unix own shutdown of the reading half",
		{UNIX_FACTS, .connected = true, .own_shutdown_read = true, .revents = HALF}, false, false, {INNOCENT}},
	{"unix own shutdown of the reading half, peer closed",
		{UNIX_FACTS, .connected = true, .own_shutdown_read = true, .revents = OVER}, true, true,
		{PEER_CLOSED(TRACE_KERNEL, 0)}},
	{"unix peer closed with our data unread", {UNIX_FACTS, .connected = true, .revents = OVER | POLLERR}, true,
		true, {PEER_CLOSED(TRACE_KERNEL, 0)}},
	{"unix never connected", {UNIX_FACTS, .revents = POLLOUT | POLLHUP}, true, false, {UNCONNECTED(0)}},
	{"seqpacket peer shut its writing half", {SEQPACKET_FACTS, .connected = true, .revents = HALF}, true, false,
		{PEER_CLOSED(TRACE_KERNEL, TRACE_INCIDENT_PEER_SHUTDOWN)}},
	{"UDP with an ICMP error pending", {.protocol = TRACE_UDP, .connected = true, .revents = POLLOUT | POLLERR},
		true, false, {INNOCENT}},
	{"unix datagram", {.protocol = TRACE_UNIX_DGRAM, .connected = true, .revents = POLLOUT}, false, false,
		{INNOCENT}},
};

static void expect_before(const struct before *row)
{
	struct verdict verdict = classify_before(&row->facts);

	cr_expect(classify_is_suspect(&row->facts) == row->suspect, "%s: suspect or not", row->name);
	expect_verdict(row->name, verdict, row->verdict);
	if (row->verdict.kind)
		cr_expect(classify_expects_epipe(&verdict, &row->facts) == row->epipe, "%s: expects EPIPE or not",
			row->name);
}

Test(classify, rows_of_the_field_notes)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_before(&rows[i]);
}

Test(classify, rules_before_the_write)
{
	for (size_t i = 0; i < COUNT_OF(rules); i++)
		expect_before(&rules[i]);
}

/* Only what is suspect is looked at closely: a verdict that begins with nothing suspicious would never be asked for. */
Test(classify, unix_verdicts_begin_with_a_suspicion)
{
	static const short events[] = {0, OPEN, HALF, POLLOUT | POLLHUP, OVER, OVER | POLLERR};

	for (size_t i = 0; i < 4 * COUNT_OF(events); i++) {
		struct classify_facts facts = {
			.protocol = TRACE_UNIX_STREAM,
			.connected = true,
			.own_shutdown_read = i & 1,
			.own_shutdown_write = i & 2,
			.revents = events[i / 4],
		};

		cr_expect(classify_is_suspect(&facts) == (classify_before(&facts).kind != 0), "case %zu", i);
	}
}

/* ---- a write that looked harmless and failed ---- */

struct failure {
	const char *name;
	struct classify_facts facts;
	struct verdict verdict;
};

#define UDP_FACTS .protocol = TRACE_UDP
#define UNIX_DATAGRAM_FACTS .protocol = TRACE_UNIX_DGRAM

static const struct failure failures[] = {
	{"TCP, reset in between",
		{TCP_FACTS, .connected = true, .revents = OPEN, .tcp_after = TCP_CLOSE, .error = ECONNRESET},
		{TRACE_WRITE_AFTER_RESET, TRACE_KERNEL, COUNT_NONE, TRACE_INCIDENT_RACE}},
	{"TCP, reset, and the program knew",
		{TCP_FACTS, .connected = true, .told = true, .revents = OPEN, .tcp_after = TCP_CLOSE, .error = EPIPE},
		{TRACE_WRITE_AFTER_RESET, TRACE_TOLD, COUNT_NONE, TRACE_INCIDENT_RACE}},
	{"TCP, timed out in a blocking write",
		{TCP_FACTS, .connected = true, .revents = OPEN, .tcp_after = TCP_CLOSE, .error = ETIMEDOUT},
		{TRACE_WRITE_AFTER_RESET, TRACE_KERNEL, COUNT_NONE, TRACE_INCIDENT_RACE}},
	/* poll shows nothing of a writing half that another process shut, so this is no race */
	{"TCP, shut down by another process",
		{TCP_FACTS, .connected = true, .revents = OPEN, .tcp_after = TCP_FIN_WAIT2, .error = EPIPE}, {SHUT}},
	{"TCP, not probed, reset", {TCP_FACTS, .connected = true, .error = ECONNRESET}, {RESET(TRACE_KERNEL, 0)}},
	{"TCP, not probed, own shutdown", {TCP_FACTS, .connected = true, .own_shutdown_write = true, .error = EPIPE},
		{SHUT}},
	{"TCP, not probed, never connected", {TCP_FACTS, .error = EPIPE}, {UNCONNECTED(0)}},
	{"TCP, not connected", {TCP_FACTS, .error = ENOTCONN}, {UNCONNECTED(0)}},
	{"TCP, listening", {TCP_FACTS, .tcp_after = TCP_LISTEN, .error = EPIPE}, {UNCONNECTED(0)}},
	{"TCP, refused, untold", {TCP_FACTS, .connecting = true, .tcp_after = TCP_CLOSE, .error = ECONNREFUSED},
		{TRACE_WRITE_BEFORE_CONNECT, TRACE_KERNEL, COUNT_BEFORE_CONNECT, 0}},
	{"TCP, would block", {TCP_FACTS, .connected = true, .revents = OPEN, .error = EAGAIN}, {INNOCENT}},
	{"TCP, interrupted", {TCP_FACTS, .connected = true, .revents = OPEN, .error = EINTR}, {INNOCENT}},
	{"TCP, bad pointer", {TCP_FACTS, .connected = true, .revents = OPEN, .error = EFAULT}, {INNOCENT}},
	{"unix, peer shut its reading half (H3)", {UNIX_FACTS, .connected = true, .revents = OPEN, .error = EPIPE},
		{PEER_CLOSED(TRACE_KERNEL, TRACE_INCIDENT_PEER_SHUTDOWN | TRACE_INCIDENT_RACE)}},
	{"unix, not probed", {UNIX_FACTS, .connected = true, .error = EPIPE}, {PEER_CLOSED(TRACE_KERNEL, 0)}},
	{"unix, own shutdown, not probed", {UNIX_FACTS, .connected = true, .own_shutdown_write = true, .error = EPIPE},
		{SHUT}},
	{"unix, never connected", {UNIX_FACTS, .error = ENOTCONN}, {UNCONNECTED(0)}},
	{"seqpacket, never connected", {SEQPACKET_FACTS, .error = ENOTCONN}, {UNCONNECTED(0)}},
	{"unix, message too long", {SEQPACKET_FACTS, .connected = true, .revents = OPEN, .error = EMSGSIZE},
		{INNOCENT}},
	{"UDP, refused", {UDP_FACTS, .connected = true, .error = ECONNREFUSED},
		{RESET(TRACE_KERNEL, TRACE_INCIDENT_ICMP)}},
	{"UDP, refused, and told", {UDP_FACTS, .connected = true, .told = true, .error = ECONNREFUSED},
		{RESET(TRACE_TOLD, TRACE_INCIDENT_ICMP)}},
	{"UDP, unconnected", {UDP_FACTS, .error = ENETUNREACH}, {INNOCENT}},
	{"UDP, no destination", {UDP_FACTS, .error = ENOTCONN}, {INNOCENT}},
	{"UDP, own shutdown", {UDP_FACTS, .connected = true, .own_shutdown_write = true, .error = EPIPE}, {SHUT}},
	{"unix datagram, nobody bound any more", {UNIX_DATAGRAM_FACTS, .connected = true, .error = ECONNREFUSED},
		{PEER_CLOSED(TRACE_KERNEL, 0)}},
	{"unix datagram, own shutdown",
		{UNIX_DATAGRAM_FACTS, .connected = true, .own_shutdown_write = true, .error = EPIPE}, {SHUT}},
	{"unix datagram, unconnected", {UNIX_DATAGRAM_FACTS, .error = ENOTCONN}, {INNOCENT}},
	{"another protocol", {.protocol = TRACE_OTHER, .connected = true, .error = EPIPE}, {INNOCENT}},
};

Test(classify, failures)
{
	for (size_t i = 0; i < COUNT_OF(failures); i++)
		expect_verdict(failures[i].name, classify_failure(&failures[i].facts), failures[i].verdict);
}

/* ---- errors ---- */

Test(classify, errors_that_end_a_connection)
{
	static const int ends[] = {ECONNRESET, EPIPE, ETIMEDOUT, ECONNREFUSED, ECONNABORTED, EHOSTUNREACH, ENETUNREACH,
		EHOSTDOWN, ENETDOWN, ENETRESET, ENONET, EPROTO, ENOPROTOOPT};
	static const int others[] = {0, EAGAIN, EINTR, EBADF, EFAULT, EINVAL, EMSGSIZE, ENOBUFS, ENOMEM, ENOTCONN,
		ENOTSOCK, EOPNOTSUPP, EACCES, EDESTADDRREQ, EALREADY, EISCONN, EINPROGRESS};

	for (size_t i = 0; i < COUNT_OF(ends); i++)
		cr_expect(classify_is_end(ends[i]), "%d", ends[i]);
	for (size_t i = 0; i < COUNT_OF(others); i++)
		cr_expect_not(classify_is_end(others[i]), "%d", others[i]);
}

Test(classify, errors_that_ask_to_try_again)
{
	const struct verdict peer_closed = {PEER_CLOSED(TRACE_KERNEL, 0)};
	const struct verdict connecting = {UNCONNECTED(TRACE_INCIDENT_CONNECTING)};

	cr_expect(classify_is_retry(&peer_closed, EINTR));
	cr_expect(classify_is_retry(&peer_closed, EAGAIN));
	cr_expect(classify_is_retry(&peer_closed, ENOBUFS));
	cr_expect_not(classify_is_retry(&peer_closed, EPIPE));
	cr_expect_not(classify_is_retry(&peer_closed, ECONNRESET));
	/* before the connect has come about, "try again" is the answer to be reported */
	cr_expect(classify_is_retry(&connecting, EINTR));
	cr_expect_not(classify_is_retry(&connecting, EAGAIN));
}

/* ---- connects ---- */

Test(classify, whether_a_connect_came_about)
{
	static const uint8_t stands[] = {TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_TIME_WAIT, TCP_CLOSE_WAIT,
		TCP_LAST_ACK, TCP_CLOSING};
	static const uint8_t never[] = {TCP_SYN_SENT, TCP_SYN_RECV, TCP_LISTEN, TCP_CLOSE};

	for (size_t i = 0; i < COUNT_OF(stands); i++)
		cr_expect(classify_has_connected(stands[i], 0), "%d", stands[i]);
	for (size_t i = 0; i < COUNT_OF(never); i++)
		cr_expect_not(classify_has_connected(never[i], 0), "%d", never[i]);
	/* over by now, but the SYN had been acknowledged */
	cr_expect(classify_has_connected(TCP_CLOSE, 1));
}
