/* probe_address.c: addresses and names of both ends. */
#include "tests/unit/shim/socket/probe_fixture.h"

TestSuite(probe, .init = set_up, .fini = fixture_end);

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

Test(probe, addresses_of_both_ends)
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

Test(probe, an_ipv4_peer_of_an_ipv6_socket_is_an_ipv4_address)
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

Test(probe, names_of_unix_sockets)
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

Test(probe, addresses_that_are_none)
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

Test(probe, the_process_behind_a_unix_socket)
{
	cr_expect(probe_peer_pid(pair(SOCK_STREAM).ours) == getpid());
	cr_expect(probe_peer_pid(connected(AF_INET).ours) == 0);
	cr_expect(probe_peer_pid(-1) == 0);
}
