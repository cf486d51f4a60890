/*
 * lifetime.c: the rules of docs/LIFETIME.md, on the functions themselves, in every order of their atomic
 * operations that makes a difference (interleave.h). A socket of the kernel's stands behind each number here; what a
 * call did to it must be booked on the record of that one or on none, and the record that is held must serve no other
 * meanwhile.
 *
 * Each rule is then left out, and the fault must be found: otherwise this would show nothing.
 */
#include "tests/unit/shim/socket/interleave.h"

static bool without_publishing;

#define HOLD_PUBLISH(slot, value)                                                                                      \
	do {                                                                                                           \
		if (!without_publishing)                                                                               \
			(void)__atomic_exchange_n(&(slot)->object, value, __ATOMIC_SEQ_CST);                           \
	} while (0)

/* NOLINTBEGIN(bugprone-suspicious-include): the functions themselves, with another HOLD_PUBLISH */
#include "shim/base/hold.c"
#include "shim/socket/socket.c"
#include "shim/socket/socket_hold.c"
#include "shim/socket/socket_table.c"
/* NOLINTEND(bugprone-suspicious-include) */

#include <criterion/criterion.h>

#define FD 3

static uint64_t kernel; /* which socket the kernel means by FD: its cookie; 0: none */
static bool without_checking;
static unsigned booked, stale;

/* As audit_made_socket does: the kernel first. */
static void open_number(uint64_t cookie)
{
	struct socket *socket;

	__atomic_store_n(&kernel, cookie, __ATOMIC_SEQ_CST);
	socket = socket_new();
	socket->cookie = cookie;
	socket_table_open(FD, socket);
}

/* As audit_close_begin does: the table first. */
static void close_number(void)
{
	struct socket_hold hold;
	bool last;

	if (!socket_hold_open(&hold, FD))
		return;
	if (socket_table_close(FD, hold.entry, &last))
		__atomic_store_n(&kernel, 0, __ATOMIC_SEQ_CST);
	socket_release(&hold);
}

static void set_up(void)
{
	memset(first_chunk, 0, sizeof(first_chunk));
	memset(&free_sockets, 0, sizeof(free_sockets));
	memset(retired_sockets, 0, sizeof(retired_sockets));
	memset(interleave.threads, 0, sizeof(interleave.threads));
	block_count = (uint32_t)interleave.actors;
	for (int i = 0; i < interleave.actors; i++) {
		first_chunk[i].owner = 2 * (uintptr_t)i + 2;
		interleave.threads[i].holds = &first_chunk[i];
	}
	if (socket_table[0])
		memset(socket_table[0], 0, SOCKET_TABLE_CHUNK * sizeof(uint64_t));
	if (slabs[0])
		memset(slabs[0], 0, SLAB_SOCKETS * sizeof(struct socket));
	next_index = 0;
	socket_table_turn = searches = lives = 0;
	open_number(1000);
}

/* A write, a read, any call by number. */
static void call_by_number(void)
{
	struct socket_hold hold;
	uint64_t cookie, meant;

	if (!socket_hold_open(&hold, FD))
		return;
	cookie = hold.socket->cookie;
	meant = __atomic_load_n(&kernel, __ATOMIC_SEQ_CST);
	if (without_checking || socket_hold_is_current(&hold)) {
		interleave_expect(meant == cookie, "a result is booked on another connection");
		booked++;
	} else {
		stale++;
	}
	interleave_expect(hold.socket->life == hold.life && hold.socket->cookie == cookie,
		"a record that is held serves another connection");
	socket_release(&hold);
}

static void close_and_open(void)
{
	close_number();
	open_number(1001);
}

static void close_and_open_twice(void)
{
	close_and_open();
	close_number();
	open_number(1002);
}

/* The end of the process, a look for a cookie. */
static void walk(void)
{
	struct socket_hold hold;
	uint64_t cookie;

	if (!socket_hold_at(&hold, 0))
		return;
	cookie = hold.socket->cookie;
	__atomic_load_n(&kernel, __ATOMIC_SEQ_CST);
	interleave_expect(hold.socket->life == hold.life && hold.socket->cookie == cookie,
		"a record that is held serves another connection");
	socket_release(&hold);
}

/* An operation of io_uring: kept beyond the call. */
static void keep(void)
{
	struct socket_hold hold;
	uint64_t cookie;

	if (!socket_hold_open(&hold, FD))
		return;
	cookie = hold.socket->cookie;
	socket_hold_keep(&hold);
	__atomic_load_n(&kernel, __ATOMIC_SEQ_CST);
	interleave_expect(hold.socket->life == hold.life && hold.socket->cookie == cookie,
		"a record that is kept serves another connection");
	socket_release(&hold);
}

static void forget_and_open(void)
{
	socket_table_forget(FD);
	open_number(1001);
}

/* After a wait: what the kernel said of a number when `turn` was the latest. */
static void wait_and_tell(void)
{
	uint64_t turn = socket_table_now();
	uint64_t told = __atomic_load_n(&kernel, __ATOMIC_SEQ_CST);
	struct socket_hold hold;

	if (!told || !socket_hold_open(&hold, FD))
		return;
	if (without_checking || socket_entry_is_older(hold.entry, turn)) {
		interleave_expect(hold.socket->cookie == told, "a wait told of another connection");
		booked++;
	}
	socket_release(&hold);
}

static const char *try(const char *name, int actors, void (*const *run)(void))
{
	const char *failure = interleave_all(actors, set_up, run);

	fprintf(stderr, "shim_lifetime: %-28s %lu orders, %lu operations, %lu cut short as repetitions: %s\n", name,
		interleave.runs, interleave.operations, interleave.cut, failure ? failure : "none bad");
	return failure;
}

#define TRY(name, ...)                                                                                                 \
	__extension__({                                                                                                \
		void (*const run_[])(void) = {__VA_ARGS__};                                                            \
		try(name, (int)(sizeof(run_) / sizeof(*run_)), run_);                                                  \
	})

Test(lifetime, every_order, .timeout = 300)
{
	cr_expect_null(TRY("call, close and open", call_by_number, close_and_open));
	cr_expect(booked && stale);
	cr_expect_null(TRY("call, close and open twice", call_by_number, close_and_open_twice));
	cr_expect_null(TRY("walk, close and open", walk, close_and_open));
	cr_expect_null(TRY("keep, forget and open", keep, forget_and_open));
	cr_expect_null(TRY("wait, close and open twice", wait_and_tell, close_and_open_twice));
	cr_expect_null(TRY("call, walk, forget and open", call_by_number, walk, forget_and_open));
}

Test(lifetime, faults_are_found, .timeout = 300)
{
	without_publishing = true;
	cr_expect_not_null(TRY("without the hold", call_by_number, close_and_open_twice));
	without_publishing = false;
	without_checking = true;
	cr_expect_not_null(TRY("without the check", call_by_number, close_and_open));
	cr_expect_not_null(TRY("a wait without its turn", wait_and_tell, close_and_open));
}
