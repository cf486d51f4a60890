/*
 * silence.h: how long a TCP connection goes on after its peer has fallen silent, by its own settings and the system's.
 *
 * A peer that is gone without a FIN or a reset is noticed by a timer or not at all: by keepalive where nothing is under
 * way, by TCP_USER_TIMEOUT or the limit of retransmissions where bytes wait for an acknowledgement.
 */
#ifndef SOCKSAN_SILENCE_H
#define SOCKSAN_SILENCE_H

#include <stdint.h>

#include "shim/trace_format.h"

/* What holds for sockets that say nothing else. */
struct silence_defaults {
	uint32_t keepalive_time_s;
	uint32_t keepalive_interval_s;
	uint32_t keepalive_probes;
	uint32_t retries; /* tcp_retries2 */
	uint32_t rto_max_ms;
};

#define SILENCE_SYSCTLS "/proc/sys/net/ipv4"

/*
 * This system's, as they are now, from the files in `directory`; those of a kernel as it comes where one is not to be
 * had.
 */
struct silence_defaults silence_defaults_read(const char *directory);

/* How long an idle connection outlives its peer, in milliseconds; 0: for ever. */
uint64_t silence_idle_ms(const struct trace_socket *socket, const struct silence_defaults *defaults);

/* How long, at the least, bytes that are never acknowledged keep it alive. */
uint64_t silence_sending_ms(const struct trace_socket *socket, const struct silence_defaults *defaults);

/*
 * Both and what they rest on: "idle never (no keepalive), sending ~15 min (tcp_retries2)". The caller frees it.
 */
char *silence_words(const struct trace_socket *socket, const struct silence_defaults *defaults);

#endif
