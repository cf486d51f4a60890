/* epoll.c: whom an event of epoll tells, which has nothing but 64 bits of the program's own. */
#include "shim/audit/audit_epoll.h"

#include <sys/epoll.h>

#include "tests/unit/shim/audit/fixture.h"

static const struct hook wait_hook = {"epoll_wait", NULL};
static int set;

static void set_up(void)
{
	audit_set_up();
	set = epoll_create1(0);
	cr_assert(set >= 0);
}

TestSuite(epoll, .init = set_up, .fini = fixture_end);

static bool is_told(int fd)
{
	return fixture_socket(fd)->state & SOCKET_TOLD;
}

static void control(int operation, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = {.events = events, .data.u64 = data};
	uint64_t turn = audit_before(fd);

	cr_assert(epoll_ctl(set, operation, fd, &event) == 0);
	audit_epoll_registered(set, operation, fd, &event, turn);
}

/* As a wait that returned this event, and was begun when `turn` was the latest. */
static void tell(uint32_t events, uint64_t data, uint64_t turn)
{
	struct epoll_event event = {.events = events, .data.u64 = data};

	audit_epoll_waited(&wait_hook, set, &event, 1, turn);
}

static void wait_for_events(void)
{
	struct epoll_event events[4];
	uint64_t turn = socket_table_now();
	int count = epoll_wait(set, events, 4, 0);

	cr_assert(count >= 0);
	audit_epoll_waited(&wait_hook, set, events, count, turn);
}

Test(epoll, tells_of_an_end)
{
	struct pair pair = connect_tcp();

	control(EPOLL_CTL_ADD, pair.ours, EPOLLIN | EPOLLRDHUP, 7);
	peer_closes(&pair);
	wait_for_events();
	cr_expect(is_told(pair.ours));
	cr_expect_str_eq(record_of(pair.ours)->told_call, "epoll_wait");
}

Test(epoll, does_not_tell_where_the_end_was_not_asked_for)
{
	struct pair pair = connect_tcp();

	control(EPOLL_CTL_ADD, pair.ours, EPOLLIN, 7);
	peer_closes(&pair);
	wait_for_events();
	cr_expect_not(is_told(pair.ours));
}

/* Two connections with the same bits: the kernel says which has ended. */
Test(epoll, tells_the_one_of_two_with_the_same_bits_that_has_ended)
{
	struct pair ended = connect_tcp(), open_ = connect_tcp();

	control(EPOLL_CTL_ADD, ended.ours, EPOLLIN | EPOLLRDHUP, 7);
	control(EPOLL_CTL_ADD, open_.ours, EPOLLIN | EPOLLRDHUP, 7);
	peer_closes(&ended);
	wait_for_events();
	cr_expect(is_told(ended.ours));
	cr_expect_not(is_told(open_.ours));
}

Test(epoll, tells_nobody_of_what_was_taken_out)
{
	struct pair pair = connect_tcp();

	control(EPOLL_CTL_ADD, pair.ours, EPOLLIN | EPOLLRDHUP, 7);
	control(EPOLL_CTL_DEL, pair.ours, 0, 0);
	peer_closes(&pair);
	tell(EPOLLIN | EPOLLRDHUP, 7, socket_table_now());
	cr_expect_not(is_told(pair.ours));
}

Test(epoll, tells_by_the_bits_of_the_last_change)
{
	struct pair pair = connect_tcp();

	control(EPOLL_CTL_ADD, pair.ours, EPOLLIN | EPOLLRDHUP, 7);
	control(EPOLL_CTL_MOD, pair.ours, EPOLLIN | EPOLLRDHUP, 8);
	peer_closes(&pair);
	tell(EPOLLRDHUP, 7, socket_table_now());
	cr_expect_not(is_told(pair.ours));
	tell(EPOLLRDHUP, 8, socket_table_now());
	cr_expect(is_told(pair.ours));
}

/* The wait began when the bits stood for a connection that has been closed since. */
Test(epoll, tells_nobody_of_an_event_that_may_be_the_former_ones)
{
	struct pair former = connect_tcp(), next;
	uint64_t turn;

	control(EPOLL_CTL_ADD, former.ours, EPOLLIN | EPOLLRDHUP, 7);
	turn = socket_table_now();
	cr_assert(audited_close(former.ours) == 0);
	next = connect_tcp();
	control(EPOLL_CTL_ADD, next.ours, EPOLLIN | EPOLLRDHUP, 7);
	peer_closes(&next);
	tell(EPOLLRDHUP, 7, turn);
	cr_expect_not(is_told(next.ours));
	wait_for_events();
	cr_expect(is_told(next.ours));
}

Test(epoll, of_another_set_tells_nobody)
{
	struct pair pair = connect_tcp();
	struct epoll_event event = {.events = EPOLLRDHUP, .data.u64 = 7};

	control(EPOLL_CTL_ADD, pair.ours, EPOLLIN | EPOLLRDHUP, 7);
	peer_closes(&pair);
	audit_epoll_waited(&wait_hook, set + 100, &event, 1, socket_table_now());
	cr_expect_not(is_told(pair.ours));
}
