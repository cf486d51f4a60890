/*
 * A stack costs microseconds, and more where it is a new one: it is taken of what is rare, and not of the write that
 * everybody makes all the time. Below code of which no object knows anything an unwinder asks for the loaded objects
 * each time, which here is a function of the program's own that counts: none for writes that arrive, from however many
 * places.
 */
#include "tests/programs/jit.h"
#include "tests/programs/support.h"
#include <dlfcn.h>
#include <link.h>

typedef int iterate_function(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data);

static iterate_function *libc_iterate;
static int asked;
static struct ends ends;

int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
	asked++;
	return libc_iterate(callback, data);
}

static void write_that_arrives(void)
{
	char byte;

	CHECK(send(ends.ours, "x", 1, 0) == 1);
	CHECK(recv(ends.theirs, &byte, 1, 0) == 1);
}

SITE void write_to_closed_peer(void)
{
	CHECK_FAILS(send(ends.ours, "late", 4, MSG_NOSIGNAL), EPIPE);
}

int main(void)
{
	libc_iterate = (iterate_function *)dlsym(RTLD_NEXT, "dl_iterate_phdr");
	CHECK(libc_iterate != NULL);
	ends = ends_open("pair");
	asked = 0;
	for (int i = 0; i < 100; i++)
		jit_make(1)(write_that_arrives);
	CHECK(asked == 0);
	CHECK(close(ends.theirs) == 0);
	jit_make(1)(write_to_closed_peer);
	return 0;
}
