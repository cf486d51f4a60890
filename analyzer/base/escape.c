/*
 * escape.c: see escape.h.
 */
#include "analyzer/base/escape.h"

#include <stdlib.h>
#include <string.h>

#include "analyzer/base/text.h"

static const char REPLACEMENT[] = "\xef\xbf\xbd";

size_t escape_decode(const char *bytes, size_t length, uint32_t *character)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *byte = (const unsigned char *)bytes;
	size_t size;

	if (byte[0] < 0x80) {
		*character = byte[0];
		return 1;
	}
	size = byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : 2;
	if (byte[0] < 0xc2 || byte[0] > 0xf4 || size > length)
		return 0;
	*character = byte[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		*character = *character << 6 | (byte[i] & 0x3f);
	}
	if (*character < smallest[size] || *character > 0x10ffff || (*character >= 0xd800 && *character <= 0xdfff))
		return 0;
	return size;
}

bool escape_is_deceptive(uint32_t character)
{
	static const struct {
		uint32_t first;
		uint32_t last;
	} ranges[] = {
		{0x00, 0x1f},
		{0x7f, 0x9f},
		{0xa0, 0xa0},
		{0xad, 0xad},
		{0x61c, 0x61c},
		{0x1680, 0x1680},
		{0x180e, 0x180e},
		{0x2000, 0x200f},
		{0x2028, 0x202f},
		{0x205f, 0x206f},
		{0x3000, 0x3000},
		{0xfe00, 0xfe0f},
		{0xfdd0, 0xfdef},
		{0xfeff, 0xfeff},
		{0xfff9, 0xfffb},
		{0xfffe, 0xffff},
		{0xe0000, 0xe0fff},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (character >= ranges[i].first && character <= ranges[i].last)
			return true;
	return false;
}

static void write_escaped(FILE *stream, uint32_t character)
{
	static const char letters[] = "\aa\bb\tt\nn\vv\ff\rr";

	for (const char *letter = letters; *letter; letter += 2) {
		if (character == (unsigned char)*letter) {
			fprintf(stream, "\\%c", letter[1]);
			return;
		}
	}
	fprintf(stream, character < 0x80 ? "\\x%02x" : "\\u{%x}", character);
}

/* Whether a reader of a log would take what begins here for a command. */
static bool is_command(const char *bytes, size_t length, char before)
{
	if (length < 2 || bytes[0] != bytes[1])
		return false;
	return bytes[0] == '#' || (bytes[0] == ':' && (!before || before == ' '));
}

size_t escape_plain(const char *bytes, size_t length, char before)
{
	size_t i = 0;

	while (i < length && bytes[i] != '\\' && !is_command(bytes + i, length - i, i ? bytes[i - 1] : before)) {
		uint32_t character;
		size_t size = escape_decode(bytes + i, length - i, &character);

		if (size == 0 || escape_is_deceptive(character))
			break;
		i += size;
	}
	return i;
}

/* Writes the one character there, which is not plain, and returns its bytes. */
static size_t write_odd(FILE *stream, const char *bytes, size_t length)
{
	uint32_t character;
	size_t size = escape_decode(bytes, length, &character);

	if (size == 0)
		fprintf(stream, "\\x%02x", (unsigned char)*bytes);
	else if (character == '\\')
		fputs("\\\\", stream);
	else
		write_escaped(stream, character);
	return size ? size : 1;
}

void escape_write(FILE *stream, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length;) {
		size_t plain = escape_plain(bytes + i, length - i, i ? bytes[i - 1] : '\0');

		fwrite(bytes + i, 1, plain, stream);
		i += plain;
		if (i < length)
			i += write_odd(stream, bytes + i, length - i);
	}
}

char *escape_copy(const char *bytes, size_t length)
{
	struct text_buffer copy;

	escape_write(text_open(&copy), bytes, length);
	return text_close(&copy);
}

char *escape_utf8(const char *bytes, size_t length, size_t *out_length)
{
	char *out = text_allocate(length * (sizeof(REPLACEMENT) - 1) + 1);
	char *end = out;
	size_t size;

	for (size_t i = 0; i < length; i += size) {
		uint32_t character;

		size = escape_decode(bytes + i, length - i, &character);
		if (size) {
			end = mempcpy(end, bytes + i, size);
		} else {
			end = mempcpy(end, REPLACEMENT, sizeof(REPLACEMENT) - 1);
			size = 1;
		}
	}
	*end = '\0';
	*out_length = (size_t)(end - out);
	return out;
}
