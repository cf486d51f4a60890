/* probe.c: what the kernel says of a socket, SIGPIPE and threads. */
#include "tests/unit/shim/socket/probe_fixture.h"

TestSuite(probe, .init = set_up, .fini = fixture_end);

/* ---- what it is ---- */

Test(probe, cookies_name_sockets_not_descriptors)
{
	struct ends tcp = connected(AF_INET);
	struct ends local = pair(SOCK_STREAM);
	int copy = dup(tcp.ours);
	uint64_t cookie = probe_cookie(tcp.ours);

	cr_expect(cookie != 0);
	cr_expect(probe_cookie(tcp.ours) == cookie, "it stays");
	cr_expect(probe_cookie(copy) == cookie, "it is the same for every descriptor");
	cr_expect(probe_cookie(tcp.theirs) != cookie);
	cr_expect(probe_cookie(local.ours) != 0 && probe_cookie(local.ours) != probe_cookie(local.theirs));
	cr_assert(dup2(local.ours, tcp.ours) == tcp.ours);
	cr_expect(probe_cookie(tcp.ours) == probe_cookie(local.ours), "the number has changed its owner");
	cr_expect(probe_cookie(copy) == cookie);
}

Test(probe, no_cookie_where_there_is_no_socket)
{
	int fds[2];

	cr_assert(pipe(fds) == 0);
	cr_expect(probe_cookie(fds[0]) == 0);
	cr_expect(probe_cookie(-1) == 0);
	cr_expect(probe_cookie(1 << 20) == 0);
}

Test(probe, identities)
{
	static const struct {
		int family;
		int type;
		int protocol;
	} made[] = {{AF_INET, SOCK_STREAM, IPPROTO_TCP}, {AF_INET6, SOCK_STREAM, IPPROTO_TCP},
		{AF_INET, SOCK_DGRAM, IPPROTO_UDP}, {AF_UNIX, SOCK_STREAM, 0}, {AF_UNIX, SOCK_SEQPACKET, 0},
		{AF_UNIX, SOCK_DGRAM, 0}};

	for (size_t i = 0; i < COUNT_OF(made); i++) {
		int fd = socket(made[i].family, made[i].type | SOCK_NONBLOCK, 0);
		struct probe_identity identity;

		cr_expect(probe_identity(fd, &identity) == 0);
		cr_expect(identity.family == made[i].family && identity.type == made[i].type, "row %zu", i);
		cr_expect(identity.protocol == made[i].protocol, "row %zu", i);
		cr_expect(identity.cookie == probe_cookie(fd));
		close(fd);
	}
}

Test(probe, no_identity_where_there_is_no_socket)
{
	struct probe_identity identity;
	int fds[2];

	cr_assert(pipe(fds) == 0);
	errno = 77;
	cr_expect(probe_identity(fds[1], &identity) == -ENOTSOCK);
	cr_expect(probe_identity(-1, &identity) == -EBADF);
	cr_expect(errno == 77, "errno is the program's");
}

/* ---- its state ---- */

Test(probe, poll_says_what_the_field_notes_say)
{
	struct ends tcp = connected(AF_INET);
	struct ends local = pair(SOCK_STREAM);

	cr_expect(probe_poll(tcp.ours) == POLLOUT);
	cr_expect(probe_poll(local.ours) == POLLOUT);
	shutdown(tcp.theirs, SHUT_WR);
	shutdown(local.theirs, SHUT_WR);
	wait_for(tcp.ours, TCP_CLOSE_WAIT);
	cr_expect(probe_poll(tcp.ours) == (POLLOUT | POLLRDHUP));
	cr_expect(probe_poll(local.ours) == (POLLOUT | POLLRDHUP));
	reset_by_peer(tcp);
	close(local.theirs);
	cr_expect((probe_poll(tcp.ours) & (POLLHUP | POLLERR | POLLRDHUP)) == (POLLHUP | POLLERR | POLLRDHUP));
	cr_expect((probe_poll(local.ours) & (POLLHUP | POLLRDHUP)) == (POLLHUP | POLLRDHUP));
}

Test(probe, a_tcp_account)
{
	struct ends ends = connected(AF_INET);
	struct probe_tcp before, after;

	cr_assert(probe_tcp(ends.ours, &before));
	cr_expect(before.state == TCP_ESTABLISHED && before.unacked_bytes == 0);
	cr_assert(write(ends.ours, "0123456789", 10) == 10);
	for (int i = 0; i < 5000 && probe_unacked(ends.ours); i++)
		usleep(1000);
	cr_assert(probe_tcp(ends.ours, &after));
	cr_expect(after.unacked_bytes == 0);
	cr_expect(after.acked_unknown || after.acked_bytes == before.acked_bytes + 10);
	cr_expect(probe_readable_bytes(ends.theirs) == 10);
	cr_expect(probe_readable_bytes(ends.ours) == 0);
}

/*
 * docs/KERNEL.md, row B: what was written into a closed peer stays unacknowledged, and that can be read off afterwards.
 */
Test(probe, lost_bytes_stay_unacknowledged)
{
	struct ends ends = connected(AF_INET);
	struct probe_tcp before, after;

	close(ends.theirs);
	wait_for(ends.ours, TCP_CLOSE_WAIT);
	cr_assert(probe_tcp(ends.ours, &before));
	cr_assert(write(ends.ours, "0123456789", 10) == 10);
	wait_for(ends.ours, TCP_CLOSE);
	cr_assert(probe_tcp(ends.ours, &after));
	cr_expect(after.unacked_bytes == 10);
	cr_expect(after.acked_bytes == before.acked_bytes);
}

Test(probe, no_tcp_account_of_other_sockets)
{
	struct ends ends = pair(SOCK_STREAM);
	struct probe_tcp tcp;

	cr_expect_not(probe_tcp(ends.ours, &tcp));
	cr_expect_not(probe_tcp(-1, &tcp));
	cr_expect(probe_unacked(-1) == 0);
	cr_expect(probe_readable_bytes(-1) == -1);
}

Test(probe, who_listens)
{
	struct ends ends = connected(AF_INET);

	cr_expect(probe_listens(listener(AF_INET)));
	cr_expect_not(probe_listens(ends.ours));
	cr_expect_not(probe_listens(socket(AF_INET, SOCK_STREAM, 0)));
	cr_expect_not(probe_listens(-1));
}

/* Everything that can be asked, of a socket on which all that must not be taken away is waiting. */
Test(probe, asking_takes_nothing_away)
{
	struct ends ends = connected(AF_INET);
	struct probe_identity identity;
	struct trace_address address;
	struct probe_tcp tcp;
	char byte;

	cr_assert(write(ends.theirs, "x", 1) == 1);
	reset_by_peer(ends);
	for (int i = 0; i < 3; i++) {
		errno = 77;
		cr_expect(probe_poll(ends.ours) & POLLERR);
		probe_identity(ends.ours, &identity);
		probe_tcp(ends.ours, &tcp);
		probe_readable_bytes(ends.ours);
		probe_listens(ends.ours);
		probe_local(ends.ours, &address);
		probe_peer(ends.ours, &address);
		probe_peer_pid(ends.ours);
		cr_expect(errno == 77);
	}
	cr_expect(recv(ends.ours, &byte, 1, 0) == 1 && byte == 'x');
	cr_expect(
		recv(ends.ours, &byte, 1, 0) == -1 && errno == ECONNRESET, "the error is still the program's to read");
}

/* ---- SIGPIPE, threads ---- */

static void handle(int number)
{
	(void)number;
}

Test(probe, what_a_sigpipe_would_do)
{
	sigset_t set;

	signal(SIGPIPE, SIG_DFL);
	cr_expect(probe_sigpipe() == PROBE_SIGPIPE_KILLS);
	signal(SIGPIPE, SIG_IGN);
	cr_expect(probe_sigpipe() == PROBE_SIGPIPE_IGNORED);
	signal(SIGPIPE, handle);
	cr_expect(probe_sigpipe() == PROBE_SIGPIPE_HANDLED);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	cr_expect(probe_sigpipe() == PROBE_SIGPIPE_HANDLED, "blocked, it waits");
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	cr_expect(probe_sigpipe() == PROBE_SIGPIPE_KILLS, "and looking has changed nothing");
}

static void *named_thread(void *name)
{
	pthread_setname_np(pthread_self(), "fifteen letters");
	probe_thread_name(name);
	return NULL;
}

Test(probe, names_of_threads)
{
	char name[16], other[16];
	pthread_t thread;

	memset(name, 'x', sizeof(name));
	pthread_setname_np(pthread_self(), "short");
	probe_thread_name(name);
	cr_expect(!memcmp(name, "short\0\0\0\0\0\0\0\0\0\0\0", 16));
	cr_assert(pthread_create(&thread, NULL, named_thread, other) == 0);
	pthread_join(thread, NULL);
	cr_expect(!memcmp(other, "fifteen letters", 16));
}
