/* shim/base/memory.c under other names, held against libc's own functions, over all small sizes and alignments. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define memcpy tested_memcpy
#define memmove tested_memmove
#define memset tested_memset
#define memcmp tested_memcmp
#define memchr tested_memchr
#define strlen tested_strlen
#define strnlen tested_strnlen
#define strncmp tested_strncmp
#define strchr tested_strchr
#define strrchr tested_strrchr

void *memcpy(void *restrict target, const void *restrict source, size_t length);
void *memmove(void *target, const void *source, size_t length);
void *memset(void *target, int value, size_t length);
int memcmp(const void *one, const void *other, size_t length);
void *memchr(const void *text, int byte, size_t length);
size_t strlen(const char *text);
size_t strnlen(const char *text, size_t limit);
int strncmp(const char *one, const char *other, size_t limit);
char *strchr(const char *text, int byte);
char *strrchr(const char *text, int byte);

#include "shim/base/memory.c" /* NOLINT(bugprone-suspicious-include): its names are others here */

#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strncmp
#undef strchr
#undef strrchr

#define SIZE 96

static unsigned char source[SIZE];
static unsigned char expected[SIZE];
static unsigned char actual[SIZE];

static void fill(void)
{
	for (int i = 0; i < SIZE; i++) {
		source[i] = (unsigned char)(i * 37 + 11);
		expected[i] = actual[i] = (unsigned char)~i;
	}
}

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

Test(memory, copies)
{
	for (size_t length = 0; length <= 40; length++)
		for (size_t from = 0; from < 9; from++)
			for (size_t to = 0; to < 9; to++) {
				fill();
				memcpy(expected + to, source + from, length);
				cr_assert_eq(tested_memcpy(actual + to, source + from, length), actual + to);
				cr_assert_arr_eq(actual, expected, SIZE);
			}
}

Test(memory, moves_what_overlaps)
{
	for (size_t length = 0; length <= 40; length++)
		for (size_t from = 0; from < 20; from++)
			for (size_t to = 0; to < 20; to++) {
				fill();
				memmove(expected + to, expected + from, length);
				cr_assert_eq(tested_memmove(actual + to, actual + from, length), actual + to);
				cr_assert_arr_eq(actual, expected, SIZE, "%zu bytes from %zu to %zu", length, from, to);
			}
}

Test(memory, sets)
{
	int value = 0xa5 | 0x100; /* of which memset takes the lowest byte */

	for (size_t length = 0; length <= 40; length++)
		for (size_t to = 0; to < 9; to++) {
			fill();
			memset(expected + to, value, length);
			cr_assert_eq(tested_memset(actual + to, value, length), actual + to);
			cr_assert_arr_eq(actual, expected, SIZE);
		}
}

Test(memory, compares)
{
	for (size_t length = 0; length <= 40; length++)
		for (size_t differs = 0; differs <= length; differs++) {
			fill();
			memcpy(actual, source, SIZE);
			actual[differs] ^= 0x80;
			cr_assert_eq(sign(tested_memcmp(actual, source, length)), sign(memcmp(actual, source, length)));
			cr_assert_eq(sign(tested_memcmp(source, actual, length)), sign(memcmp(source, actual, length)));
		}
}

Test(memory, looks_for_bytes)
{
	for (int byte = -1; byte < 256; byte++) {
		fill();
		cr_assert_eq(tested_memchr(source, byte, SIZE), memchr(source, byte, SIZE));
		cr_assert_eq(tested_memchr(source, byte, 0), NULL);
	}
}

Test(memory, texts)
{
	static const char *const texts[] = {"", "a", "ab", "abc", "abca", "b", "\xff", "a longer text, with a comma"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		cr_assert_eq(tested_strlen(texts[i]), strlen(texts[i]));
		for (size_t limit = 0; limit < 6; limit++) {
			cr_assert_eq(tested_strnlen(texts[i], limit), strnlen(texts[i], limit));
			for (size_t j = 0; j < sizeof(texts) / sizeof(*texts); j++)
				cr_assert_eq(sign(tested_strncmp(texts[i], texts[j], limit)),
					sign(strncmp(texts[i], texts[j], limit)));
		}
		for (int byte = 0; byte < 256; byte++) {
			cr_assert_eq(tested_strchr(texts[i], byte), strchr(texts[i], byte));
			cr_assert_eq(tested_strrchr(texts[i], byte), strrchr(texts[i], byte));
		}
	}
}
