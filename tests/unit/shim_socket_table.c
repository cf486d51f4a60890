/* shim_socket_table.c: which descriptor means which socket, when a socket is given back; also from several threads. */
#include <pthread.h>
#include <sched.h>

#include "tests/unit/shim_fixture.h"

static int released;
static struct socket *last_released;

static void count_release(struct socket *socket)
{
	__atomic_fetch_add(&released, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&last_released, socket, __ATOMIC_RELAXED);
}

static void set_up(void)
{
	fixture_begin(1 << 20);
	socket_released = count_release;
}

TestSuite(shim_socket_table, .init = set_up, .fini = fixture_end);

static struct socket *new_socket(void)
{
	struct socket *socket = socket_new();

	cr_assert_not_null(socket);
	cr_expect(socket->holders == 0 && socket->descriptors == 0);
	return socket;
}

static struct socket *open_at(int fd)
{
	struct socket *socket = new_socket();

	cr_assert(socket_table_open(fd, socket));
	return socket;
}

__attribute__((nonnull)) static void expect_open(int fd, const struct socket *socket, int descriptors)
{
	cr_expect(fixture_socket(fd) == socket);
	cr_expect(socket->descriptors == descriptors && socket->holders == descriptors);
}

/* ---- entries ---- */

Test(shim_socket_table, nothing_is_known_at_first)
{
	static const int numbers[] = {0, 7, 1023, 1024, 1 << 20, -1, INT32_MIN, INT32_MAX};

	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		bool last = true;

		cr_expect(socket_table_entry(numbers[i]) == ENTRY_UNKNOWN);
		cr_expect_null(fixture_socket(numbers[i]));
		cr_expect_not(socket_table_is_other(numbers[i]));
		cr_expect_null(fixture_close(numbers[i], &last));
		cr_expect_not(last);
		socket_table_forget(numbers[i]);
	}
	cr_expect(socket_table_limit() == 0);
}

Test(shim_socket_table, what_is_no_socket)
{
	bool last;

	socket_table_set_other(5);
	cr_expect(socket_table_is_other(5) && !socket_table_is_other(4) && !socket_table_is_other(6));
	cr_expect_null(fixture_socket(5));
	cr_expect_null(fixture_close(5, &last));
	socket_table_set_passed(5);
	cr_expect(socket_entry_kind(socket_table_entry(5)) == ENTRY_PASSED);
	cr_expect_null(fixture_socket(5));
	cr_expect_not(socket_entry_is_open(ENTRY_PASSED) || socket_entry_is_closed(ENTRY_PASSED));
	cr_expect_null(fixture_close(5, &last));
	socket_table_forget(5);
	cr_expect(socket_entry_kind(socket_table_entry(5)) == ENTRY_UNKNOWN);
	cr_expect(socket_table_limit() == 6);
}

Test(shim_socket_table, open_and_close)
{
	struct socket *socket = open_at(3);
	bool last = false;

	expect_open(3, socket, 1);
	cr_expect(fixture_close(3, &last) == socket);
	cr_expect(last);
	cr_expect_null(fixture_socket(3));
	cr_expect(socket_entry_is_closed(socket_table_entry(3)), "that this program closed it stays known");
	cr_expect(socket_at(socket_entry_index(socket_table_entry(3))) == socket);
	cr_expect(socket->holders == 1 && socket->descriptors == 0 && released == 0);
	cr_expect_null(fixture_close(3, &last), "closed already");
	cr_expect_not(last);
	socket_table_forget(3);
	cr_expect(released == 1 && last_released == socket);
}

Test(shim_socket_table, a_socket_ends_with_its_last_descriptor)
{
	struct socket *socket = open_at(3);
	bool last;

	cr_assert(socket_table_open(4, socket) && socket_table_open(9, socket));
	cr_expect(socket->holders == 3 && socket->descriptors == 3);
	fixture_close(4, &last);
	cr_expect_not(last);
	fixture_close(3, &last);
	cr_expect_not(last);
	cr_expect(fixture_socket(9) == socket);
	fixture_close(9, &last);
	cr_expect(last);
	cr_expect(socket->holders == 3 && socket->descriptors == 0);
	socket_table_forget(3);
	socket_table_set_other(4);
	cr_expect(released == 0, "a closed number still remembers it");
	socket_table_set_passed(9);
	cr_expect(released == 1);
}

Test(shim_socket_table, a_number_is_used_again)
{
	struct socket *first = open_at(3), *second;
	bool last;

	fixture_close(3, &last);
	second = open_at(3);
	cr_expect(released == 1 && last_released == first);
	cr_expect(second != first);
	expect_open(3, second, 1);
	/* without a close: dup2, or a close that no hook saw */
	cr_assert(socket_table_open(4, second));
	socket_table_open(4, open_at(8));
	expect_open(3, second, 1);
	/* onto itself */
	cr_assert(socket_table_open(3, second));
	expect_open(3, second, 1);
	cr_expect(released == 1);
}

Test(shim_socket_table, a_close_that_did_not_happen)
{
	struct socket *socket = open_at(3), *other;
	bool last;

	fixture_close(3, &last);
	socket_table_reopen(3, socket);
	expect_open(3, socket, 1);
	socket_table_reopen(3, socket); /* it was open */
	expect_open(3, socket, 1);
	fixture_close(3, &last);
	other = open_at(3);
	socket_table_reopen(3, other);
	cr_expect(other->descriptors == 1);
	fixture_close(3, &last);
	cr_expect(last);
}

Test(shim_socket_table, numbers_out_of_range)
{
	const int highest = (int)(SOCKET_TABLE_CHUNK * SOCKET_TABLE_CHUNKS) - 1;
	struct socket *socket = new_socket();

	cr_expect_not(socket_table_open(-1, socket));
	cr_expect(trace_log_process()->lost[TRACE_LOST_FD_RANGE] == 0, "no descriptor at all is no loss");
	cr_expect_not(socket_table_open(highest + 1, socket));
	cr_expect(trace_log_process()->lost[TRACE_LOST_FD_RANGE] == 1);
	socket_table_set_other(INT32_MAX);
	socket_table_set_passed(-1);
	cr_expect(socket->holders == 0 && socket->descriptors == 0);
	cr_expect(socket_table_open(highest, socket));
	cr_expect(fixture_socket(highest) == socket);
	cr_expect(socket_table_limit() == highest + 1);
	cr_expect_null(fixture_socket(highest - 1));
}

/* ---- sockets ---- */

Test(shim_socket_table, what_is_given_back_is_used_again)
{
	struct socket *socket = open_at(3), *again;
	uint32_t index = socket->index;

	socket->cookie = 77;
	socket->state = SOCKET_TOLD;
	socket->registrations[1] = (struct registration){.epoll_fd = 5, .data = 6};
	socket_remember(socket, "write", 1, 2, 3, true);
	socket_table_forget(3);
	again = new_socket();
	cr_expect(again == socket && again->index == index, "the last one given back is the first one used");
	cr_expect(again->cookie == 0 && again->state == 0 && again->next_operation == 0);
	for (int i = 0; i < SOCKET_REGISTRATIONS; i++)
		cr_expect(again->registrations[i].epoll_fd == -1);
	cr_expect(new_socket() != again);
	socket_discard(again);
	cr_expect(new_socket() == again && released == 1, "one that no entry ever held is not released");
}

Test(shim_socket_table, many_sockets_at_once)
{
	enum { MANY = 5000 };
	static struct socket *sockets[MANY];

	for (int i = 0; i < MANY; i++) {
		sockets[i] = open_at(i);
		sockets[i]->cookie = 1000 + (uint64_t)i;
	}
	for (int i = 0; i < MANY; i++) {
		cr_assert(fixture_socket(i) == sockets[i]);
		cr_assert(sockets[i]->cookie == 1000 + (uint64_t)i, "no two of them share memory");
	}
	for (int i = 0; i < MANY; i++)
		socket_table_forget(i);
	cr_expect(released == MANY);
	for (int i = 0; i < MANY; i++)
		cr_assert(open_at(i)->index < MANY, "nothing new is needed for as many again");
}

Test(shim_socket_table, a_socket_is_found_by_its_cookie)
{
	struct socket *socket = open_at(3);
	bool last;

	open_at(4)->cookie = 50;
	socket->cookie = 51;
	cr_expect(fixture_find_cookie(51) == socket);
	cr_expect_null(fixture_find_cookie(52));
	cr_expect_null(fixture_find_cookie(0), "no cookie is not a cookie");
	fixture_close(3, &last);
	cr_expect_null(fixture_find_cookie(51), "what is closed is not found");
}

static int visits;

static void visit(struct socket_hold *hold)
{
	cr_expect(hold->socket->cookie != 51);
	visits++;
}

Test(shim_socket_table, each_open_socket_is_visited)
{
	bool last;

	for (int i = 0; i < 200; i++)
		open_at(i)->cookie = i == 77 ? 51 : 50;
	cr_assert(socket_table_open(500, fixture_socket(0)));
	fixture_close(77, &last);
	socket_for_each(visit);
	cr_expect(visits == 199);
}

/* ---- the flight recorder ---- */

Test(shim_socket_table, the_last_operations_are_remembered)
{
	struct socket *socket = new_socket();

	for (uint32_t i = 0; i < TRACE_HISTORY + 5; i++)
		socket_remember(socket, "send", i, 100 + i, i % 2 ? -32 : (long)i, i % 2);
	cr_expect(socket->next_operation == TRACE_HISTORY + 5);
	for (uint32_t i = 5; i < TRACE_HISTORY + 5; i++) {
		const struct operation *operation = &socket->operations[i % TRACE_HISTORY];

		cr_expect(operation->t_ns == i && operation->length == 100 + i && operation->writes == i % 2);
		cr_expect(operation->result == (i % 2 ? -32 : (int32_t)i));
	}
}

Test(shim_socket_table, large_numbers_saturate)
{
	struct socket *socket = new_socket();

	socket_remember(socket, "sendfile", 1, (size_t)1 << 40, (long)1 << 40, true);
	cr_expect(socket->operations[0].length == INT32_MAX && socket->operations[0].result == INT32_MAX);
}

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

Test(shim_socket_table, a_storm_of_opens_and_closes, .timeout = 600)
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
