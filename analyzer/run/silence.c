/*
 * silence.c: see silence.h. The rules are those of net/ipv4/tcp_timer.c (tcp_keepalive_timer, tcp_model_timeout).
 */
#include "analyzer/run/silence.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyzer/base/text.h"

#define RTO_MIN_MS UINT64_C(200) /* the shortest retransmission timeout, TCP_RTO_MIN */

static uint32_t read_number(const char *directory, const char *name, uint32_t otherwise)
{
	char *path = text_format("%s/%s", directory, name);
	FILE *file = fopen(path, "re");
	unsigned number;

	free(path);
	if (!file)
		return otherwise;
	if (fscanf(file, "%u", &number) != 1)
		number = otherwise;
	fclose(file);
	return number;
}

struct silence_defaults silence_defaults_read(const char *directory)
{
	return (struct silence_defaults){
		.keepalive_time_s = read_number(directory, "tcp_keepalive_time", 7200),
		.keepalive_interval_s = read_number(directory, "tcp_keepalive_intvl", 75),
		.keepalive_probes = read_number(directory, "tcp_keepalive_probes", 9),
		.retries = read_number(directory, "tcp_retries2", 15),
		.rto_max_ms = read_number(directory, "tcp_rto_max_ms", 120000),
	};
}

/* Keepalive as it is for this socket. */
struct keepalive {
	uint64_t time_s;
	uint64_t interval_s;
	uint64_t probes;
};

static struct keepalive keepalive_of(const struct trace_socket *socket, const struct silence_defaults *defaults)
{
	return (struct keepalive){
		.time_s = socket->keepalive_idle_s ? socket->keepalive_idle_s : defaults->keepalive_time_s,
		.interval_s =
			socket->keepalive_interval_s ? socket->keepalive_interval_s : defaults->keepalive_interval_s,
		.probes = socket->keepalive_count ? socket->keepalive_count : defaults->keepalive_probes,
	};
}

/*
 * The first probe goes out after the idle time, the others an interval apart. The connection ends an interval after the
 * last probe or, with a user timeout, when a probe is due again after that time has passed.
 */
uint64_t silence_idle_ms(const struct trace_socket *socket, const struct silence_defaults *defaults)
{
	struct keepalive keepalive = keepalive_of(socket, defaults);
	uint64_t probes = keepalive.probes;

	if (!(socket->flags & TRACE_SOCKET_KEEPALIVE))
		return 0;
	if (socket->user_timeout_ms) {
		uint64_t timeout_s = (socket->user_timeout_ms + UINT64_C(999)) / 1000;
		uint64_t beyond = timeout_s > keepalive.time_s ? timeout_s - keepalive.time_s : 0;

		probes = keepalive.interval_s ? (beyond + keepalive.interval_s - 1) / keepalive.interval_s : 1;
		probes = probes ? probes : 1;
	}
	return (keepalive.time_s + probes * keepalive.interval_s) * 1000;
}

/* Timeouts double from the shortest one up to the longest; the last one must pass, too. */
uint64_t silence_sending_ms(const struct trace_socket *socket, const struct silence_defaults *defaults)
{
	uint64_t timeout = RTO_MIN_MS;
	uint64_t sum = 0;

	if (socket->user_timeout_ms)
		return socket->user_timeout_ms;
	for (uint32_t i = 0; i <= defaults->retries; i++) {
		sum += timeout;
		timeout = timeout * 2 < defaults->rto_max_ms ? timeout * 2 : defaults->rto_max_ms;
	}
	return sum;
}

static char *idle_words(const struct trace_socket *socket, const struct silence_defaults *defaults)
{
	struct keepalive keepalive = keepalive_of(socket, defaults);
	char time[TEXT_NUMBER_BYTES];

	if (!(socket->flags & TRACE_SOCKET_KEEPALIVE))
		return text_copy("idle never (no keepalive)");
	text_duration(time, silence_idle_ms(socket, defaults) * 1000000);
	if (socket->user_timeout_ms)
		return text_format("idle %s (keepalive, user timeout)", time);
	return text_format("idle %s (keepalive %llu + %llu x %llu s)", time, (unsigned long long)keepalive.time_s,
		(unsigned long long)keepalive.probes, (unsigned long long)keepalive.interval_s);
}

static char *sending_words(const struct trace_socket *socket, const struct silence_defaults *defaults)
{
	uint64_t ms = silence_sending_ms(socket, defaults);
	char time[TEXT_NUMBER_BYTES];

	if (socket->user_timeout_ms)
		return text_format("sending %s (user timeout)", text_duration(time, ms * 1000000));
	/* The real timeouts follow the round trip: this is the order of it, and the least. */
	if (ms >= 600000)
		return text_format("sending ~%llu min (tcp_retries2)", (unsigned long long)ms / 60000);
	return text_format("sending ~%s (tcp_retries2)", text_duration(time, ms * 1000000));
}

char *silence_words(const struct trace_socket *socket, const struct silence_defaults *defaults)
{
	char *idle = idle_words(socket, defaults);
	char *sending = sending_words(socket, defaults);
	char *words = text_format("%s, %s", idle, sending);

	free(idle);
	free(sending);
	return words;
}
