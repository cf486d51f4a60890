/*
 * What programs do with io_uring that looks like a mistake and is none, or is one that only the ring shows.
 *
 * uring_customs CASE
 *
 * More than 400 lines: a dozen cases of a screen each, which share a ring.
 */
#include "tests/programs/uring_support.h"
#include <fcntl.h>

static struct io_uring ring;
static char buffer[16];
static struct sockaddr_storage address;
static socklen_t address_length = sizeof address;

static void submit(unsigned count)
{
	CHECK(io_uring_submit(&ring) == (int)count);
}

static void hand_send(int fd, uint64_t user_data, unsigned flags)
{
	struct io_uring_sqe *sqe = uring_entry(&ring, user_data);

	io_uring_prep_send(sqe, fd, "never mind", 10, 0);
	sqe->flags |= flags;
}

static void hand_recv(int fd, uint64_t user_data)
{
	io_uring_prep_recv(uring_entry(&ring, user_data), fd, buffer, sizeof buffer, 0);
}

static void hand_connect(int fd, uint64_t user_data, unsigned flags)
{
	struct io_uring_sqe *sqe = uring_entry(&ring, user_data);

	io_uring_prep_connect(sqe, fd, (struct sockaddr *)&address, address_length);
	sqe->flags |= flags;
}

static int tcp_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(fd >= 0);
	return fd;
}

static int tcp_listener(void)
{
	int listener = listener_open("tcp4", 8);

	CHECK(getsockname(listener, (struct sockaddr *)&address, &address_length) == 0);
	return listener;
}

static void receives(int fd, int bytes)
{
	wait_for_input(fd, bytes);
	CHECK(recv(fd, buffer, sizeof buffer, 0) == bytes);
}

/* The send waits for the connect, by a link or because the kernel makes it wait. */
static void connect_and_send(unsigned flags)
{
	int listener = tcp_listener();
	int fd = tcp_socket();
	int other;

	hand_connect(fd, 1, flags);
	hand_send(fd, 2, 0);
	submit(2);
	CHECK(uring_result(&ring, 1) == 0);
	CHECK(uring_result(&ring, 2) == 10);
	other = accept(listener, NULL, NULL);
	receives(other, 10);
	hand_send(fd, 3, 0);
	submit(1);
	CHECK(uring_result(&ring, 3) == 10);
	receives(other, 10);
	CHECK(close(other) == 0 && close(fd) == 0 && close(listener) == 0);
}

static void linked(void)
{
	connect_and_send(IOSQE_IO_LINK);
}

/* A program that has no use for user_data. */
static void nameless(void)
{
	int listener = tcp_listener();
	int fd = tcp_socket();
	int other;

	hand_connect(fd, 0, IOSQE_IO_LINK);
	hand_send(fd, 0, 0);
	submit(2);
	CHECK(uring_result(&ring, 0) == 0);
	CHECK(uring_result(&ring, 0) == 10);
	other = accept(listener, NULL, NULL);
	receives(other, 10);
	CHECK(send(fd, "fine", 4, 0) == 4);
	hand_send(fd, 0, 0);
	submit(1);
	CHECK(uring_result(&ring, 0) == 10);
	CHECK(close(other) == 0 && close(fd) == 0 && close(listener) == 0);
}

/* The same where nobody is told of what succeeds. */
static void unheard(void)
{
	int listener = tcp_listener();
	int fd = tcp_socket();
	int other;

	hand_connect(fd, 0, IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS);
	hand_send(fd, 0, IOSQE_CQE_SKIP_SUCCESS);
	submit(2);
	other = accept(listener, NULL, NULL);
	receives(other, 10);
	hand_send(fd, 0, IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS);
	io_uring_prep_close(uring_entry(&ring, 0), fd);
	submit(2);
	receives(other, 10);
	CHECK(uring_result(&ring, 0) == 0);
	CHECK(close(other) == 0 && close(listener) == 0);
}

/* Nobody listens: the linked send is not made. */
static void refused(void)
{
	int listener = tcp_listener();
	int fd = tcp_socket();

	CHECK(close(listener) == 0);
	hand_connect(fd, 1, IOSQE_IO_LINK);
	hand_send(fd, 2, 0);
	submit(2);
	CHECK(uring_result(&ring, 1) == -ECONNREFUSED);
	CHECK(uring_result(&ring, 2) == -ECANCELED);
	CHECK(close(fd) == 0);
}

/* Two reads share their user_data: which of the connections is over, the completion does not say. */
SITE void untold(void)
{
	struct ends over = ends_open("tcp4");
	struct ends live = ends_open("tcp4");

	hand_recv(over.ours, 7);
	hand_recv(live.ours, 7);
	submit(2);
	peer_closes(over, "tcp4");
	CHECK(uring_result(&ring, 7) == 0);
	CHECK(send(live.ours, "fine", 4, MSG_NOSIGNAL) == 4);
	CHECK(send(over.ours, "who knows", 9, MSG_NOSIGNAL) == 9);
	CHECK(send(live.theirs, "end", 3, MSG_NOSIGNAL) == 3);
	CHECK(uring_result(&ring, 7) == 3);
	CHECK(close(over.ours) == 0 && close(live.ours) == 0 && close(live.theirs) == 0);
}

/* Two writes do: what came of the one to the dead connection is not known from the completion. */
SITE void unknown(void)
{
	struct ends over = ends_open("pair");
	struct ends live = ends_open("pair");

	CHECK(close(over.theirs) == 0);
	hand_send(live.ours, 7, 0);
	hand_send(over.ours, 7, 0);
	submit(2);
	CHECK(uring_result(&ring, 7) + uring_result(&ring, 7) == 10 - EPIPE);
	hand_send(live.ours, 7, 0);
	submit(1);
	CHECK(uring_result(&ring, 7) == 10);
	CHECK(close(over.ours) == 0 && close(live.ours) == 0 && close(live.theirs) == 0);
}

/* A number that the ring closed belongs to another connection. */
static void reused(void)
{
	struct ends first = ends_open("tcp4");
	struct ends second;

	io_uring_prep_close(uring_entry(&ring, 1), first.ours);
	submit(1);
	CHECK(uring_result(&ring, 1) == 0);
	CHECK(close(first.theirs) == 0);
	second = ends_open("tcp4");
	CHECK(second.ours == first.ours || second.theirs == first.ours);
	CHECK(send(second.ours, "fine", 4, 0) == 4);
	hand_send(second.ours, 2, 0);
	submit(1);
	CHECK(uring_result(&ring, 2) == 10);
	CHECK(close(second.ours) == 0 && close(second.theirs) == 0);
}

/* The last words and the close in one chain. */
static void farewell(void)
{
	struct ends ends = ends_open("tcp4");
	struct ends next;

	hand_send(ends.ours, 1, IOSQE_IO_LINK);
	io_uring_prep_close(uring_entry(&ring, 2), ends.ours);
	submit(2);
	CHECK(uring_result(&ring, 1) == 10);
	CHECK(uring_result(&ring, 2) == 0);
	receives(ends.theirs, 10);
	CHECK(close(ends.theirs) == 0);
	next = ends_open("tcp4");
	CHECK(send(next.ours, "fine", 4, 0) == 4);
	CHECK(close(next.ours) == 0 && close(next.theirs) == 0);
}

/* Closes by the ring, and writes to the number all the same. */
SITE void stale(void)
{
	struct ends ends = ends_open("tcp4");

	io_uring_prep_close(uring_entry(&ring, 1), ends.ours);
	submit(1);
	CHECK(uring_result(&ring, 1) == 0);
	hand_send(ends.ours, 2, 0);
	submit(1);
	CHECK(uring_result(&ring, 2) == -EBADF);
	CHECK(close(ends.theirs) == 0);
}

/* Shuts by the ring, and writes all the same. */
SITE void shut(void)
{
	struct ends ends = ends_open("tcp4");

	io_uring_prep_shutdown(uring_entry(&ring, 1), ends.ours, SHUT_WR);
	submit(1);
	CHECK(uring_result(&ring, 1) == 0);
	hand_send(ends.ours, 2, 0);
	submit(1);
	CHECK(uring_result(&ring, 2) == -EPIPE);
	CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
}

/* Completions that come only for a failure: of a send that succeeds nothing is to be seen. */
SITE void skipped(void)
{
	struct ends live = ends_open("tcp4");
	struct ends over = ends_open("tcp4");

	hand_send(live.ours, 1, IOSQE_CQE_SKIP_SUCCESS);
	submit(1);
	receives(live.theirs, 10);
	peer_closes(over, "tcp4");
	hand_send(over.ours, 2, IOSQE_CQE_SKIP_SUCCESS);
	submit(1);
	wait_for_tcp_state(over.ours, TCP_CLOSE);
	CHECK(close(live.ours) == 0 && close(live.theirs) == 0 && close(over.ours) == 0);
}

/* Accepts and makes sockets by the ring. */
static void accepted(void)
{
	int listener = tcp_listener();
	int fd;
	int other;

	io_uring_prep_socket(uring_entry(&ring, 1), AF_INET, SOCK_STREAM, 0, 0);
	submit(1);
	fd = uring_result(&ring, 1);
	if (fd == -EINVAL)
		uring_skip("no IORING_OP_SOCKET here", fd);
	CHECK(fd >= 0);
	CHECK(connect(fd, (struct sockaddr *)&address, address_length) == 0);
	io_uring_prep_accept(uring_entry(&ring, 2), listener, NULL, NULL, 0);
	submit(1);
	other = uring_result(&ring, 2);
	CHECK(other >= 0);
	hand_send(other, 3, 0);
	submit(1);
	CHECK(uring_result(&ring, 3) == 10);
	receives(fd, 10);
	CHECK(close(fd) == 0 && close(other) == 0 && close(listener) == 0);
}

/* A read that is called back tells nothing. */
static void cancelled(void)
{
	struct ends ends = ends_open("tcp4");

	hand_recv(ends.ours, 1);
	submit(1);
	io_uring_prep_cancel64(uring_entry(&ring, 2), 1, 0);
	submit(1);
	for (int i = 0; i < 2; i++) {
		struct io_uring_cqe *cqe;

		CHECK(io_uring_wait_cqe(&ring, &cqe) == 0);
		CHECK(cqe->res == (cqe->user_data == 1 ? -ECANCELED : 0));
		io_uring_cqe_seen(&ring, cqe);
	}
	hand_send(ends.ours, 1, 0);
	submit(1);
	CHECK(uring_result(&ring, 1) == 10);
	receives(ends.theirs, 10);
	CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
}

/* A send waits for room while the peer resets: who handed it over stands in the report, not who fetched the result. */
SITE void blocked(void)
{
	static char much[1 << 20];
	struct ends ends = ends_open("tcp4");
	ssize_t sent;

	do
		sent = send(ends.ours, much, sizeof much, MSG_DONTWAIT);
	while (sent > 0);
	CHECK(errno == EAGAIN);
	hand_send(ends.ours, 1, 0);
	submit(1);
	CHECK(io_uring_cq_ready(&ring) == 0);
	peer_resets(ends);
}

/* More sockets than one batch of the ring holds, of which every second peer is gone. */
static void batches(void)
{
	struct ends ends[URING_ENTRIES];
	int failed = 0;

	for (int i = 0; i < URING_ENTRIES; i++)
		ends[i] = ends_open("pair");
	for (int i = 0; i < URING_ENTRIES; i += 2)
		CHECK(close(ends[i].theirs) == 0);
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < URING_ENTRIES; i++)
			hand_send(ends[i].ours, (uint64_t)(uintptr_t)&ends[i], 0);
		submit(URING_ENTRIES);
		for (int i = 0; i < URING_ENTRIES; i++) {
			struct io_uring_cqe *cqe;

			CHECK(io_uring_wait_cqe(&ring, &cqe) == 0);
			CHECK(cqe->res == 10 || cqe->res == -EPIPE);
			failed += cqe->res == -EPIPE;
			io_uring_cqe_seen(&ring, cqe);
		}
	}
	CHECK(failed == 50 * URING_ENTRIES / 2);
}

/* The child has the ring too, and leaves it alone. */
static void forked(void)
{
	struct ends ends = ends_open("tcp4");
	pid_t child = fork();

	if (child == 0) {
		CHECK(send(ends.ours, "hello", 5, 0) == 5);
		exit(0);
	}
	child_succeeds(child);
	receives(ends.theirs, 5);
	CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
}

/* A registered file has a number of the ring's own: which socket it is, nobody but the kernel knows. */
static void registered(void)
{
	struct ends ends = ends_open("tcp4");

	CHECK(io_uring_register_files(&ring, &ends.ours, 1) == 0);
	hand_send(0, 1, IOSQE_FIXED_FILE);
	submit(1);
	CHECK(uring_result(&ring, 1) == 10);
	receives(ends.theirs, 10);
	CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
}

/* Errno is the program's, and liburing leaves it alone. */
static void errno_kept(void)
{
	struct ends ends = ends_open("pair");

	CHECK(close(ends.theirs) == 0);
	hand_send(ends.ours, 1, 0);
	errno = 4711;
	CHECK(io_uring_submit(&ring) == 1 && errno == 4711);
	CHECK(uring_result(&ring, 1) == -EPIPE && errno == 4711);
	CHECK(close(ends.ours) == 0);
}

static const struct custom {
	const char *name;
	void (*run)(void);
} customs[] = {
	{"linked", linked},
	{"nameless", nameless},
	{"unheard", unheard},
	{"refused", refused},
	{"untold", untold},
	{"unknown", unknown},
	{"reused", reused},
	{"farewell", farewell},
	{"stale", stale},
	{"shut", shut},
	{"skipped", skipped},
	{"accepted", accepted},
	{"cancelled", cancelled},
	{"batches", batches},
	{"forked", forked},
	{"registered", registered},
	{"errno_kept", errno_kept},
};

int main(int argc, char **argv)
{
	const char *name = argument(argc, argv, 1);

	uring_open(&ring, 0);
	if (same(name, "blocked")) {
		blocked();
		CHECK(uring_result(&ring, 1) < 0);
	}
	for (size_t i = 0; i < sizeof customs / sizeof *customs; i++)
		if (same(customs[i].name, name))
			customs[i].run();
	io_uring_queue_exit(&ring);
	return 0;
}
