/*
 * completions.c: which completion means which operation, and when the program knows of it. The ring is ordinary memory:
 * the test does what liburing and the kernel would do.
 */
#include <errno.h>
#include <sys/socket.h>

#include "shim/audit/audit_open.h"
#include "shim/uring/audit_uring.h"
#include "shim/uring/uring_layout.h"
#include "shim/uring/uring_table.h"
#include "tests/unit/shim/fixture.h"

enum { SUBMISSIONS = 8, COMPLETIONS = 16 };

struct completion { /* struct io_uring_cqe without what may follow it */
	uint64_t user_data;
	int32_t result;
	uint32_t flags;
};

static struct {
	unsigned sq_head;
	unsigned sq_tail;
	unsigned sq_mask;
	unsigned sq_entries;
	unsigned cq_head;
	unsigned cq_tail;
	unsigned cq_mask;
	unsigned cq_entries;
	struct io_uring_sqe sqes[SUBMISSIONS];
	struct completion cqes[COMPLETIONS];
} shared;

static struct uring ring;

static void ring_begin(void)
{
	memset(&shared, 0, sizeof(shared));
	shared.sq_mask = SUBMISSIONS - 1;
	shared.sq_entries = SUBMISSIONS;
	shared.cq_mask = COMPLETIONS - 1;
	shared.cq_entries = COMPLETIONS;
	ring = (struct uring){
		.sq = {.head = &shared.sq_head,
			.tail = &shared.sq_tail,
			.mask = &shared.sq_mask,
			.entries = &shared.sq_entries,
			.sqes = shared.sqes},
		.cq = {.head = &shared.cq_head,
			.tail = &shared.cq_tail,
			.mask = &shared.cq_mask,
			.entries = &shared.cq_entries,
			.cqes = (struct io_uring_cqe *)shared.cqes},
		.fd = -1,
	};
	audit_uring_made(&ring);
}

static void set_up(void)
{
	fixture_begin(1 << 20);
	ring_begin();
}

TestSuite(uring, .init = set_up, .fini = fixture_end);

static struct io_uring_sqe *fill(uint8_t opcode, int fd, uint64_t user_data)
{
	static const char text[] = "text";
	struct io_uring_sqe *sqe = &shared.sqes[ring.sq.sqe_tail++ & shared.sq_mask];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->fd = fd;
	sqe->user_data = user_data;
	sqe->addr = (uintptr_t)text;
	sqe->len = sizeof(text) - 1;
	return sqe;
}

static void post(uint64_t user_data, int result, uint32_t flags)
{
	shared.cqes[shared.cq_tail & shared.cq_mask] = (struct completion){user_data, result, flags};
	shared.cq_tail++;
}

/* One call that submits: of what was filled in the kernel takes so many. What it posts then, `posts` does. */
static void submit(unsigned taken, void (*posts)(void))
{
	struct audit_uring call;

	audit_uring_begin(&call, &ring, true);
	ring.sq.sqe_head = shared.sq_tail = ring.sq.sqe_tail;
	shared.sq_head += taken;
	if (posts)
		posts();
	audit_uring_end(&call, &ring, 0);
}

static void look(void)
{
	submit(0, NULL);
}

static void open_pair(int fds[2])
{
	cr_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	audit_made_pair(fds, AF_UNIX, SOCK_STREAM, 0);
}

static bool is_told(int fd)
{
	return fixture_socket(fd)->state & SOCKET_TOLD;
}

static uint64_t writes_of(int fd)
{
	return fixture_socket(fd)->record->writes;
}

static bool is_flagged(void)
{
	return trace_log_process()->coverage & TRACE_USED_IO_URING;
}

Test(uring, what_is_posted_is_told_when_it_is_taken)
{
	int fds[2];

	open_pair(fds);
	fill(IORING_OP_RECV, fds[0], 1);
	submit(1, NULL);
	close(fds[1]);
	post(1, 0, 0);
	look();
	cr_assert(!is_told(fds[0]));
	shared.cq_head++;
	look();
	cr_assert(is_told(fds[0]));
	cr_assert(!is_flagged());
}

Test(uring, what_a_call_hands_out_is_told_then)
{
	struct audit_uring call;
	int fds[2];

	open_pair(fds);
	fill(IORING_OP_RECV, fds[0], 1);
	submit(1, NULL);
	close(fds[1]);
	post(1, 0, 0);
	audit_uring_begin(&call, &ring, false);
	audit_uring_end(&call, &ring, 1);
	cr_assert(is_told(fds[0]));
}

Test(uring, shared_user_data_tell_nothing)
{
	int one[2];
	int two[2];

	open_pair(one);
	open_pair(two);
	fill(IORING_OP_RECV, one[0], 1);
	fill(IORING_OP_RECV, two[0], 1);
	submit(2, NULL);
	close(one[1]);
	post(1, 0, 0);
	post(1, 4, 0);
	shared.cq_head = shared.cq_tail;
	look();
	cr_assert(!is_told(one[0]));
	cr_assert(!is_told(two[0]));
	cr_assert(fixture_socket(two[0])->record->bytes_received == 0);
	/* both are over: the same user_data mean one operation again */
	fill(IORING_OP_RECV, one[0], 1);
	submit(1, NULL);
	post(1, 0, 0);
	shared.cq_head = shared.cq_tail;
	look();
	cr_assert(is_told(one[0]));
	cr_assert(fixture_socket(one[0])->in_flight == 0 && fixture_socket(two[0])->in_flight == 0);
}

Test(uring, an_older_completion_is_of_another_operation)
{
	int fds[2];

	open_pair(fds);
	post(1, 0, 0);
	shared.cq_head = shared.cq_tail;
	fill(IORING_OP_RECV, fds[0], 1);
	submit(1, NULL);
	look();
	cr_assert(!is_told(fds[0]));
	cr_assert(fixture_socket(fds[0])->in_flight == 1);
}

Test(uring, a_message_may_bear_any_user_data)
{
	int fds[2];

	ring.fd = 999;
	audit_uring_made(&ring);
	open_pair(fds);
	fill(IORING_OP_RECV, fds[0], 1);
	fill(IORING_OP_MSG_RING, 999, 2)->off = 1;
	submit(2, NULL);
	post(1, 0, 0);
	shared.cq_head = shared.cq_tail;
	look();
	cr_assert(!is_told(fds[0]));
}

Test(uring, what_the_kernel_leaves_is_looked_at_again)
{
	int fds[2];

	open_pair(fds);
	fill(IORING_OP_SEND, fds[0], 1);
	fill(IORING_OP_SEND, fds[0], 2);
	submit(1, NULL);
	cr_assert(fixture_socket(fds[0])->in_flight == 1);
	submit(1, NULL);
	cr_assert(fixture_socket(fds[0])->in_flight == 2);
	post(1, 4, 0);
	post(2, 4, 0);
	look();
	cr_assert(writes_of(fds[0]) == 2 && fixture_socket(fds[0])->in_flight == 0);
	cr_assert(!is_flagged());
}

Test(uring, a_cancelled_write_is_none)
{
	int fds[2];

	open_pair(fds);
	close(fds[1]);
	fill(IORING_OP_SEND, fds[0], 1);
	submit(1, NULL);
	cr_assert(fixture_socket(fds[0])->record->writes_after_peer_close == 1);
	post(1, -ECANCELED, 0);
	look();
	cr_assert(writes_of(fds[0]) == 0 && fixture_socket(fds[0])->record->writes_after_peer_close == 0);
}

Test(uring, a_notification_is_no_result)
{
	int fds[2];

	open_pair(fds);
	fill(IORING_OP_SEND_ZC, fds[0], 1);
	submit(1, NULL);
	post(1, 4, URING_CQE_MORE);
	look();
	cr_assert(writes_of(fds[0]) == 1 && fixture_socket(fds[0])->in_flight == 1);
	post(1, 0, URING_CQE_NOTIFICATION);
	look();
	cr_assert(writes_of(fds[0]) == 1 && fixture_socket(fds[0])->in_flight == 0);
}

Test(uring, a_failure_may_be_of_one_that_completes_only_so)
{
	int one[2];
	int two[2];

	open_pair(one);
	open_pair(two);
	fill(IORING_OP_RECV, one[0], 1)->flags = IOSQE_CQE_SKIP_SUCCESS;
	submit(1, NULL);
	fill(IORING_OP_RECV, two[0], 1);
	submit(1, NULL);
	post(1, -ECONNRESET, 0);
	shared.cq_head = shared.cq_tail;
	look();
	cr_assert(!is_told(one[0]));
	cr_assert(!is_told(two[0]));
}

/* The kernel goes round the queue while nobody calls us. */
Test(uring, what_was_missed_is_said)
{
	int fds[2];

	open_pair(fds);
	fill(IORING_OP_RECV, fds[0], 1);
	submit(1, NULL);
	for (int i = 0; i <= COMPLETIONS; i++)
		post(1, 0, 0);
	shared.cq_head = shared.cq_tail;
	look();
	cr_assert(is_flagged());
	cr_assert(!is_told(fds[0]));
	cr_assert(fixture_socket(fds[0])->in_flight == 0);
}

Test(uring, submissions_past_us_are_said)
{
	look();
	cr_assert(!is_flagged());
	shared.sq_head++;
	look();
	cr_assert(is_flagged());
}

Test(uring, a_ring_that_was_used_before_is_said)
{
	audit_uring_ends(&ring);
	shared.sq_head = shared.sq_tail = ring.sq.sqe_head = ring.sq.sqe_tail = 3;
	look();
	cr_assert(is_flagged());
}

Test(uring, a_number_that_is_another_socket_by_now)
{
	int fds[2];
	int later[2];

	open_pair(fds);
	fill(IORING_OP_RECV, fds[0], 1);
	submit(1, NULL);
	close(fds[0]);
	socket_table_forget(fds[0]);
	open_pair(later);
	cr_assert(later[0] == fds[0]);
	post(1, 0, 0);
	shared.cq_head = shared.cq_tail;
	look();
	cr_assert(!is_told(later[0]));
	cr_assert(fixture_socket(later[0])->in_flight == 0);
}

/* The table grows, and finds and removes what it holds in any order. */
Test(uring, many_operations)
{
	struct uring_state *state = uring_find(&ring);
	const uint64_t count = 5000;

	cr_assert(ring_lock(&state->ring));
	for (uint64_t i = 0; i < count; i++)
		uring_op_add(state, i * 64)->outstanding = (uint32_t)i + 1;
	for (uint64_t i = 0; i < count; i += 3)
		uring_op_remove(state, uring_op_find(state, i * 64));
	for (uint64_t i = 0; i < count; i++) {
		struct uring_op *op = uring_op_find(state, i * 64);

		cr_assert(i % 3 == 0 ? !op : op && op->outstanding == i + 1);
	}
	ring_unlock(&state->ring);
}
