/*
 * Uses sockets before any library's constructor has run, and after every destructor: in .preinit_array, and in the
 * write function of a stream that stdio flushes when all else is over. A thread goes on meanwhile.
 */
#include "tests/programs/support.h"

static struct ends early;
static struct ends late;

SITE void write_before_constructors(void)
{
	CHECK_FAILS(send(early.ours, "early", 5, MSG_NOSIGNAL), EPIPE);
}

static void before_constructors(int argc, char **argv, char **environment)
{
	(void)argc;
	(void)argv;
	(void)environment;
	early = ends_open("pair");
	CHECK(close(early.theirs) == 0);
	write_before_constructors();
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit)(
	int, char **, char **) = before_constructors;

SITE void write_after_destructors(void)
{
	CHECK_FAILS(send(late.ours, "late!", 5, MSG_NOSIGNAL), EPIPE);
}

static ssize_t flushed_at_exit(void *unused, const char *bytes, size_t size)
{
	(void)unused;
	(void)bytes;
	write_after_destructors();
	CHECK(close(late.ours) == 0);
	CHECK(write(1, "flushed\n", 8) == 8);
	return (ssize_t)size;
}

int main(void)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = flushed_at_exit});

	late = ends_open("pair");
	CHECK(close(late.theirs) == 0);
	CHECK(stream != NULL && fputs("left in the buffer", stream) >= 0);
	return 0;
}
