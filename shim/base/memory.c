/*
 * memory.c: the library's own memcpy and its like, hidden, so that its calls to them never leave it.
 *
 * These are the functions that sanitizers intercept. ThreadSanitizer took what two threads of the library did to the
 * trace for a data race of the program's, and AddressSanitizer would hold our reads to the program's red zones; neither
 * sees the atomics and claims by which the library orders its own. It also keeps libc's lazy binding and processor
 * dispatch out of the time before constructors and out of signal handlers.
 *
 * Those in parentheses are generic macros in glibc 2.43.
 *
 * The sizes here are small: records of some hundred bytes, frames of a stack, names. The empty assembly keeps the
 * compiler from seeing in a loop the very function that it stands in.
 */
#define __NO_STRING_INLINES /* before glibc 2.26 some of these were macros */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Eight bytes at any address, of whatever type. */
typedef uint64_t __attribute__((may_alias, aligned(1))) any_word;

#define KEEP_AS_LOOP(pointer) __asm__("" : "+r"(pointer))

void *memcpy(void *restrict target, const void *restrict source, size_t length)
{
	char *to = target;
	const char *from = source;

	for (; length >= sizeof(any_word); length -= sizeof(any_word)) {
		*(any_word *)to = *(const any_word *)from;
		to += sizeof(any_word);
		from += sizeof(any_word);
		KEEP_AS_LOOP(to);
	}
	for (; length; length--) {
		*to++ = *from++;
		KEEP_AS_LOOP(to);
	}
	return target;
}

void *memmove(void *target, const void *source, size_t length)
{
	char *to = target;
	const char *from = source;

	if ((uintptr_t)to - (uintptr_t)from >= length)
		return memcpy(target, source, length);
	while (length) {
		length--;
		to[length] = from[length];
		KEEP_AS_LOOP(to);
	}
	return target;
}

void *memset(void *target, int value, size_t length)
{
	uint64_t word = 0x0101010101010101u * (unsigned char)value;
	char *to = target;

	for (; length >= sizeof(word); length -= sizeof(word)) {
		*(any_word *)to = word;
		to += sizeof(word);
		KEEP_AS_LOOP(to);
	}
	for (; length; length--) {
		*to++ = (char)value;
		KEEP_AS_LOOP(to);
	}
	return target;
}

int memcmp(const void *one, const void *other, size_t length)
{
	const unsigned char *left = one;
	const unsigned char *right = other;

	while (length >= sizeof(any_word) && *(const any_word *)left == *(const any_word *)right) {
		left += sizeof(any_word);
		right += sizeof(any_word);
		length -= sizeof(any_word);
	}
	for (; length; length--, left++, right++)
		if (*left != *right)
			return *left < *right ? -1 : 1;
	return 0;
}

void *(memchr)(const void *text, int byte, size_t length)
{
	const unsigned char *at = text;

	for (; length; length--, at++)
		if (*at == (unsigned char)byte)
			return (void *)(uintptr_t)at;
	return NULL;
}

size_t strlen(const char *text)
{
	const char *end = text;

	while (*end) {
		end++;
		KEEP_AS_LOOP(end);
	}
	return (size_t)(end - text);
}

size_t strnlen(const char *text, size_t limit)
{
	size_t length = 0;

	while (length < limit && text[length])
		length++;
	return length;
}

int strncmp(const char *one, const char *other, size_t limit)
{
	for (; limit; limit--, one++, other++)
		if (*one != *other || !*one)
			return (unsigned char)*one - (unsigned char)*other;
	return 0;
}

char *(strchr)(const char *text, int byte)
{
	for (; *text != (char)byte; text++)
		if (!*text)
			return NULL;
	return (char *)(uintptr_t)text;
}

char *(strrchr)(const char *text, int byte)
{
	const char *found = NULL;

	for (;; text++) {
		if (*text == (char)byte)
			found = text;
		if (!*text)
			return (char *)(uintptr_t)found;
	}
}
