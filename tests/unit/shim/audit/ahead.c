/* ahead.c: what one question to the kernel says of several connections, and how long that holds. */
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "shim/audit/audit_ahead.h"
#include "shim/audit/audit_open.h"
#include "shim/base/kernel.h"
#include "shim/base/thread.h"
#include "tests/unit/shim/fixture.h"

#define PAIRS 12

static int ours[PAIRS], theirs[PAIRS];
static struct socket *sockets[PAIRS];

static void set_up(void)
{
	fixture_begin(1 << 20);
	for (int i = 0; i < PAIRS; i++) {
		int fds[2];

		cr_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
		audit_made_pair(fds, AF_UNIX, SOCK_STREAM, 0);
		ours[i] = fds[0];
		theirs[i] = fds[1];
		sockets[i] = fixture_socket(fds[0]);
		cr_assert_not_null(sockets[i]);
	}
}

TestSuite(ahead, .init = set_up, .fini = fixture_end);

/* A wait has told of input on the first so many. */
static void wait_for(int count)
{
	audit_ahead_begin();
	for (int i = 0; i < count; i++)
		audit_ahead_note(ours[i]);
}

static unsigned held(uint64_t now_ns)
{
	unsigned count = 0;

	for (int i = 0; i < PAIRS; i++)
		count += now_ns - sockets[i]->clean_ns < AHEAD_HOLDS_NS && sockets[i]->clean_endings == socket_endings;
	return count;
}

/* As a write does: takes what holds, or asks. Returns whether it had to ask. */
static bool look(int i, uint64_t now_ns)
{
	uint32_t endings = socket_endings;

	if (audit_ahead_holds(sockets[i], now_ns))
		return false;
	cr_expect(audit_ahead_poll(ours[i], sockets[i], now_ns) == POLLOUT, "connection %d", i);
	audit_ahead_clean(sockets[i], now_ns, endings);
	return true;
}

Test(ahead, the_next_ones_are_asked_for_as_well)
{
	uint64_t now_ns = kernel_now_ns();

	wait_for(4);
	cr_expect(look(0, now_ns));
	cr_expect(held(now_ns) == 2, "%u", held(now_ns));
	cr_expect(!look(1, now_ns));
	cr_expect(look(2, now_ns));
	cr_expect(!look(3, now_ns));
}

Test(ahead, those_that_are_answered_in_reverse_order_too)
{
	uint64_t now_ns = kernel_now_ns();

	wait_for(4);
	cr_expect(look(3, now_ns));
	cr_expect(!look(2, now_ns));
	cr_expect(look(1, now_ns));
	cr_expect(!look(0, now_ns));
}

Test(ahead, one_that_no_wait_told_of_is_asked_for_alone)
{
	uint64_t now_ns = kernel_now_ns();

	cr_expect(look(0, now_ns));
	cr_expect(held(now_ns) == 1);
	wait_for(4);
	cr_expect(look(7, now_ns));
	cr_expect(held(now_ns) == 2);
	audit_ahead_begin();
	cr_expect(look(1, now_ns));
	cr_expect(held(now_ns) == 3, "the wait before the last counts no more");
}

Test(ahead, it_holds_for_a_moment)
{
	uint64_t now_ns = kernel_now_ns();

	wait_for(2);
	cr_expect(look(0, now_ns));
	cr_expect(!audit_ahead_holds(sockets[1], now_ns + AHEAD_HOLDS_NS));
	cr_expect(audit_ahead_holds(sockets[1], now_ns + AHEAD_HOLDS_NS - 1));
}

Test(ahead, it_holds_until_something_is_closed)
{
	uint64_t now_ns = kernel_now_ns();

	wait_for(2);
	cr_expect(look(0, now_ns));
	socket_note_ending();
	cr_expect(!audit_ahead_holds(sockets[1], now_ns));
}

Test(ahead, what_has_ended_is_not_called_clean)
{
	uint64_t now_ns = kernel_now_ns();

	cr_assert(close(theirs[1]) == 0);
	wait_for(3);
	cr_expect(look(0, now_ns));
	cr_expect(!audit_ahead_holds(sockets[1], now_ns));
	cr_expect(audit_ahead_poll(ours[1], sockets[1], now_ns) & POLLRDHUP);
}

/* One more each time that it was of use, eight at most; half as many where it had grown too old. */
Test(ahead, as_many_as_are_of_use)
{
	uint64_t now_ns = kernel_now_ns();
	int asked = 0;

	for (int round = 0; round < 10; round++) {
		now_ns += AHEAD_HOLDS_NS;
		wait_for(PAIRS);
		asked = 0;
		for (int i = 0; i < PAIRS; i++)
			asked += look(i, now_ns);
	}
	cr_expect(asked == 2, "%d questions for %d answers", asked, PAIRS);
	cr_expect(thread_state.ahead == 8);
	for (int round = 0; round < 5; round++) {
		wait_for(PAIRS);
		for (int i = 0; i < PAIRS; i++) {
			now_ns += AHEAD_HOLDS_NS;
			look(i, now_ns);
		}
	}
	cr_expect(thread_state.ahead == 2, "%u", thread_state.ahead);
}

/* poll refuses more descriptors than a process may have; the one that matters is asked for all the same. */
Test(ahead, where_only_one_may_be_asked_for)
{
	uint64_t now_ns = kernel_now_ns();
	struct rlimit limit = {1, 1};

	cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	wait_for(4);
	cr_expect(look(0, now_ns));
	cr_expect(held(now_ns) == 1);
}

Test(ahead, a_wait_that_tells_of_many)
{
	uint64_t now_ns = kernel_now_ns();

	audit_ahead_begin();
	for (int i = 0; i < 3 * THREAD_READY; i++)
		audit_ahead_note(ours[i % PAIRS]);
	cr_expect(thread_state.ready_count == THREAD_READY);
	cr_expect(look(PAIRS - 1, now_ns));
}
