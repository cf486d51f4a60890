/*
 * A thread has the loader's lock, as in the midst of a dlopen, and makes a late write (in a signal handler, say), while
 * another thread is taking a stack of which the unwinder has seen nothing yet: that one holds a lock of the unwinder's
 * and asks for the loaded objects. If it waits for the loader's lock then, each waits for the other for ever.
 *
 * libc's own dl_iterate_phdr, looked up past everybody who stands before it, stands for the dlopen: both hold the same
 * lock.
 */
#include "tests/programs/support.h"
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>

typedef int callback_function(struct dl_phdr_info *, size_t, void *);
typedef int iterate_function(callback_function *callback, void *data);

static iterate_function *next_iterate;
static __thread bool watched;
static _Atomic bool holding, asks;

/* Where an unwinder finds it first: tells that the other thread is about to ask. */
int dl_iterate_phdr(callback_function *callback, void *data)
{
	if (watched)
		asks = true;
	return next_iterate(callback, data);
}

static int end_of(struct ends ends)
{
	CHECK(close(ends.theirs) == 0);
	return ends.ours;
}

SITE void write_outside(int fd)
{
	CHECK_FAILS(send(fd, "outside", 7, MSG_NOSIGNAL), EPIPE);
}

SITE void write_with_lock(int fd)
{
	CHECK_FAILS(send(fd, "within", 6, MSG_NOSIGNAL), EPIPE);
}

static void *write_once(void *ends)
{
	while (!holding)
		pause_1ms();
	watched = true;
	write_outside(end_of(*(struct ends *)ends));
	watched = false;
	asks = true; /* as it is without an audit */
	return NULL;
}

static int with_the_lock(struct dl_phdr_info *info, size_t size, void *ends)
{
	(void)info;
	(void)size;
	holding = true;
	while (!asks)
		pause_1ms();
	for (int i = 0; i < 20; i++)
		pause_1ms();
	write_with_lock(end_of(*(struct ends *)ends));
	return 1;
}

int main(void)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	iterate_function *libc_iterate;
	struct ends ends[2];
	pthread_t thread;

	CHECK(libc != NULL);
	libc_iterate = (iterate_function *)dlsym(libc, "dl_iterate_phdr");
	next_iterate = (iterate_function *)dlsym(RTLD_NEXT, "dl_iterate_phdr");
	CHECK(libc_iterate != NULL && next_iterate != NULL);
	ends[0] = ends_open("pair");
	ends[1] = ends_open("pair");
	CHECK(pthread_create(&thread, NULL, write_once, &ends[0]) == 0);
	CHECK(libc_iterate(with_the_lock, &ends[1]) == 1);
	CHECK(pthread_join(thread, NULL) == 0);
	return 0;
}
