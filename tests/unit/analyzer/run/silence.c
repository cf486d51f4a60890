/* silence.c: after how long a silent peer is noticed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyzer/run/silence.h"
#include "tests/unit/trace_builder.h"

static const struct silence_defaults defaults = {.keepalive_time_s = 7200,
	.keepalive_interval_s = 75,
	.keepalive_probes = 9,
	.retries = 15,
	.rto_max_ms = 120000};

static void expect(const struct trace_socket *socket, uint64_t idle_ms, uint64_t sending_ms, const char *expected)
{
	char *words = silence_words(socket, &defaults);

	cr_expect_eq(silence_idle_ms(socket, &defaults), idle_ms);
	cr_expect_eq(silence_sending_ms(socket, &defaults), sending_ms);
	cr_expect_str_eq(words, expected);
	free(words);
}

Test(silence, without_settings_only_writing_shows_it)
{
	struct trace_socket socket = {.protocol = TRACE_TCP, .keepalive_idle_s = 10};

	expect(&socket, 0, 924600, "idle never (no keepalive), sending ~15 min (tcp_retries2)");
}

Test(silence, keepalive_by_the_systems_defaults)
{
	struct trace_socket socket = {.protocol = TRACE_TCP, .flags = TRACE_SOCKET_KEEPALIVE};

	expect(&socket, 7875000, 924600, "idle 2 h 11 min (keepalive 7200 + 9 x 75 s), sending ~15 min (tcp_retries2)");
}

Test(silence, keepalive_by_its_own_settings)
{
	struct trace_socket socket = {.protocol = TRACE_TCP,
		.flags = TRACE_SOCKET_KEEPALIVE,
		.keepalive_idle_s = 30,
		.keepalive_interval_s = 5,
		.keepalive_count = 3};

	expect(&socket, 45000, 924600, "idle 45.0 s (keepalive 30 + 3 x 5 s), sending ~15 min (tcp_retries2)");
}

Test(silence, a_user_timeout_decides_both)
{
	struct trace_socket socket = {.protocol = TRACE_TCP, .user_timeout_ms = 20000};

	expect(&socket, 0, 20000, "idle never (no keepalive), sending 20.0 s (user timeout)");
	socket.flags = TRACE_SOCKET_KEEPALIVE;
	socket.keepalive_idle_s = 10;
	socket.keepalive_interval_s = 4;
	socket.keepalive_count = 9;
	/* Probes after 10, 14 and 18 s; the next would be due after 22, when 20 have passed. */
	expect(&socket, 22000, 20000, "idle 22.0 s (keepalive, user timeout), sending 20.0 s (user timeout)");
	socket.user_timeout_ms = 1000;
	expect(&socket, 14000, 1000, "idle 14.0 s (keepalive, user timeout), sending 1.0 s (user timeout)");
}

Test(silence, reads_what_the_system_says)
{
	char *directory = builder_directory();
	char *path = builder_path(directory, "tcp_retries2");
	FILE *file = fopen(path, "we");
	struct silence_defaults found;

	fputs("3\n", file);
	fclose(file);
	found = silence_defaults_read(directory);
	cr_expect_eq(found.retries, 3);
	cr_expect_eq(found.keepalive_time_s, 7200);
	cr_expect_eq(silence_sending_ms(&(struct trace_socket){.protocol = TRACE_TCP}, &found), 200 + 400 + 800 + 1600);
	free(path);
	builder_remove(directory);
}
