/* peers.c: which audited socket is at the other end of which, however many there are. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>

#include "analyzer/trace/peers.h"

static struct peers peers;

static void tear_down(void)
{
	peers_free(&peers);
}

TestSuite(peers, .fini = tear_down);

/* A TCP socket between 127.0.0.1:6379 and a port of the client's. */
static struct trace_socket make_socket(bool is_client, uint16_t port, uint64_t opened_ns, uint64_t closed_ns)
{
	struct trace_address client = {.family = AF_INET, .port = port, .ip = {127, 0, 0, 1}};
	struct trace_address server = {.family = AF_INET, .port = 6379, .ip = {127, 0, 0, 1}};

	return (struct trace_socket){
		.protocol = TRACE_TCP,
		.origin = is_client ? TRACE_CONNECT : TRACE_ACCEPT,
		.cookie = opened_ns,
		.opened_ns = opened_ns,
		.closed_ns = closed_ns,
		.local = is_client ? client : server,
		.peer = is_client ? server : client,
	};
}

static void add(bool is_client, uint16_t port, uint64_t opened_ns, uint32_t boot, trace_ref ref)
{
	struct trace_socket socket = make_socket(is_client, port, opened_ns, opened_ns + 50);

	peers_add(&peers, &socket, boot, 0, ref);
}

/* Those that the search gives for a client's socket, in its order. */
static size_t search(uint16_t port, uint64_t opened_ns, uint32_t boot, trace_ref *refs, size_t room)
{
	struct trace_socket socket = make_socket(true, port, opened_ns, opened_ns + 50);
	const struct peer_entry *entry;
	struct peer_search search;
	size_t count = 0;

	peers_search(&peers, &socket, boot, &search);
	while (count < room && (entry = peers_next(&search)))
		refs[count++] = entry->ref;
	return count;
}

Test(peers, none_among_none)
{
	trace_ref ref;

	peers_sort(&peers);
	cr_assert_eq(search(40000, 1000, 0, &ref, 1), 0);
}

Test(peers, each_of_many_is_found)
{
	trace_ref ref[2];

	for (trace_ref i = 0; i < 30000; i++) {
		add(false, (uint16_t)(20000 + i), 1000 + i, 0, 2 * i + 1);
		add(true, (uint16_t)(20000 + i), 1000 + i, 0, 2 * i + 2);
	}
	peers_sort(&peers);
	for (trace_ref i = 0; i < 30000; i++) {
		size_t count = search((uint16_t)(20000 + i), 1000 + i, 0, ref, 2);

		/* By chance another pair of ports may have the same hash. */
		cr_assert((count >= 1 && ref[0] == 2 * i + 1) || (count >= 2 && ref[1] == 2 * i + 1));
	}
}

Test(peers, of_many_lives_of_a_pair_of_ports_the_nearest_comes_first)
{
	trace_ref refs[1000];

	for (trace_ref life = 0; life < 1000; life++)
		add(false, 40000, 1000 + 100 * ((life * 7) % 1000), 0, (life * 7) % 1000 + 1);
	peers_sort(&peers);
	cr_assert_eq(search(40000, 1000 + 100 * 500 + 20, 0, refs, 1000), 1000);
	cr_assert_eq(refs[0], 501);
	cr_assert_eq(refs[1], 502);
	cr_assert_eq(refs[2], 500);
	cr_assert_eq(refs[3], 503);
	cr_assert_eq(refs[999], 1);
	cr_assert_eq(search(40000, 10, 0, refs, 2), 2);
	cr_assert_eq(refs[0], 1);
	cr_assert_eq(refs[1], 2);
	cr_assert_eq(search(40000, 10000000, 0, refs, 2), 2);
	cr_assert_eq(refs[0], 1000);
	cr_assert_eq(refs[1], 999);
}

Test(peers, another_machine_has_no_peer)
{
	trace_ref refs[3];

	add(false, 40000, 1000, 0, 1);
	add(false, 40000, 1001, 1, 2);
	peers_sort(&peers);
	cr_assert_eq(search(40000, 1000, 1, refs, 3), 1);
	cr_assert_eq(refs[0], 2);
	cr_assert_eq(search(40000, 1000, 2, refs, 3), 0);
}

Test(peers, listeners_and_sockets_without_addresses_are_left_out)
{
	struct trace_socket listener = make_socket(false, 40000, 1, 2);
	struct trace_socket unknown = make_socket(false, 0, 1, 2);

	listener.flags = TRACE_SOCKET_LISTENS;
	peers_add(&peers, &listener, 0, 0, 1);
	peers_add(&peers, &unknown, 0, 0, 2);
	cr_assert_eq(peers.count, 0);
}

Test(peers, ends_match_that_mirror_each_other_and_live_at_the_same_time)
{
	struct trace_socket server = make_socket(false, 40000, 100, 200);
	struct trace_socket client = make_socket(true, 40000, 90, 190);
	struct trace_socket other = make_socket(true, 40001, 90, 190);
	struct trace_socket late = make_socket(true, 40000, 300, 400);
	struct trace_socket mapped = client;

	cr_assert(peers_match(&client, &server));
	cr_assert(peers_match(&server, &client));
	cr_assert_not(peers_match(&other, &server));
	cr_assert_not(peers_match(&late, &server));
	cr_assert_not(peers_match(&client, &client));
	/* The same connection through an IPv6 socket. */
	mapped.local.family = mapped.peer.family = AF_INET6;
	memcpy(mapped.local.ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
	memcpy(mapped.peer.ip, mapped.local.ip, 16);
	cr_assert(peers_match(&mapped, &server));
}
