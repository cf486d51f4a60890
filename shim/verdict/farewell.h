/*
 * farewell.h: whether a payload is a protocol's goodbye, judged by its first bytes and its length. Pure: nothing is
 * kept, no system call, any thread and signal handler.
 *
 * A farewell goes into a connection that its sender is about to close, and nobody misses it where the peer was
 * faster: so an incident that is one is a note (TRACE_INCIDENT_FAREWELL). A payload is one only as a whole: data with
 * a goodbye behind it is data. What travels inside encryption and cannot be told by its shape (SSH's disconnect, SMTP
 * under TLS) is not recognised, nor is a plain "+OK" that answers POP3's QUIT.
 */
#ifndef SOCKSAN_FAREWELL_H
#define SOCKSAN_FAREWELL_H

#include <stddef.h>

#define FAREWELL_BYTES 32 /* of a payload, enough for every rule */

enum farewell {
	FAREWELL_NONE = 0,
	FAREWELL_TLS_CLOSE, /* a TLS alert: close_notify, or encrypted and so in all likelihood that */
	/*
	 * A TLS 1.3 record as long as an encrypted alert. Everything in TLS 1.3 looks like application data (RFC 8446
	 * section 5.2), so it could be a message of two bytes just as well; or of three, under TLS 1.2 with ChaCha20.
	 * Programs send such messages seldom, and close_notify at the end of nearly every connection.
	 */
	FAREWELL_TLS_CLOSE_LIKELY,
	FAREWELL_HTTP2_GOAWAY,
	FAREWELL_WEBSOCKET_CLOSE,
	FAREWELL_REPLY_221, /* SMTP and FTP */
	FAREWELL_QUIT, /* SMTP, FTP, POP3 */
	FAREWELL_IMAP_BYE,
	FAREWELL_IMAP_LOGOUT,
};

/* Which end of the connection sends. */
enum farewell_side { FAREWELL_SIDE_UNKNOWN, FAREWELL_SIDE_CLIENT, FAREWELL_SIDE_SERVER };

/*
 * Judges a payload of `length` bytes, of which the first `known` are at `bytes`: all of them, or at least
 * FAREWELL_BYTES. `side` rules out what only the other end says.
 */
enum farewell farewell_recognise(const void *bytes, size_t known, size_t length, enum farewell_side side);

#endif
