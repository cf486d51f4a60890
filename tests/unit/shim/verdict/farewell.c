/*
 * farewell.c: goodbyes as real programs sent them, and what only looks like one. The TLS records are OpenSSL's,
 * one for each kind of cipher; the texts are those of vsftpd, Pure-FTPd, Postfix and Dovecot.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "shim/verdict/farewell.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define BYTES(literal) literal, sizeof(literal) - 1

struct row {
	const char *name;
	const char *bytes;
	size_t length;
	enum farewell_side side; /* 0: unknown */
	enum farewell wanted;
};

static enum farewell judge(const char *bytes, size_t length, enum farewell_side side)
{
	char first[FAREWELL_BYTES]; /* no more than a caller has, so that a sanitizer sees who looks further */
	size_t known = length < sizeof(first) ? length : sizeof(first);

	memcpy(first, bytes, known);
	return farewell_recognise(first, known, length, side);
}

static void expect_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		enum farewell is = judge(rows[i].bytes, rows[i].length, rows[i].side);

		cr_expect(is == rows[i].wanted, "%s: %d, not %d", rows[i].name, is, rows[i].wanted);
	}
}

/* ---- TLS ---- */

#define CLOSE_TLS13 "\x17\x03\x03\x00\x13\xaa\x4d\xba\x67\x0c\x2a\x4d\xff\x9f\x07\xf5\x15\x60\xb5\x55\x5f\xda\x76\x48"
#define CLOSE_GCM                                                                                                      \
	"\x15\x03\x03\x00\x1a\xc5\xa9\x7a\xc0\x6d\x77\x5d\x48\x18\x6e\xaf\xab\xae\x85\x2d\x5a\xc8\x23\x1e\x31\xd8\x29" \
	"\xee"                                                                                                         \
	"\x4e\x82\x58"
#define CLOSE_CHACHA20 "\x15\x03\x03\x00\x12\xaa\xf4\x30\x63\x43\xf3\x4f\xf3\xd8\x56\xa8\x72\x9c\xab\xae\x6e\xcb\x1c"
#define CLOSE_CCM                                                                                                      \
	"\x15\x03\x03\x00\x1a\x00\x00\x00\x00\x00\x00\x00\x02\xd4\xa4\xcf\xd2\xf4\xdb\x94\x49\xa7\x31\xa6\xa3\xb4\x34" \
	"\xed"                                                                                                         \
	"\xa9\x11\x01"
#define CLOSE_CBC_SHA1                                                                                                 \
	"\x15\x03\x03\x00\x34\x4a\xe9\x9e\x87\x4f\x5a\xef\x53\xdd\x23\x6a\x02\x13\xc1\x8c\xb5\x25\x9c\x14\xa0\x68\x32" \
	"\x84"                                                                                                         \
	"\x82\x85\xba\xf6\x4c\xc7\x14\xec\xb0\x70\x01\x0b\xb5\x4a\x7c\x85\x46\xa9\xbe\x84\x94\xea\x32\x02\xd5\xc4\x15" \
	"\x2d"                                                                                                         \
	"\xb2"
#define CLOSE_CBC_SHA384                                                                                               \
	"\x15\x03\x03\x00\x50\x37\x71\x0a\x3f\xd8\x84\x31\xe2\x6b\x40\xd8\x2e\x24\x93\xc2\x91\x86\x1e\xea\x9e\xc8\x5a" \
	"\xca"                                                                                                         \
	"\x4f\x5a\x54\x50\x5f\x2f\x6f\xf5\x73\x92\x7c\x47\x34\xe2\xc8\x83\x17\x67\xd3\x08\x0f\xab\x41\x5a\x22\xf5\x13" \
	"\x88"                                                                                                         \
	"\xf4\xd1\x38\x8d\x96\xbc\x3c\x9d\xda\xc8\xd4\x7a\x37\xaf\xe7\xda\x9f\x00\xa3\xf5\x5b\x00\xf5\xcf\xff\x06\x95" \
	"\xba"                                                                                                         \
	"\xdc"
#define CLOSE_TLS10                                                                                                    \
	"\x15\x03\x01\x00\x24\xf3\xb3\xc3\x02\x8f\xc0\x49\xeb\xec\x6e\x7f\x81\xa7\x53\xa2\x07\x27\xa5\x5b\x54\xe7\xca" \
	"\x50"                                                                                                         \
	"\x11\x86\x45\x18\x54\xc2\x6d\x2c\x2a\xe8\x27\xad\xca"
#define DATA_GCM                                                                                                       \
	"\x17\x03\x03\x00\x1a\x11\x22\x33\x44\x55\x66\x77\x88\x18\x6e\xaf\xab\xae\x85\x2d\x5a\xc8\x23\x1e\x31\xd8\x29" \
	"\xee"                                                                                                         \
	"\x4e\x82\x58"

static const struct row tls[] = {
	{"close_notify in the clear", BYTES("\x15\x03\x03\x00\x02\x01\x00"), 0, FAREWELL_TLS_CLOSE},
	{"the same, called fatal", BYTES("\x15\x03\x01\x00\x02\x02\x00"), 0, FAREWELL_TLS_CLOSE},
	{"user_canceled, then close_notify", BYTES("\x15\x03\x03\x00\x02\x01\x5a\x15\x03\x03\x00\x02\x01\x00"), 0,
		FAREWELL_TLS_CLOSE},
	{"TLS 1.2, AES-GCM", BYTES(CLOSE_GCM), 0, FAREWELL_TLS_CLOSE},
	{"TLS 1.2, ChaCha20", BYTES(CLOSE_CHACHA20), 0, FAREWELL_TLS_CLOSE},
	{"TLS 1.2, AES-CCM", BYTES(CLOSE_CCM), 0, FAREWELL_TLS_CLOSE},
	{"TLS 1.2, AES-CBC with SHA-1", BYTES(CLOSE_CBC_SHA1), 0, FAREWELL_TLS_CLOSE},
	{"TLS 1.2, AES-CBC with SHA-384", BYTES(CLOSE_CBC_SHA384), 0, FAREWELL_TLS_CLOSE},
	{"TLS 1.0, AES-CBC with SHA-1", BYTES(CLOSE_TLS10), 0, FAREWELL_TLS_CLOSE},
	{"TLS 1.3", BYTES(CLOSE_TLS13), 0, FAREWELL_TLS_CLOSE_LIKELY},
	{"TLS 1.3, by the server", BYTES(CLOSE_TLS13), FAREWELL_SIDE_SERVER, FAREWELL_TLS_CLOSE_LIKELY},
};

static const struct row not_tls[] = {
	{"handshake_failure", BYTES("\x15\x03\x03\x00\x02\x02\x28"), 0, FAREWELL_NONE},
	{"an alert of no known level", BYTES("\x15\x03\x03\x00\x02\x03\x00"), 0, FAREWELL_NONE},
	{"close_notify, then data", BYTES("\x15\x03\x03\x00\x02\x01\x00" DATA_GCM), 0, FAREWELL_NONE},
	{"data, then close_notify", BYTES(DATA_GCM CLOSE_GCM), 0, FAREWELL_NONE},
	{"data as long as an alert", BYTES(DATA_GCM), 0, FAREWELL_NONE},
	{"TLS 1.3: data, then close_notify", BYTES(CLOSE_TLS13 CLOSE_TLS13), 0, FAREWELL_NONE},
	{"TLS 1.3: one byte more", BYTES("\x17\x03\x03\x00\x14" CLOSE_TLS13), 0, FAREWELL_NONE},
	{"an alert that is cut short", BYTES("\x15\x03\x03\x00\x1a\xc5\xa9\x7a"), 0, FAREWELL_NONE},
	{"an alert longer than any", BYTES("\x15\x03\x03\x00\x03\x01\x00\x00"), 0, FAREWELL_NONE},
	{"no TLS version", BYTES("\x15\x04\x03\x00\x02\x01\x00"), 0, FAREWELL_NONE},
	{"a header alone", BYTES("\x15\x03\x03\x00\x02"), 0, FAREWELL_NONE},
	{"a handshake record", BYTES("\x16\x03\x03\x00\x02\x01\x00"), 0, FAREWELL_NONE},
};

Test(farewell, tls_is_recognised)
{
	expect_rows(tls, COUNT_OF(tls));
}

Test(farewell, other_tls_records_are_not)
{
	expect_rows(not_tls, COUNT_OF(not_tls));
}

/* ---- HTTP/2 ---- */

#define GOAWAY_HEADER(length) "\x00\x00" length "\x07\x00\x00\x00\x00\x00"

static const struct row http2[] = {
	{"NO_ERROR, no stream", BYTES(GOAWAY_HEADER("\x08") "\x00\x00\x00\x00\x00\x00\x00\x00"), 0,
		FAREWELL_HTTP2_GOAWAY},
	{"the first of a graceful end", BYTES(GOAWAY_HEADER("\x08") "\x7f\xff\xff\xff\x00\x00\x00\x00"), 0,
		FAREWELL_HTTP2_GOAWAY},
	{"with text", BYTES(GOAWAY_HEADER("\x14") "\x00\x00\x00\x0b\x00\x00\x00\x0bserver stops"), FAREWELL_SIDE_SERVER,
		FAREWELL_HTTP2_GOAWAY},
	{"with more text than is looked at",
		BYTES(GOAWAY_HEADER("\x30") "\x00\x00\x00\x01\x00\x00\x00\x01"
					    "0123456789012345678901234567890123456789"),
		0, FAREWELL_HTTP2_GOAWAY},
};

static const struct row not_http2[] = {
	{"on a stream", BYTES("\x00\x00\x08\x07\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"), 0,
		FAREWELL_NONE},
	{"PING", BYTES("\x00\x00\x08\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0, FAREWELL_NONE},
	{"too short", BYTES("\x00\x00\x04\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0, FAREWELL_NONE},
	{"no known error", BYTES(GOAWAY_HEADER("\x08") "\x00\x00\x00\x00\x00\x01\x00\x00"), 0, FAREWELL_NONE},
	{"GOAWAY, then DATA",
		BYTES(GOAWAY_HEADER("\x08") "\x00\x00\x00\x00\x00\x00\x00\x00"
					    "\x00\x00\x01\x00\x01\x00\x00\x00\x01x"),
		0, FAREWELL_NONE},
	{"HEADERS, then GOAWAY",
		BYTES("\x00\x00\x01\x01\x05\x00\x00\x00\x01\x88" GOAWAY_HEADER(
			"\x08") "\x00\x00\x00\x01\x00\x00\x00\x00"),
		0, FAREWELL_NONE},
	{"the connection preface", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 0, FAREWELL_NONE},
};

Test(farewell, http2_goaway_is_recognised)
{
	expect_rows(http2, COUNT_OF(http2));
}

Test(farewell, other_http2_frames_are_not)
{
	expect_rows(not_http2, COUNT_OF(not_http2));
}

/* ---- WebSocket ---- */

static const struct row websocket[] = {
	{"1000", BYTES("\x88\x02\x03\xe8"), FAREWELL_SIDE_SERVER, FAREWELL_WEBSOCKET_CLOSE},
	{"1001 with a reason", BYTES("\x88\x0c\x03\xe9going away"), 0, FAREWELL_WEBSOCKET_CLOSE},
	{"without a status", BYTES("\x88\x00"), FAREWELL_SIDE_SERVER, FAREWELL_WEBSOCKET_CLOSE},
	{"4999, an application's own", BYTES("\x88\x02\x13\x87"), 0, FAREWELL_WEBSOCKET_CLOSE},
	{"1000 from a client", BYTES("\x88\x82\x37\xfa\x21\x3d\x34\x12"), FAREWELL_SIDE_CLIENT,
		FAREWELL_WEBSOCKET_CLOSE},
	{"without a status from a client", BYTES("\x88\x80\x37\xfa\x21\x3d"), 0, FAREWELL_WEBSOCKET_CLOSE},
};

static const struct row not_websocket[] = {
	{"a text message", BYTES("\x81\x02ok"), 0, FAREWELL_NONE},
	{"a ping", BYTES("\x89\x00"), 0, FAREWELL_NONE},
	{"a close that is not alone", BYTES("\x88\x02\x03\xe8\x81\x01x"), 0, FAREWELL_NONE},
	{"half a status", BYTES("\x88\x01\x03"), 0, FAREWELL_NONE},
	{"1006 is never sent", BYTES("\x88\x02\x03\xee"), 0, FAREWELL_NONE},
	{"2000 is no status", BYTES("\x88\x02\x07\xd0"), 0, FAREWELL_NONE},
	{"masked, 2000", BYTES("\x88\x82\x37\xfa\x21\x3d\x30\x2a"), 0, FAREWELL_NONE},
	{"a server does not mask", BYTES("\x88\x82\x37\xfa\x21\x3d\x34\x12"), FAREWELL_SIDE_SERVER, FAREWELL_NONE},
	{"a client masks", BYTES("\x88\x02\x03\xe8"), FAREWELL_SIDE_CLIENT, FAREWELL_NONE},
	{"a fragment", BYTES("\x08\x02\x03\xe8"), 0, FAREWELL_NONE},
	{"longer than a control frame may be", BYTES("\x88\x7e\x03\xe8"), 0, FAREWELL_NONE},
};

Test(farewell, websocket_close_is_recognised)
{
	expect_rows(websocket, COUNT_OF(websocket));
}

Test(farewell, other_websocket_frames_are_not)
{
	expect_rows(not_websocket, COUNT_OF(not_websocket));
}

/* ---- text ---- */

static const struct row text[] = {
	{"FTP 221", BYTES("221 Goodbye.\r\n"), FAREWELL_SIDE_SERVER, FAREWELL_REPLY_221},
	{"FTP 221 in two lines", BYTES("221-Goodbye. You uploaded 0 and downloaded 0 kbytes.\r\n221 Logout.\r\n"), 0,
		FAREWELL_REPLY_221},
	{"SMTP 221", BYTES("221 2.0.0 Bye\r\n"), 0, FAREWELL_REPLY_221},
	{"SMTP 221 with a host", BYTES("221 mail.example.org Service closing transmission channel\r\n"), 0,
		FAREWELL_REPLY_221},
	{"QUIT", BYTES("QUIT\r\n"), FAREWELL_SIDE_CLIENT, FAREWELL_QUIT},
	{"quit", BYTES("quit\r\n"), 0, FAREWELL_QUIT},
	{"QUIT without a carriage return", BYTES("QUIT\n"), 0, FAREWELL_QUIT},
	{"IMAP BYE", BYTES("* BYE Logging out\r\n"), FAREWELL_SIDE_SERVER, FAREWELL_IMAP_BYE},
	{"IMAP BYE and the answer", BYTES("* BYE Logging out\r\nA004 OK Logout completed (0.001 + 0.000 secs).\r\n"), 0,
		FAREWELL_IMAP_BYE},
	{"IMAP LOGOUT", BYTES("A004 LOGOUT\r\n"), FAREWELL_SIDE_CLIENT, FAREWELL_IMAP_LOGOUT},
	{"IMAP LOGOUT of imaplib", BYTES("GKAB4 LOGOUT\r\n"), 0, FAREWELL_IMAP_LOGOUT},
};

static const struct row not_text[] = {
	{"220", BYTES("220 ready\r\n"), 0, FAREWELL_NONE},
	{"2210", BYTES("2210 items\r\n"), 0, FAREWELL_NONE},
	{"250, then 221", BYTES("250 2.0.0 Ok: queued\r\n221 2.0.0 Bye\r\n"), 0, FAREWELL_NONE},
	{"NNTP's 221", BYTES("221 3000234 <45223423@example.com>\r\nPath: pathost\r\n.\r\n"), 0, FAREWELL_NONE},
	{"221 from a client", BYTES("221 Goodbye.\r\n"), FAREWELL_SIDE_CLIENT, FAREWELL_NONE},
	{"221 without an end", BYTES("221 Goodbye."), 0, FAREWELL_NONE},
	{"221 and bytes", BYTES("221 \x00\x01\x02\r\n"), 0, FAREWELL_NONE},
	{"POP3's answer", BYTES("+OK Logging out.\r\n"), 0, FAREWELL_NONE},
	{"QUIT from a server", BYTES("QUIT\r\n"), FAREWELL_SIDE_SERVER, FAREWELL_NONE},
	{"QUITE", BYTES("QUITE\r\n"), 0, FAREWELL_NONE},
	{"QUIT and more", BYTES("QUIT\r\nNOOP\r\n"), 0, FAREWELL_NONE},
	{"a message, then QUIT", BYTES(".\r\nQUIT\r\n"), 0, FAREWELL_NONE},
	{"* BYEBYE", BYTES("* BYEBYE\r\n"), 0, FAREWELL_NONE},
	{"another untagged reply", BYTES("* 23 EXISTS\r\n"), 0, FAREWELL_NONE},
	{"an answer, then BYE", BYTES("A003 OK done\r\n* BYE Logging out\r\n"), 0, FAREWELL_NONE},
	{"LOGOUT without a tag", BYTES(" LOGOUT\r\n"), 0, FAREWELL_NONE},
	{"LOGOUT with an argument", BYTES("A004 LOGOUT now\r\n"), 0, FAREWELL_NONE},
	{"LOGOUT behind something else", BYTES("A003 NOOP\r\nA004 LOGOUT\r\n"), 0, FAREWELL_NONE},
	{"an HTTP response", BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), 0, FAREWELL_NONE},
};

Test(farewell, text_goodbyes_are_recognised)
{
	expect_rows(text, COUNT_OF(text));
}

Test(farewell, other_text_is_not)
{
	expect_rows(not_text, COUNT_OF(not_text));
}

/* ---- little to go by ---- */

Test(farewell, nothing_is_nothing)
{
	cr_expect(farewell_recognise("", 0, 0, 0) == FAREWELL_NONE);
	cr_expect(farewell_recognise("Q", 1, 1, 0) == FAREWELL_NONE);
}

/* A payload that could not be read, or only in part: no verdict on what was not seen. */
Test(farewell, what_was_not_seen_is_not_judged)
{
	cr_expect(farewell_recognise(NULL, 0, 24, 0) == FAREWELL_NONE);
	cr_expect(farewell_recognise("\x15\x03\x03\x00\x02", 5, 7, 0) == FAREWELL_NONE);
	cr_expect(farewell_recognise("QUIT", 4, 6, 0) == FAREWELL_NONE);
}

/*
 * Every beginning of every sequence: never more is looked at than there is, and a part is not taken for the whole. Of
 * a longer text the end is not seen.
 */
Test(farewell, beginnings_are_not_goodbyes)
{
	static const struct {
		const struct row *rows;
		size_t count;
	} all[] = {{tls, COUNT_OF(tls)}, {http2, COUNT_OF(http2)}, {websocket, COUNT_OF(websocket)},
		{text, COUNT_OF(text)}};

	for (size_t i = 0; i < COUNT_OF(all); i++)
		for (size_t j = 0; j < all[i].count; j++)
			for (size_t length = 0; length < all[i].rows[j].length; length++) {
				const struct row *row = &all[i].rows[j];
				bool whole = row->bytes[length ? length - 1 : 0] == '\n' ||
					     (all[i].rows == text && length > FAREWELL_BYTES);

				cr_expect(judge(row->bytes, length, row->side) == FAREWELL_NONE || whole,
					"%s: %zu bytes", row->name, length);
			}
}
