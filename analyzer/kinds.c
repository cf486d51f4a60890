/*
 * kinds.c: the table. See kinds.h.
 */
#include "analyzer/kinds.h"

#include <errno.h>
#include <string.h>

#define GOODBYE TRACE_INCIDENT_FAREWELL

static const struct kind kinds[] = {
	{
		.id = "write-after-peer-close",
		.summary = "the peer's FIN (TCP), or the peer's close or shutdown (AF_UNIX)",
		.event = "the peer closed",
		.past_event = "the peer had closed",
		.told = SEVERITY_ERROR,
		.kernel = SEVERITY_WARNING,
		.nobody = SEVERITY_WARNING,
		.note_flags = GOODBYE,
		.note_if_delivered = true,
		.warn_if_unconfirmed = true,
		.meaning =
			"The peer had ended its side of the connection when the program wrote. On TCP such a write "
			"still "
			"returns success: the kernel cannot tell a peer that closed only its sending half, and goes on "
			"reading, from one that is gone. Where the peer is gone, it answers with a reset, the bytes "
			"are "
			"lost although the call succeeded, and the next write fails with EPIPE and raises SIGPIPE. On "
			"AF_UNIX the first write fails at once. Where the peer had closed only its sending half, its "
			"TCP "
			"acknowledges the bytes, and the incident is a note: that is legitimate use.",
		.causes =
			"The program does not act on a read that returned 0 (or on POLLRDHUP, EPOLLRDHUP) and goes on "
			"sending what it had queued. A request is answered long after it came, without a look at "
			"whether "
			"the client is still there. A pooled connection is used again after the server's idle timeout "
			"closed it. One thread reads the end and another, which writes, is not told.",
		.fix = "Treat a read of 0 bytes as the end for writing too, unless the protocol uses half-closed "
		       "connections. "
		       "Drop what is queued for that peer and close. Before a pooled connection is used again, check "
		       "that it "
		       "is readable: an idle connection that is readable has ended. Give the peer's idle timeout a "
		       "margin. "
		       "Where delivery matters, let the application protocol acknowledge.",
		.usually = "a read returned 0, and the code that writes was not told, or answered anyway",
		.usually_untold = "nobody reads from this connection while it is idle or being written to, so its end "
				  "goes unseen",
		.usually_delivered = "the peer shut down its sending half and read on, which is legitimate",
	},
	{
		.id = "write-after-reset",
		.summary = "a reset, a timeout or an unreachable error that ended the connection",
		.event = "the connection was reset",
		.past_event = "the connection had been reset",
		.told = SEVERITY_ERROR,
		.kernel = SEVERITY_WARNING,
		.nobody = SEVERITY_WARNING,
		.note_flags = GOODBYE | TRACE_INCIDENT_ICMP,
		.meaning =
			"The connection had ended by a reset, by a timeout, or by an error that made the peer "
			"unreachable. "
			"Nothing can be sent on it any more. The first call after a reset fails with ECONNRESET, later "
			"writes with EPIPE and SIGPIPE. A connected UDP socket that reports an ICMP error "
			"(ECONNREFUSED) is "
			"shown as a note: the next datagram may well find somebody.",
		.causes = "An error of an earlier read or write was logged and otherwise ignored. The peer closed with "
			  "data "
			  "unread, which resets the connection: often a client that hangs up in the middle of a large "
			  "answer. "
			  "An earlier write after the peer's close drew the reset, and writing went on.",
		.fix = "After ECONNRESET, EPIPE or ETIMEDOUT from any call on the socket, stop writing and close it; a "
		       "retry needs "
		       "a new connection. Ignore SIGPIPE or use MSG_NOSIGNAL, and look at the return value of every "
		       "write.",
		.usually =
			"an earlier error on this socket was ignored, or the peer hung up while it was being answered",
		.usually_later = "the peer closed or was killed while these bytes were on their way or not read yet",
	},
	{
		.id = "write-after-shutdown",
		.summary = "the program's own shutdown of the writing half",
		.event = "it had shut down its writing half",
		.past_event = "it had shut down its writing half",
		.told = SEVERITY_ERROR,
		.kernel = SEVERITY_ERROR,
		.nobody = SEVERITY_ERROR,
		.note_flags = GOODBYE,
		.meaning = "The program had called shutdown with SHUT_WR or SHUT_RDWR on this socket and then wrote to "
			   "it. The "
			   "write fails with EPIPE and raises SIGPIPE, and the peer has been told that nothing more "
			   "would come.",
		.causes = "One part of the program ends the conversation while another still has something queued. A "
			  "TLS library "
			  "sends its close_notify after the transport below it was shut down. Two threads share the "
			  "socket.",
		.fix = "Let one place own the end of a connection: flush what is queued, then shut down, then only "
		       "read. In TLS, "
		       "end the session first and the transport after it.",
		.usually = "one part of the program ended the conversation while another still had something to send",
	},
	{
		.id = "write-after-close",
		.summary = "the program's own close of that descriptor",
		.event = "it had closed the descriptor",
		.past_event = "it had closed the descriptor",
		.told = SEVERITY_ERROR,
		.kernel = SEVERITY_ERROR,
		.nobody = SEVERITY_ERROR,
		.meaning = "The program closed a descriptor and then used its number. This time the number was free "
			   "and the call "
			   "failed with EBADF. Had another file or connection been opened in between, the bytes would "
			   "have "
			   "gone there.",
		.causes = "Two owners of one descriptor. A callback or timer that outlives its connection. A copy of "
			  "the number kept "
			  "in a structure that was not cleared at the close.",
		.fix = "Give each descriptor one owner; set the variable to -1 where it is closed; cancel timers and "
		       "callbacks of a "
		       "connection before closing it. Run with SOCKSAN_OPTIONS=quarantine=64, which keeps closed "
		       "numbers from "
		       "being used again, so that such uses fail where they happen.",
		.usually = "a second owner of the descriptor, or a callback that outlived its connection",
	},
	{
		.id = "write-to-reused-fd",
		.summary = "its own close, and the number now names another socket or file",
		.event = "it had closed the descriptor, whose number now names another file",
		.past_event = "it had closed the descriptor, whose number now names another file",
		.told = SEVERITY_ERROR,
		.kernel = SEVERITY_ERROR,
		.nobody = SEVERITY_ERROR,
		.meaning = "The program closed a descriptor, the number was given to another socket or file, and the "
			   "part of the "
			   "program that still held the old number wrote to it. The call succeeds, on somebody else's "
			   "connection.",
		.causes = "A use after close, as in write-after-close, in a busy program where numbers are soon used "
			  "again.",
		.fix = "As for write-after-close: one owner for each descriptor, and nothing that holds its number "
		       "after the close.",
		.usually = "a use after close, and meanwhile another connection was given the number",
	},
	{
		.id = "write-before-connect",
		.summary = "nothing yet: the socket was never connected, or is still connecting",
		.event = "it was connected",
		.past_event = "the socket was connected",
		.told = SEVERITY_ERROR,
		.kernel = SEVERITY_ERROR,
		.nobody = SEVERITY_ERROR,
		.meaning = "The socket had no connection when the program wrote to it. On a socket that was never "
			   "connected the write "
			   "fails (EPIPE with SIGPIPE, or ENOTCONN). While a non-blocking connect is under way it "
			   "fails with "
			   "EAGAIN, which is a note: a program may try and wait.",
		.causes = "The result of connect was not looked at. A non-blocking connect was taken for done when the "
			  "socket became "
			  "writable, without asking SO_ERROR whether it had succeeded.",
		.fix = "Check what connect returned. After EINPROGRESS, wait until the socket is writable and ask "
		       "SO_ERROR before the "
		       "first write.",
		.usually = "connect failed, or had not finished, and its result was not looked at",
	},
	{
		.id = "write-to-silent-peer",
		.summary = "bytes sent earlier have stayed unacknowledged through retransmissions (link gone, peer "
			   "frozen)",
		.event = "the peer fell silent",
		.past_event = "the peer had fallen silent",
		.told = SEVERITY_WARNING,
		.kernel = SEVERITY_WARNING,
		.nobody = SEVERITY_WARNING,
		.note_flags = GOODBYE,
		.note_if_delivered = true,
		.meaning = "Bytes sent before this write were still not acknowledged by the peer's TCP, although they "
			   "had been sent "
			   "again. The link is gone, the peer is frozen, or something on the way drops packets. Writes "
			   "go on "
			   "returning success until the send buffer is full or, many minutes later, the connection "
			   "times out.",
		.causes = "A cable, a wireless link or a virtual machine that went away without a word; a firewall or "
			  "load balancer "
			  "that forgot the connection; a peer that was suspended.",
		.fix = "Set TCP_USER_TIMEOUT, and keepalive for connections that only read, to the time after which "
		       "the peer should "
		       "count as gone; or exchange heartbeats in the application protocol.",
		.usually = "a link or peer that went away without a word, which only timeouts and heartbeats notice",
		.usually_delivered = "a link that was away for a while, or a peer that was suspended",
	},
	{
		.id = "lost-on-close",
		.summary = "(a close) the program's close threw away bytes: unread input or SO_LINGER 0 turned it into "
			   "a reset",
		.event = "the program closed",
		.past_event = "the program closed",
		.told = SEVERITY_ERROR,
		.kernel = SEVERITY_WARNING,
		.nobody = SEVERITY_WARNING,
		.meaning = "The program closed the socket in a way that resets the connection: input that it had not "
			   "read was still "
			   "waiting, or SO_LINGER was on with a time of 0. Bytes that it had written before, and that "
			   "the peer's TCP "
			   "had not acknowledged, were thrown away with it.",
		.causes = "An error answer is sent and the connection closed while the rest of the request is still "
			  "arriving. "
			  "SO_LINGER 0 is used to avoid TIME_WAIT.",
		.fix = "Shut down the writing half, read until the peer closes (with a limit and a timeout), then "
		       "close. Leave "
		       "SO_LINGER alone where data was sent.",
		.usually = "closed with input unread, or with SO_LINGER 0, right after writing",
	},
	{
		.id = "double-close",
		.summary = "(a close) the descriptor was already closed, or by now belongs to someone else",
		.event = "it had closed the descriptor",
		.past_event = "it had closed the descriptor",
		.told = SEVERITY_ERROR,
		.kernel = SEVERITY_ERROR,
		.nobody = SEVERITY_ERROR,
		.meaning = "The program closed a descriptor that it had closed before. Where the number had been given "
			   "to another "
			   "socket or file in between, that one was closed under its owner.",
		.causes = "Two owners of one descriptor, each closing it; an error path that closes what its caller "
			  "closes too; fclose "
			  "and close of the same number.",
		.fix = "Give each descriptor one owner, and set the variable to -1 where it is closed.",
		.usually = "two owners of one descriptor, or an error path that closes what its caller closes too",
	},
	{
		.id = "dropped-by-framework",
		.summary = "a runtime swallowed the write itself, so no system call was made (Twisted, asyncio)",
		.event = "the connection was lost",
		.past_event = "the connection had been lost",
		.told = SEVERITY_ERROR,
		.kernel = SEVERITY_WARNING,
		.nobody = SEVERITY_WARNING,
		.note_flags = GOODBYE,
		.meaning = "The program wrote to a transport of its runtime that had no connection: not any more, or "
			   "not yet. The "
			   "runtime threw the bytes away without a system call and, usually, without an exception or a "
			   "log. It "
			   "stays silent on purpose: a connection can end at any moment, also in the middle of an "
			   "honest loop of "
			   "writes, and to complain there would punish good programs and cost something in every "
			   "write. Nor would "
			   "it help: that a write was taken never means that the bytes arrived.",
		.causes =
			"A timed call (callLater, LoopingCall, call_later, a task that sleeps) that goes on after its "
			"connection. Code that awaits or is called back later, and does not look whether its "
			"connection was "
			"lost meanwhile. A write after the program's own loseConnection, close or abort, or before "
			"connectionMade.",
		.fix = "Stop in connectionLost (connection_lost) what belongs to the connection: cancel the timed call "
		       "or "
		       "the task, stop the LoopingCall. Before a write that comes later, look whether the connection "
		       "still "
		       "stands (in asyncio, transport.is_closing()). Where it matters that the peer gets the bytes, "
		       "let the "
		       "protocol acknowledge them.",
		.usually = "a callback or coroutine that outlived its connection",
	},
};

static const struct kind unknown = {
	.id = "unknown",
	.summary = "something that this version of socksan has no word for",
	.event = "the connection ended",
	.past_event = "the connection had ended",
	.told = SEVERITY_WARNING,
	.kernel = SEVERITY_WARNING,
	.nobody = SEVERITY_WARNING,
	.meaning = "The trace was written by a version of libsocksan that knows more kinds than this one.",
	.causes = "Unknown.",
	.fix = "Use the socksan that came with that libsocksan.",
	.usually = "this trace comes from a newer libsocksan",
};

const struct kind *kinds_all(size_t *count)
{
	*count = sizeof(kinds) / sizeof(kinds[0]);
	return kinds;
}

const struct kind *kinds_get(unsigned kind)
{
	_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == TRACE_DROPPED_BY_FRAMEWORK, "a row for each kind");

	return kind >= 1 && kind <= TRACE_DROPPED_BY_FRAMEWORK ? &kinds[kind - 1] : &unknown;
}

const struct kind *kinds_find(const char *id)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].id, id))
			return &kinds[i];
	return NULL;
}

const char *kinds_usually(const struct trace_incident *incident)
{
	const struct kind *kind = kinds_get(incident->kind);
	const char *usually = incident->knowledge == TRACE_NOBODY   ? kind->usually_later
			      : incident->knowledge == TRACE_KERNEL ? kind->usually_untold
								    : NULL;

	if (incident->flags & GOODBYE & kind->note_flags && incident->sigpipe != TRACE_SIGPIPE_FATAL)
		return "a goodbye of the protocol crossed the peer's close, which does no harm";
	if (incident->outcome == TRACE_DELIVERED && kind->usually_delivered)
		return kind->usually_delivered;
	return usually ? usually : kind->usually;
}

enum severity kinds_severity(const struct incident *incident)
{
	const struct kind *kind = kinds_get(incident->kind);
	bool tried_while_connecting = incident->kind == TRACE_WRITE_BEFORE_CONNECT &&
				      incident->flags & TRACE_INCIDENT_CONNECTING && incident->error == EAGAIN;
	enum severity severity = incident->knowledge == TRACE_TOLD     ? kind->told
				 : incident->knowledge == TRACE_KERNEL ? kind->kernel
								       : kind->nobody;

	/* A goodbye does no harm, unless the process dies of it. */
	if ((incident->flags & kind->note_flags && incident->sigpipe != TRACE_SIGPIPE_FATAL) || tried_while_connecting)
		return SEVERITY_NOTE;
	if (incident->outcome == TRACE_DELIVERED && kind->note_if_delivered)
		return SEVERITY_NOTE;
	/* Every close is the program's own doing; that it should have known better takes a call that told it. */
	if (incident->kind == TRACE_LOST_ON_CLOSE && !incident->told_by_call)
		return kind->kernel;
	if (incident->outcome == TRACE_UNCONFIRMED && kind->warn_if_unconfirmed && severity == SEVERITY_ERROR)
		return SEVERITY_WARNING;
	return severity;
}

static const char *name_of(const char *const *names, size_t count, unsigned value)
{
	return value < count && names[value] ? names[value] : "unknown";
}

#define NAME_OF(names, value) name_of(names, sizeof(names) / sizeof(names[0]), value)

const char *kinds_knowledge_name(unsigned knowledge)
{
	static const char *const names[] = {
		[TRACE_NOBODY] = "nobody", [TRACE_KERNEL] = "kernel", [TRACE_TOLD] = "told"};

	return NAME_OF(names, knowledge);
}

const char *kinds_outcome_name(unsigned outcome)
{
	static const char *const names[] = {[TRACE_UNCONFIRMED] = "unconfirmed",
		[TRACE_REJECTED] = "rejected",
		[TRACE_LOST] = "lost",
		[TRACE_DELIVERED] = "delivered"};

	return NAME_OF(names, outcome);
}

const char *kinds_sigpipe_name(unsigned sigpipe)
{
	static const char *const names[] = {
		[TRACE_SIGPIPE_NONE] = "none", [TRACE_SIGPIPE_RAISED] = "raised", [TRACE_SIGPIPE_FATAL] = "fatal"};

	return NAME_OF(names, sigpipe);
}

const char *kinds_severity_name(enum severity severity)
{
	static const char *const names[] = {
		[SEVERITY_NOTE] = "note", [SEVERITY_WARNING] = "warning", [SEVERITY_ERROR] = "error"};

	return NAME_OF(names, (unsigned)severity);
}
