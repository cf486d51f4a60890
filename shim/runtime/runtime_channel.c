/* runtime_channel.c: one table of verbs. */
#include "shim/runtime/runtime_channel.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "shim/base/config.h"
#include "shim/base/process.h"
#include "shim/socksan.h"
#include "shim/verdict/tally.h"

#define MAX_ARGUMENTS 6

static const char prefix[] = "socksan ";

struct message {
	void *bytes;
	size_t length;
	const char *arguments[MAX_ARGUMENTS];
};

/* Decimal, with a minus where it is negative. What is no number counts up to where it ends. */
static int64_t number(const char *text)
{
	bool negative = *text == '-';
	uint64_t value = 0;

	for (text += negative; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (uint64_t)(*text - '0');
	return negative ? -(int64_t)value : (int64_t)value;
}

static int64_t take_hello(const struct message *message)
{
	(void)message;
	return process_ready() && config.python ? 1 : -1;
}

static int64_t take_page(const struct message *message)
{
	if (message->length != sizeof(struct tally_page) || (uintptr_t)message->bytes % _Alignof(struct tally_page))
		return -1;
	return tally_use(message->bytes);
}

static int64_t take_no_page(const struct message *message)
{
	(void)message;
	return tally_use(NULL);
}

static int64_t take_socket(const struct message *message)
{
	return (int64_t)socksan_socket_id((int)number(message->arguments[0]));
}

static int64_t take_dropped(const struct message *message)
{
	const char *const *arguments = message->arguments;

	return (int64_t)socksan_dropped_write((int)number(arguments[1]), (uint64_t)number(arguments[2]),
		(size_t)number(arguments[3]), (int)number(arguments[0]), arguments[4], arguments[5]);
}

static int64_t take_again(const struct message *message)
{
	socksan_dropped_again((uint64_t)number(message->arguments[0]), (size_t)number(message->arguments[1]));
	return 0;
}

static int64_t take_amend(const struct message *message)
{
	socksan_amend((uint64_t)number(message->arguments[0]), message->arguments[1]);
	return 0;
}

static int64_t take_annotate(const struct message *message)
{
	const char *const *arguments = message->arguments;

	socksan_annotate((uint64_t)number(arguments[0]), (uint64_t)number(arguments[1]), arguments[2]);
	return 0;
}

static int64_t take_opaque(const struct message *message)
{
	(void)message;
	socksan_opaque_runtime();
	return 0;
}

static int64_t take_gap(const struct message *message)
{
	socksan_not_covered(message->arguments[1], number(message->arguments[0]) != 0);
	return 0;
}

struct verb {
	const char *name;
	unsigned arguments;
	int64_t (*take)(const struct message *message);
};

static const struct verb verbs[] = {
	{"hello", 0, take_hello},
	{"page", 0, take_page},
	{"no-page", 0, take_no_page},
	{"socket", 1, take_socket},
	{"dropped", 6, take_dropped},
	{"again", 2, take_again},
	{"amend", 2, take_amend},
	{"annotate", 3, take_annotate},
	{"opaque", 0, take_opaque},
	{"gap", 2, take_gap},
};

/* Finds the verb and its arguments. Each ends within the message. */
static const struct verb *parse(struct message *message)
{
	const char *at = message->bytes;
	const char *end = at + message->length;
	const size_t skipped = sizeof(prefix) - 1;

	if (message->length <= skipped || memcmp(at, prefix, skipped))
		return NULL;
	at += skipped;
	for (const struct verb *verb = verbs; verb < verbs + sizeof(verbs) / sizeof(*verbs); verb++) {
		size_t length = strlen(verb->name) + 1;

		if ((size_t)(end - at) < length || memcmp(at, verb->name, length))
			continue;
		at += length;
		for (unsigned i = 0; i < verb->arguments; i++) {
			message->arguments[i] = at;
			at = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
			if (!at++)
				return NULL;
		}
		return verb;
	}
	return NULL;
}

long runtime_channel_take(void *bytes, size_t length)
{
	struct message message = {.bytes = bytes, .length = length};
	const struct verb *verb = parse(&message);
	int64_t result = verb ? verb->take(&message) : -1;

	if (result < 0)
		errno = EBADF;
	return result < 0 ? -1 : (long)result;
}
