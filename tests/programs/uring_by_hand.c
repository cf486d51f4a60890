/*
 * Makes and enters its ring by itself, as libuv does, with no liburing: is told of the end through it, and writes all
 * the same.
 *
 * uring_by_hand KIND epoll bad    asks epoll for the connection by a submission; epoll_wait says that the peer has
 * closed uring_by_hand KIND epoll ok     believes it
 * uring_by_hand KIND recv bad     a completion says so, and the write is a submission too
 * uring_by_hand KIND recv ok      believes it
 * uring_by_hand plain connect ok  what libuv does: a connect without waiting, which epoll says has come about
 * uring_by_hand plain goes ok     closes its ring with a receive under way, which ends that, so that the peer sees our
 * close uring_by_hand plain child ok    a child closes the ring; the parent goes on with it
 *
 * KIND: plain, mixed (the queue names its entries in another order), no_array (it names none), wide (large entries),
 * partly (shows the kernel a part of what is filled in), sqpoll (a thread of the kernel's takes them)
 */
#include "tests/programs/support.h"
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { ENTRIES = 8, SKIP = 77, PLAIN_SQE = 64, NO_SQARRAY = 1 << 16 };

static struct ring {
	int fd;
	struct io_uring_params params;
	char *queues;
	size_t queues_bytes;
	char *entries;
	size_t entries_bytes;
	unsigned tail; /* one past the last entry that is filled in */
	bool mixed;
} ring;

static char buffer[16];

static unsigned *word(unsigned offset)
{
	return (unsigned *)(void *)(ring.queues + offset);
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static void ring_open(unsigned flags)
{
	struct io_uring_params *params = &ring.params;

	params->flags = flags;
	ring.fd = (int)syscall(SYS_io_uring_setup, ENTRIES, params);
	if (ring.fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EINVAL)) {
		fprintf(stderr, "such a ring is not allowed here: %s\n", strerror(errno));
		_exit(SKIP);
	}
	CHECK(ring.fd >= 0);
	ring.queues_bytes = larger(params->sq_off.array + params->sq_entries * sizeof(unsigned),
		params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe) * 2);
	ring.entries_bytes = (size_t)params->sq_entries * PLAIN_SQE << (flags & IORING_SETUP_SQE128 ? 1 : 0);
	if (!(flags & IORING_SETUP_CQE32))
		ring.queues_bytes = larger(params->sq_off.array + params->sq_entries * sizeof(unsigned),
			params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe));
	ring.queues = mmap(NULL, ring.queues_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
	ring.entries = mmap(NULL, ring.entries_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQES);
	CHECK(ring.queues != MAP_FAILED && ring.entries != MAP_FAILED);
}

static void ring_close(void)
{
	CHECK(munmap(ring.queues, ring.queues_bytes) == 0 && munmap(ring.entries, ring.entries_bytes) == 0);
	CHECK(syscall(SYS_close, ring.fd) == 0);
}

/* The next entry, cleared. */
static struct io_uring_sqe *ring_entry(unsigned char opcode, int fd, unsigned long user_data)
{
	unsigned tail = ring.tail++;
	unsigned mask = *word(ring.params.sq_off.ring_mask);
	unsigned at = ring.mixed ? (tail ^ 5) & mask : tail & mask;
	struct io_uring_sqe *sqe =
		(void *)(ring.entries + ((size_t)at * PLAIN_SQE << (ring.params.flags & IORING_SETUP_SQE128 ? 1 : 0)));

	memset(sqe, 0, PLAIN_SQE);
	sqe->opcode = opcode;
	sqe->fd = fd;
	sqe->user_data = user_data;
	if (!(ring.params.flags & NO_SQARRAY))
		word(ring.params.sq_off.array)[tail & mask] = at;
	return sqe;
}

static int ring_result(unsigned long user_data)
{
	unsigned head = *word(ring.params.cq_off.head);
	unsigned at = head & *word(ring.params.cq_off.ring_mask);
	const struct io_uring_cqe *cqe =
		(const void *)(ring.queues + ring.params.cq_off.cqes +
			       ((size_t)at * sizeof *cqe << (ring.params.flags & IORING_SETUP_CQE32 ? 1 : 0)));
	int result;

	for (int i = 0; i < WAIT_BOUND_MS && head == __atomic_load_n(word(ring.params.cq_off.tail), __ATOMIC_ACQUIRE);
		i++)
		pause_1ms();
	CHECK(head != __atomic_load_n(word(ring.params.cq_off.tail), __ATOMIC_ACQUIRE));
	CHECK(cqe->user_data == user_data);
	result = cqe->res;
	__atomic_store_n(word(ring.params.cq_off.head), head + 1, __ATOMIC_RELEASE);
	return result;
}

/* Shows the kernel that many and waits for as many of them; errno stays. */
static void ring_enter(unsigned count, unsigned waited)
{
	unsigned flags = ring.params.flags & IORING_SETUP_SQPOLL ? IORING_ENTER_SQ_WAKEUP : 0;

	__atomic_store_n(word(ring.params.sq_off.tail), ring.tail, __ATOMIC_RELEASE);
	if (waited)
		flags |= IORING_ENTER_GETEVENTS;
	errno = 77;
	CHECK(syscall(SYS_io_uring_enter, ring.fd, count, waited, flags, NULL, 0) == (long)count);
	CHECK(errno == 77);
}

static int epoll_made(int fd, unsigned events, void *data)
{
	struct epoll_event event = {.events = events, .data.ptr = data};
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct io_uring_sqe *sqe = ring_entry(IORING_OP_EPOLL_CTL, epoll, 1);

	sqe->addr = (unsigned long)&event;
	sqe->len = EPOLL_CTL_ADD;
	sqe->off = (unsigned)fd;
	ring_enter(1, 1);
	CHECK(ring_result(1) == 0);
	return epoll;
}

SITE void learn_by_epoll(int fd)
{
	struct epoll_event event;
	int epoll = epoll_made(fd, EPOLLIN | EPOLLRDHUP, &ring);

	CHECK(epoll_wait(epoll, &event, 1, WAIT_BOUND_MS) == 1);
	CHECK(event.data.ptr == &ring && event.events & EPOLLRDHUP);
	CHECK(close(epoll) == 0);
}

SITE void learn_by_recv(int fd, bool partly)
{
	struct io_uring_sqe *sqe;

	if (partly) {
		ring_entry(IORING_OP_NOP, -1, 7);
		sqe = ring_entry(IORING_OP_RECV, fd, 2);
		ring_enter(1, 1);
		CHECK(ring_result(7) == 0);
	} else {
		sqe = ring_entry(IORING_OP_RECV, fd, 2);
	}
	sqe->addr = (unsigned long)buffer;
	sqe->len = sizeof buffer;
	ring_enter(1, 1);
	CHECK(ring_result(2) == 0);
}

SITE void write_though_told(int fd)
{
	CHECK(send(fd, "never mind", 10, MSG_NOSIGNAL) == 10);
}

SITE void hand_over(int fd)
{
	struct io_uring_sqe *sqe = ring_entry(IORING_OP_SEND, fd, 3);

	sqe->addr = (unsigned long)"never mind";
	sqe->len = 10;
	ring_enter(1, 1);
	CHECK(ring_result(3) == 10);
}

static void connect_as_libuv_does(void)
{
	int listener = listener_open("tcp4", 1);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct epoll_event event;
	int epoll;
	int theirs;

	CHECK_FAILS(connect_to(fd, listener), EINPROGRESS);
	epoll = epoll_made(fd, EPOLLOUT, &ring);
	CHECK(epoll_wait(epoll, &event, 1, WAIT_BOUND_MS) == 1 && event.events == EPOLLOUT);
	theirs = accept(listener, NULL, NULL);
	CHECK(theirs >= 0 && close(theirs) == 0 && close(fd) == 0 && close(listener) == 0 && close(epoll) == 0);
}

static void close_with_receive_under_way(void)
{
	struct ends ends = ends_open("tcp4");
	struct io_uring_sqe *sqe = ring_entry(IORING_OP_RECV, ends.ours, 2);
	struct pollfd poller = {.fd = ends.theirs, .events = POLLIN};

	sqe->addr = (unsigned long)buffer;
	sqe->len = sizeof buffer;
	ring_enter(1, 0);
	ring_close();
	CHECK(close(ends.ours) == 0);
	CHECK(poll(&poller, 1, WAIT_BOUND_MS) == 1);
	CHECK(read(ends.theirs, buffer, sizeof buffer) == 0);
	CHECK(close(ends.theirs) == 0);
}

static void go_on_after_child(void)
{
	struct ends ends = ends_open("tcp4");
	pid_t child = fork();

	if (child == 0) {
		CHECK(close(ring.fd) == 0);
		_exit(0);
	}
	child_succeeds(child);
	hand_over(ends.ours);
	CHECK(close(ends.ours) == 0);
	CHECK(read(ends.theirs, buffer, sizeof buffer) == 10 && close(ends.theirs) == 0);
	ring_close();
}

static void be_told(bool by_epoll, bool writes, bool partly)
{
	struct ends ends = ends_open("tcp4");

	peer_closes(ends, "tcp4");
	if (by_epoll)
		learn_by_epoll(ends.ours);
	else
		learn_by_recv(ends.ours, partly);
	if (writes && by_epoll)
		write_though_told(ends.ours);
	else if (writes)
		hand_over(ends.ours);
	CHECK(close(ends.ours) == 0);
	ring_close();
}

int main(int argc, char **argv)
{
	const char *kind = argument(argc, argv, 1);
	const char *what = argument(argc, argv, 2);

	ring.mixed = same(kind, "mixed");
	ring_open(same(kind, "no_array") ? NO_SQARRAY
		  : same(kind, "wide")   ? IORING_SETUP_SQE128 | IORING_SETUP_CQE32
		  : same(kind, "sqpoll") ? IORING_SETUP_SQPOLL
					 : 0);
	if (same(what, "connect"))
		connect_as_libuv_does();
	else if (same(what, "goes"))
		close_with_receive_under_way();
	else if (same(what, "child"))
		go_on_after_child();
	else
		be_told(same(what, "epoll"), same(argument(argc, argv, 3), "bad"), same(kind, "partly"));
	return 0;
}
