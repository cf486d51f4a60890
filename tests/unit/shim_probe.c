/* shim_probe.c: what is asked of real sockets, and that asking takes nothing away. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "shim/probe.h"
#include "tests/unit/shim_fixture.h"

static void set_up(void)
{
	fixture_begin(1 << 20);
	cr_assert(trace_log_open());
}

TestSuite(shim_probe, .init = set_up, .fini = fixture_end);

struct ends {
	int ours;
	int theirs;
};

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
	struct sockaddr_storage room;
};

static void name_of(int fd, union address *address, socklen_t *length)
{
	*length = sizeof(*address);
	cr_assert(getsockname(fd, &address->any, length) == 0);
}

static int listener(int family)
{
	union address address = {.room = {.ss_family = (sa_family_t)family}};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (family == AF_INET)
		address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		address.in6.sin6_addr = in6addr_loopback;
	cr_assert(fd >= 0);
	cr_assert(bind(fd, &address.any, family == AF_INET ? sizeof(address.in) : sizeof(address.in6)) == 0);
	cr_assert(listen(fd, 4) == 0);
	return fd;
}

static struct ends connected(int family)
{
	union address address;
	socklen_t length;
	struct ends ends;
	int fd = listener(family);

	name_of(fd, &address, &length);
	ends.ours = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(connect(ends.ours, &address.any, length) == 0);
	ends.theirs = accept(fd, NULL, NULL);
	cr_assert(ends.theirs >= 0);
	close(fd);
	return ends;
}

static struct ends pair(int type)
{
	int fds[2];

	cr_assert(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) == 0);
	return (struct ends){fds[0], fds[1]};
}

/* Waits until the kernel reports this TCP state. */
static void wait_for(int fd, uint8_t state)
{
	struct probe_tcp tcp;

	for (int i = 0; i < 5000; i++) {
		cr_assert(probe_tcp(fd, &tcp));
		if (tcp.state == state)
			return;
		usleep(1000);
	}
	cr_assert(false, "TCP state %d, not %d", tcp.state, state);
}

static void reset_by_peer(struct ends ends)
{
	struct linger now = {1, 0};

	cr_assert(setsockopt(ends.theirs, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
	close(ends.theirs);
	wait_for(ends.ours, TCP_CLOSE);
}

/* ---- what it is ---- */

Test(shim_probe, cookies_name_sockets_not_descriptors)
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

Test(shim_probe, no_cookie_where_there_is_no_socket)
{
	int fds[2];

	cr_assert(pipe(fds) == 0);
	cr_expect(probe_cookie(fds[0]) == 0);
	cr_expect(probe_cookie(-1) == 0);
	cr_expect(probe_cookie(1 << 20) == 0);
}

Test(shim_probe, identities)
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

Test(shim_probe, no_identity_where_there_is_no_socket)
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

Test(shim_probe, poll_says_what_the_field_notes_say)
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

Test(shim_probe, a_tcp_account)
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

/* docs/KERNEL.md, row B: what was written into a closed peer stays unacknowledged, and that can be read off afterwards. */
Test(shim_probe, lost_bytes_stay_unacknowledged)
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

Test(shim_probe, no_tcp_account_of_other_sockets)
{
	struct ends ends = pair(SOCK_STREAM);
	struct probe_tcp tcp;

	cr_expect_not(probe_tcp(ends.ours, &tcp));
	cr_expect_not(probe_tcp(-1, &tcp));
	cr_expect(probe_unacked(-1) == 0);
	cr_expect(probe_readable_bytes(-1) == -1);
}

Test(shim_probe, who_listens)
{
	struct ends ends = connected(AF_INET);

	cr_expect(probe_listens(listener(AF_INET)));
	cr_expect_not(probe_listens(ends.ours));
	cr_expect_not(probe_listens(socket(AF_INET, SOCK_STREAM, 0)));
	cr_expect_not(probe_listens(-1));
}

/* Everything that can be asked, of a socket on which all that must not be taken away is waiting. */
Test(shim_probe, asking_takes_nothing_away)
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

/* ---- addresses ---- */

static void expect_ip(const struct trace_address *address, int family, uint16_t port, const void *ip, size_t size)
{
	static const uint8_t none[16];

	cr_expect(address->family == family && address->port == port, "family %d, port %d", address->family,
		address->port);
	cr_expect(address->path == 0);
	cr_expect(!memcmp(address->ip, ip, size));
	cr_expect(!memcmp(address->ip + size, none, 16 - size));
}

Test(shim_probe, addresses_of_both_ends)
{
	static const int families[] = {AF_INET, AF_INET6};
	static const uint8_t loopback4[4] = {127, 0, 0, 1}, loopback6[16] = {[15] = 1};

	for (size_t i = 0; i < COUNT_OF(families); i++) {
		const uint8_t *ip = families[i] == AF_INET ? loopback4 : loopback6;
		size_t size = families[i] == AF_INET ? 4 : 16;
		struct ends ends = connected(families[i]);
		struct trace_address ours, theirs;

		cr_assert(probe_local(ends.ours, &ours) && probe_peer(ends.ours, &theirs));
		expect_ip(&ours, families[i], ours.port, ip, size);
		expect_ip(&theirs, families[i], theirs.port, ip, size);
		cr_expect(ours.port && theirs.port && ours.port != theirs.port);
		cr_assert(probe_local(ends.theirs, &ours));
		cr_expect(!memcmp(&ours, &theirs, sizeof(ours)), "both ends name it alike");
	}
}

Test(shim_probe, an_ipv4_peer_of_an_ipv6_socket_is_an_ipv4_address)
{
	static const uint8_t loopback4[4] = {127, 0, 0, 1};
	union address address = {.in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT}};
	struct sockaddr_in target = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct trace_address local, peer, other;
	int fd = socket(AF_INET6, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), off = 0, accepted;
	socklen_t length;

	cr_assert(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0);
	cr_assert(bind(fd, &address.any, sizeof(address.in6)) == 0 && listen(fd, 1) == 0);
	name_of(fd, &address, &length);
	target.sin_port = address.in6.sin6_port;
	cr_assert(connect(client, (struct sockaddr *)&target, sizeof(target)) == 0);
	accepted = accept(fd, NULL, NULL);
	cr_assert(probe_local(accepted, &local) && probe_peer(accepted, &peer) && probe_local(client, &other));
	expect_ip(&local, AF_INET, ntohs(target.sin_port), loopback4, 4);
	expect_ip(&peer, AF_INET, peer.port, loopback4, 4);
	cr_expect(!memcmp(&peer, &other, sizeof(peer)), "both ends name it alike");
}

static const struct trace_text *path_of(const struct trace_address *address)
{
	const struct trace_text *text = trace_log_at(address->path);

	cr_assert_not_null(text);
	cr_expect(text->record.type == TRACE_TEXT && text->kind == TRACE_TEXT_PATH);
	return text;
}

static void expect_unix(const char *name, size_t length, const char *shown, size_t shown_length)
{
	union address address = {.un = {.sun_family = AF_UNIX}};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	struct trace_address local = {0}, peer = {0};
	const struct trace_text *path;

	memcpy(address.un.sun_path, name, length);
	cr_assert(bind(fd, &address.any, size) == 0 && listen(fd, 1) == 0, "%s", strerror(errno));
	cr_assert(connect(client, &address.any, size) == 0);
	cr_expect(probe_local(fd, &local) && probe_peer(client, &peer));
	cr_expect(local.family == AF_UNIX && peer.family == AF_UNIX && local.port == 0);
	path = path_of(&peer);
	cr_expect(path->length == shown_length && !memcmp(path->text, shown, shown_length));
	cr_expect(probe_address(&address, size, &peer), "as the program gave it");
	path = path_of(&peer);
	cr_expect(path->length == shown_length && !memcmp(path->text, shown, shown_length));
	cr_expect_not(probe_local(client, &local), "the connecting end has no name");
	cr_expect(local.path == 0);
}

Test(shim_probe, names_of_unix_sockets)
{
	const char *path = fixture_path("listener");
	char abstract[] = "\0socksan-unit-\0-00000000", longest[108];

	expect_unix(path, strlen(path) + 1, path, strlen(path));
	snprintf(abstract + 16, 9, "%08d", (int)getpid());
	expect_unix(abstract, sizeof(abstract) - 1, abstract, sizeof(abstract) - 1);
	/* a name that fills its room has no NUL behind it */
	memset(longest, 'n', sizeof(longest));
	memcpy(longest, fixture_path(""), strlen(fixture_path("")));
	expect_unix(longest, sizeof(longest), longest, sizeof(longest));
	unlink(path);
}

Test(shim_probe, addresses_that_are_none)
{
	union address address = {.room = {.ss_family = AF_UNSPEC}};
	struct trace_address result;
	uint32_t log = trace_log_fill();
	sa_family_t family = AF_INET;

	cr_expect_not(probe_address(NULL, 16, &result));
	cr_expect_not(probe_address(&address, 0, &result));
	cr_expect_not(probe_address(&address, 1, &result));
	cr_expect_not(probe_address(&address, sizeof(address), &result));
	address.room.ss_family = AF_UNIX;
	cr_expect_not(probe_address(&address, sizeof(sa_family_t), &result), "unnamed");
	cr_expect(result.family == AF_UNIX && result.path == 0);
	/* only as much is read as was given */
	cr_expect(probe_address(&family, sizeof(family), &result));
	cr_expect(result.family == AF_INET && result.port == 0);
	cr_expect_not(probe_local(-1, &result));
	cr_expect_not(probe_peer(socket(AF_INET, SOCK_STREAM, 0), &result));
	cr_expect(trace_log_fill() == log);
}

Test(shim_probe, the_process_behind_a_unix_socket)
{
	cr_expect(probe_peer_pid(pair(SOCK_STREAM).ours) == getpid());
	cr_expect(probe_peer_pid(connected(AF_INET).ours) == 0);
	cr_expect(probe_peer_pid(-1) == 0);
}

/* ---- SIGPIPE, threads ---- */

static void handle(int number)
{
	(void)number;
}

Test(shim_probe, what_a_sigpipe_would_do)
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

Test(shim_probe, names_of_threads)
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
