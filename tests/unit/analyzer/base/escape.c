/* escape.c: what outsiders can put into text, and what comes out. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/escape.h"

static void expect_escaped(const char *bytes, size_t length, const char *expected)
{
	char *escaped = escape_copy(bytes, length);

	cr_assert_str_eq(escaped, expected);
	free(escaped);
}

#define EXPECT(literal, expected) expect_escaped(literal, sizeof(literal) - 1, expected)

Test(escape, leaves_plain_text_alone)
{
	EXPECT("", "");
	EXPECT("redis-server *:6379", "redis-server *:6379");
	EXPECT("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80", "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80");
}

Test(escape, shows_control_characters)
{
	EXPECT("a\nb\tc\r", "a\\nb\\tc\\r");
	EXPECT("\033[31mred", "\\x1b[31mred");
	EXPECT("\0abstract", "\\x00abstract");
	EXPECT("\x7f", "\\x7f");
	EXPECT("\xc2\x9b"
	       "31m",
		"\\u{9b}31m");
}

Test(escape, doubles_backslashes)
{
	EXPECT("\\x1b", "\\\\x1b");
}

Test(escape, shows_bidirectional_and_invisible_characters)
{
	EXPECT("a\xe2\x80\xae"
	       "b",
		"a\\u{202e}b");
	EXPECT("\xe2\x81\xa6", "\\u{2066}");
	EXPECT("\xe2\x80\x8b", "\\u{200b}");
	EXPECT("\xef\xbb\xbf", "\\u{feff}");
}

Test(escape, shows_invalid_utf8_byte_by_byte)
{
	EXPECT("\xff\xfe", "\\xff\\xfe");
	EXPECT("\xc0\xaf", "\\xc0\\xaf");
	EXPECT("\xed\xa0\x80", "\\xed\\xa0\\x80");
	EXPECT("\xe2\x82", "\\xe2\\x82");
	EXPECT("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
}

Test(escape, breaks_commands_to_the_readers_of_logs)
{
	EXPECT("::error::x", "\\x3a:error::x");
	EXPECT("a ::error::x", "a \\x3a:error::x");
	EXPECT("ns::name", "ns::name");
	EXPECT("##[error]x", "\\x23#[error]x");
	EXPECT("a##vso[x]", "a\\x23#vso[x]");
	EXPECT("name #2", "name #2");
	EXPECT("\xc2\xa0::error", "\\u{a0}::error");
}

Test(escape, knows_how_much_is_plain)
{
	cr_assert_eq(escape_plain("abc", 3, 0), 3);
	cr_assert_eq(escape_plain("ab\n", 3, 0), 2);
	cr_assert_eq(escape_plain("::a", 3, 'x'), 3);
	cr_assert_eq(escape_plain("::a", 3, ' '), 0);
}

Test(escape, utf8_replaces_what_is_invalid)
{
	size_t length;
	char *valid = escape_utf8("a\xff"
				  "b\xed\xa0\x80\0c",
		8, &length);

	cr_assert_eq(length, 1 + 3 + 1 + 3 * 3 + 2);
	cr_assert_arr_eq(valid,
		"a\xef\xbf\xbd"
		"b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\0c",
		length);
	free(valid);
}

Test(escape, every_pair_of_bytes_becomes_printable)
{
	for (unsigned pair = 0; pair < 0x10000; pair++) {
		const char bytes[2] = {(char)(pair >> 8), (char)pair};
		char *escaped = escape_copy(bytes, 2);
		size_t length;
		char *valid = escape_utf8(bytes, 2, &length);

		for (const char *at = escaped; *at; at++)
			cr_assert((unsigned char)*at >= 0x20 && *at != 0x7f);
		for (size_t i = 0, size; i < length; i += size) {
			uint32_t character;

			size = escape_decode(valid + i, length - i, &character);
			cr_assert_neq(size, 0);
		}
		free(escaped);
		free(valid);
	}
}
