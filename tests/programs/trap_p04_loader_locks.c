/*
 * The loader's lock is held around what dl_iterate_phdr calls and around dlopen and dlclose, and unwinding takes it.
 * Threads of this program load and unload, write to dead connections from inside dl_iterate_phdr, and write to them
 * outside, each stack a new one: whoever holds a lock of an audit's own while it waits for the loader's, waits for
 * ever.
 *
 * trap_p04_loader_locks first    the first socket of all is made inside dl_iterate_phdr, while another thread is in
 * dlopen trap_p04_loader_locks busy     all at once
 */
#include "tests/programs/support.h"
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>

enum { TIMES = 300 };

static _Atomic int started;

SITE void write_to_closed_peer(int fd)
{
	CHECK_FAILS(send(fd, "late", 4, MSG_NOSIGNAL), EPIPE);
}

/* Writes below `depth` more frames: stacks that nobody has seen yet. */
SITE void write_at_depth(int fd, int depth)
{
	if (depth > 0)
		write_at_depth(fd, depth - 1);
	else
		write_to_closed_peer(fd);
	__asm__ volatile("");
}

static void one_round(int depth)
{
	struct ends ends = ends_open("pair");

	CHECK(close(ends.theirs) == 0);
	write_at_depth(ends.ours, depth % 30);
	CHECK(close(ends.ours) == 0);
}

static int with_the_lock(struct dl_phdr_info *info, size_t size, void *round)
{
	(void)info;
	(void)size;
	one_round(*(int *)round);
	return 1;
}

static void *iterate(void *unused)
{
	started++;
	for (int i = 0; i < TIMES; i++)
		dl_iterate_phdr(with_the_lock, &i);
	return unused;
}

static void *write_outside(void *unused)
{
	started++;
	for (int i = 0; i < TIMES; i++)
		one_round(i);
	return unused;
}

static void *load_and_unload(void *unused)
{
	for (int i = 0; i < TIMES; i++) {
		void *library = dlopen("libresolv.so.2", RTLD_NOW);

		CHECK(library != NULL);
		one_round(i);
		CHECK(dlclose(library) == 0);
	}
	return unused;
}

static struct ends first_ends;

/* Makes the first socket with a lock that the other thread waits for in its dlopen. */
static int make_the_first_socket(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)info;
	(void)size;
	(void)unused;
	while (started < 1)
		continue;
	for (int i = 0; i < 20; i++)
		pause_1ms();
	first_ends = ends_open("pair");
	return 1;
}

static void *load_once(void *unused)
{
	started++;
	CHECK(dlopen("libresolv.so.2", RTLD_NOW) != NULL);
	return unused;
}

int main(int argc, char **argv)
{
	void *(*const works[])(void *) = {iterate, write_outside, load_and_unload};
	pthread_t threads[3];

	if (same(argument(argc, argv, 1), "first")) {
		CHECK(pthread_create(&threads[0], NULL, load_once, NULL) == 0);
		dl_iterate_phdr(make_the_first_socket, NULL);
		CHECK(pthread_join(threads[0], NULL) == 0);
		one_round(0);
		return 0;
	}
	one_round(0);
	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&threads[i], NULL, works[i], NULL) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	return 0;
}
