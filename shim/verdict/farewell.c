/* farewell.c: one rule for each protocol, by the layouts in its RFC. */
#include "shim/verdict/farewell.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct message {
	const uint8_t *bytes;
	size_t known;
	size_t length;
	enum farewell_side side;
};

static uint32_t big_endian(const uint8_t *bytes, size_t count)
{
	uint32_t value = 0;

	for (size_t i = 0; i < count; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* ---- TLS ---- */

/* RFC 5246 section 6.2.1, RFC 8446 section 5.1: type, version (two bytes), length (two bytes), fragment. */
#define TLS_HEADER 5u
#define TLS_ALERT 21
#define TLS_APPLICATION_DATA 23

static bool is_tls_version(const uint8_t *version)
{
	return version[0] == 3 && version[1] <= 4;
}

/*
 * An alert is two bytes: level, and description, where close_notify is 0 (RFC 5246 section 7.2, RFC 8446 section 6).
 * Up to TLS 1.2 the type of an encrypted record stays readable, and the cipher decides how long two bytes come out:
 * 18 with ChaCha20-Poly1305 or CCM_8, 26 with GCM and CCM, 22 to 80 with a MAC and padding.
 */
#define ALERT_ENCRYPTED_MIN 18u
#define ALERT_ENCRYPTED_MAX 80u

static bool is_closing_alert(const struct message *message, size_t at, size_t length)
{
	const uint8_t *alert = message->bytes + at + TLS_HEADER;

	if (length == 2)
		return at + TLS_HEADER + 2 <= message->known && (alert[0] == 1 || alert[0] == 2) && alert[1] == 0;
	return length >= ALERT_ENCRYPTED_MIN && length <= ALERT_ENCRYPTED_MAX;
}

/* An encrypted alert of TLS 1.3: two bytes, one for the inner type, sixteen for the tag (RFC 8446 section 5.2). */
#define ALERT_TLS13 (2u + 1u + 16u)

static enum farewell judge_tls(const struct message *message)
{
	size_t at = 0;

	if (message->length == TLS_HEADER + ALERT_TLS13 && message->bytes[0] == TLS_APPLICATION_DATA &&
		big_endian(message->bytes + 1, 4) == (0x03030000 | ALERT_TLS13))
		return FAREWELL_TLS_CLOSE_LIKELY;
	/*
	 * one record as a rule; user_canceled comes before close_notify, in a record of its own (RFC 8446 section
	 * 6.1)
	 */
	while (at + TLS_HEADER <= message->known && message->bytes[at] == TLS_ALERT &&
		is_tls_version(message->bytes + at + 1)) {
		size_t length = big_endian(message->bytes + at + 3, 2);
		bool last = at + TLS_HEADER + length == message->length;

		if (last || length != 2)
			return last && is_closing_alert(message, at, length) ? FAREWELL_TLS_CLOSE : FAREWELL_NONE;
		at += TLS_HEADER + length;
	}
	return FAREWELL_NONE;
}

/* ---- HTTP/2 ---- */

/*
 * RFC 9113 section 4.1: length (three bytes), type, flags, stream (31 bits). GOAWAY is type 7, has no flags and no
 * stream; it holds the last stream, an error code, and text for people (section 6.8). A frame is at most 16384 bytes
 * long unless agreed.
 */
#define HTTP2_HEADER 9u
#define HTTP2_GOAWAY 7
#define HTTP2_FRAME_MAX 16384u
#define HTTP2_ERROR_MAX 0xffu /* 0x00 to 0x0d are assigned */

static enum farewell judge_http2(const struct message *message)
{
	const uint8_t *frame = message->bytes;
	size_t length;

	if (message->length < HTTP2_HEADER + 8 || frame[3] != HTTP2_GOAWAY || frame[4] != 0 ||
		big_endian(frame + 5, 4) != 0)
		return FAREWELL_NONE;
	length = big_endian(frame, 3);
	if (length > HTTP2_FRAME_MAX || HTTP2_HEADER + length != message->length ||
		big_endian(frame + 13, 4) > HTTP2_ERROR_MAX)
		return FAREWELL_NONE;
	return FAREWELL_HTTP2_GOAWAY;
}

/* ---- WebSocket ---- */

/*
 * RFC 6455 section 5.2: FIN and opcode, mask bit and length; a client masks, with a key of four bytes before the
 * data, and a server does not. A close (section 5.5.1) is the opcode 8, at most 125 bytes: a status code, or nothing.
 */
#define WEBSOCKET_CLOSE 0x88
#define WEBSOCKET_MASK 0x80
#define WEBSOCKET_CONTROL_MAX 125u

/* Section 7.4 and its registry: the codes that may stand in a frame. */
static bool is_close_status(uint32_t status)
{
	return (status >= 1000 && status <= 1015 && status != 1004 && status != 1005 && status != 1006 &&
		       status != 1015) ||
	       (status >= 3000 && status <= 4999);
}

static enum farewell judge_websocket(const struct message *message)
{
	const uint8_t *frame = message->bytes;
	bool masked = frame[1] & WEBSOCKET_MASK;
	size_t length = frame[1] & ~WEBSOCKET_MASK;
	size_t header = masked ? 6 : 2;
	uint32_t status;

	if (frame[0] != WEBSOCKET_CLOSE || length > WEBSOCKET_CONTROL_MAX || header + length != message->length ||
		message->side == (masked ? FAREWELL_SIDE_SERVER : FAREWELL_SIDE_CLIENT))
		return FAREWELL_NONE;
	if (length == 0)
		return FAREWELL_WEBSOCKET_CLOSE;
	if (length == 1)
		return FAREWELL_NONE;
	status = big_endian(frame + header, 2) ^ (masked ? big_endian(frame + 2, 2) : 0);
	return is_close_status(status) ? FAREWELL_WEBSOCKET_CLOSE : FAREWELL_NONE;
}

/* ---- text ---- */

#define REPLY_MAX 2048u /* an FTP server says how much was transferred, in several lines */

/* A line or more: no control characters as far as can be seen, and a line feed at the end. */
static bool is_text(const struct message *message)
{
	for (size_t i = 0; i < message->known; i++)
		if (message->bytes[i] < ' ' && !strchr("\r\n\t", message->bytes[i] ? message->bytes[i] : 1))
			return false;
	return message->known < message->length || message->bytes[message->length - 1] == '\n';
}

static uint8_t upper(uint8_t c)
{
	return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
}

/* Whether `word` stands at `at`, in letters of either size. */
static bool has_word(const struct message *message, size_t at, const char *word)
{
	size_t length = strlen(word);

	if (at + length > message->known)
		return false;
	for (size_t i = 0; i < length; i++)
		if (upper(message->bytes[at + i]) != (uint8_t)word[i])
			return false;
	return true;
}

/* Whether nothing comes after `at` but the end of the line. */
static bool ends_at(const struct message *message, size_t at)
{
	return message->known == message->length && ((message->length == at + 2 && has_word(message, at, "\r\n")) ||
							    (message->length == at + 1 && has_word(message, at, "\n")));
}

/* NNTP's 221 is followed by the headers of an article: "221 3000234 <id@host>" (RFC 3977 section 6.2.2). */
static bool is_article_heading(const struct message *message)
{
	size_t at = 4;

	while (at < message->known && message->bytes[at] >= '0' && message->bytes[at] <= '9')
		at++;
	return at > 4 && has_word(message, at, " <");
}

/*
 * "221 host Service closing transmission channel" (RFC 5321 section 4.2.3), the same for FTP (RFC 959 section 4.2.2).
 */
static bool is_reply_221(const struct message *message)
{
	return message->length <= REPLY_MAX && (has_word(message, 0, "221 ") || has_word(message, 0, "221-")) &&
	       !is_article_heading(message);
}

/* "* BYE text" (RFC 9051 section 7.1.5), with or without the answer to LOGOUT behind it. */
static bool is_imap_bye(const struct message *message)
{
	return message->length <= REPLY_MAX &&
	       (has_word(message, 0, "* BYE ") || has_word(message, 0, "* BYE\r") || has_word(message, 0, "* BYE\n"));
}

/* A tag of the client's choice, then LOGOUT (RFC 9051 sections 2.2.1 and 6.1.3). */
static bool is_imap_logout(const struct message *message)
{
	size_t tag = 0;

	while (tag < message->known && message->bytes[tag] > ' ' && message->bytes[tag] < 0x7f &&
		!strchr("(){%*\"\\]+", message->bytes[tag]))
		tag++;
	return tag > 0 && has_word(message, tag, " LOGOUT") && ends_at(message, tag + 7);
}

static enum farewell judge_text(const struct message *message)
{
	if (message->bytes[0] < ' ' || !is_text(message))
		return FAREWELL_NONE;
	if (message->side != FAREWELL_SIDE_CLIENT) {
		if (is_reply_221(message))
			return FAREWELL_REPLY_221;
		if (is_imap_bye(message))
			return FAREWELL_IMAP_BYE;
	}
	if (message->side != FAREWELL_SIDE_SERVER) {
		/* RFC 5321 section 4.1.1.10, RFC 959 section 4.1.1, RFC 1939 section 5 */
		if (has_word(message, 0, "QUIT") && ends_at(message, 4))
			return FAREWELL_QUIT;
		if (is_imap_logout(message))
			return FAREWELL_IMAP_LOGOUT;
	}
	return FAREWELL_NONE;
}

enum farewell farewell_recognise(const void *bytes, size_t known, size_t length, enum farewell_side side)
{
	static enum farewell (*const rules[])(const struct message *) = {
		judge_tls, judge_http2, judge_websocket, judge_text};
	struct message message = {bytes, known < length ? known : length, length, side};
	enum farewell found = FAREWELL_NONE;

	/* the shortest is two bytes long; a rule looks no further than FAREWELL_BYTES, and at no more than there is */
	if (length < 2 || (message.known < length && message.known < FAREWELL_BYTES))
		return FAREWELL_NONE;
	for (size_t i = 0; !found && i < sizeof(rules) / sizeof(*rules); i++)
		found = rules[i](&message);
	return found;
}
