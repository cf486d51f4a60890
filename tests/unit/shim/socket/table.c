/* table.c: descriptors, sockets and the flight recorder, one step at a time. */
#include "tests/unit/shim/socket/table_fixture.h"

TestSuite(socket_table, .init = set_up, .fini = fixture_end);

/* ---- entries ---- */

Test(socket_table, nothing_is_known_at_first)
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

Test(socket_table, what_is_no_socket)
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

Test(socket_table, open_and_close)
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

Test(socket_table, a_socket_ends_with_its_last_descriptor)
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

Test(socket_table, a_number_is_used_again)
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

Test(socket_table, a_close_that_did_not_happen)
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

Test(socket_table, numbers_out_of_range)
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

Test(socket_table, what_is_given_back_is_used_again)
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

Test(socket_table, many_sockets_at_once)
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

Test(socket_table, a_socket_is_found_by_its_cookie)
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

Test(socket_table, each_open_socket_is_visited)
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

Test(socket_table, the_last_operations_are_remembered)
{
	struct socket *socket = new_socket();

	for (uint32_t i = 0; i < TRACE_HISTORY + 5; i++)
		socket_remember(socket, "send", i, 100 + i, i % 2 ? -32 : (long)i, i % 2);
	cr_expect(socket->next_operation == TRACE_HISTORY + 5);
	for (uint32_t i = 5; i < TRACE_HISTORY + 5; i++) {
		const struct operation *operation = &socket->operations[i % TRACE_HISTORY];

		cr_expect(operation->t_ns == i && operation->length == ((100 + i) | (i % 2 ? OPERATION_WRITES : 0)));
		cr_expect(operation->result == (i % 2 ? -32 : (int32_t)i));
	}
}

Test(socket_table, large_numbers_saturate)
{
	struct socket *socket = new_socket();

	socket_remember(socket, "sendfile", 1, (size_t)1 << 40, (long)1 << 40, true);
	cr_expect(socket->operations[0].length == (INT32_MAX | OPERATION_WRITES) &&
		  socket->operations[0].result == INT32_MAX);
}
