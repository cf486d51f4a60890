/* table_storm.c: threads that open and close the same numbers of the table at once. */
#include "tests/unit/shim/socket/table_fixture.h"

TestSuite(socket_table, .init = set_up, .fini = fixture_end);

/* ---- a storm ---- */

/*
 * Threads that open, copy and close on the same numbers, as a kernel would hand them out: a number is one thread's at a
 * time. Anybody may close, replace or copy onto any number that somebody holds.
 */
enum { THREADS = 4, NUMBERS = 48, KEPT = 4, ROUNDS = 300000 / FIXTURE_SLOWER };

static uint32_t taken[NUMBERS];
static int made;
static uint32_t highest_index;

static bool take(int fd)
{
	uint32_t none = 0;

	return __atomic_compare_exchange_n(&taken[fd], &none, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void give(int fd)
{
	__atomic_store_n(&taken[fd], 0, __ATOMIC_RELEASE);
}

static struct socket *storm_new(void)
{
	struct socket *socket = socket_new();
	uint32_t seen = __atomic_load_n(&highest_index, __ATOMIC_RELAXED);

	__atomic_fetch_add(&made, 1, __ATOMIC_RELAXED);
	while (socket->index > seen && !__atomic_compare_exchange_n(&highest_index, &seen, socket->index, false,
					       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return socket;
}

/* One change to a number that is this thread's for the moment. `own` is one of its own for good, which has a socket. */
static void storm_change(int fd, int own, unsigned dice)
{
	bool last;

	switch (dice % 8) {
	case 0:
	case 1:
	case 2: socket_table_open(fd, storm_new()); break;
	case 3: socket_table_open(fd, fixture_socket(own)); break;
	case 4:
	case 5: fixture_close(fd, &last); break;
	case 6: {
		struct socket *socket = fixture_close(fd, &last);

		if (socket)
			socket_table_reopen(fd, socket);
		break;
	}
	default: dice & 8 ? socket_table_forget(fd) : socket_table_set_other(fd); break;
	}
}

static void *storm(void *argument)
{
	int own = NUMBERS + KEPT * (int)(intptr_t)argument;
	unsigned dice = 12345u * (unsigned)own;

	for (int i = 0; i < KEPT; i++)
		socket_table_open(own + i, storm_new());
	for (int round = 0; round < ROUNDS; round++) {
		int fd = (int)((dice >> 8) % NUMBERS);

		dice = dice * 1664525u + 1013904223u;
		if (take(fd)) {
			storm_change(fd, own + (int)(dice >> 28) % KEPT, dice >> 16);
			give(fd);
		}
		fixture_socket((int)(dice >> 20) % NUMBERS);
		if (dice % 64 == 0)
			socket_table_open(own + round % KEPT, storm_new());
	}
	return NULL;
}

static struct socket *of_entry(uint64_t entry)
{
	return socket_entry_is_open(entry) || socket_entry_is_closed(entry) ? socket_at(socket_entry_index(entry))
									    : NULL;
}

static int storm_entries(const struct socket *socket, bool open)
{
	int count = 0;

	for (int fd = 0; fd < socket_table_limit(); fd++) {
		uint64_t entry = socket_table_entry(fd);

		if (of_entry(entry) == socket)
			count += !open || socket_entry_is_open(entry);
	}
	return count;
}

Test(socket_table, a_storm_of_opens_and_closes, .timeout = 600)
{
	pthread_t threads[THREADS];

	for (intptr_t i = 0; i < THREADS; i++)
		cr_assert(pthread_create(&threads[i], NULL, storm, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int fd = 0; fd < socket_table_limit(); fd++) {
		uint64_t entry = socket_table_entry(fd);

		if (!of_entry(entry))
			continue;
		cr_expect(of_entry(entry)->holders == storm_entries(of_entry(entry), false));
		cr_expect(of_entry(entry)->descriptors == storm_entries(of_entry(entry), true));
	}
	/* each thread holds at most one more than the numbers do, at any moment */
	cr_expect(highest_index < NUMBERS + THREADS * (KEPT + 2), "%u sockets at once", highest_index);
	cr_expect(made > ROUNDS / 8);
	for (int fd = 0; fd < socket_table_limit(); fd++)
		socket_table_forget(fd);
	cr_expect(released == made, "%d of %d were given back", released, made);
}
