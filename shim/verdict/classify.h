/*
 * classify.h: from what was known and seen to a verdict. Pure: no system call, no state, so each rule has a unit test.
 *
 * The rules rest on docs/KERNEL.md, section 1. A write is judged twice: before the call, by what the kernel says of the
 * socket, and after it, by the result. What was seen before decides the kind; the result decides the outcome, and the
 * kind only where nothing was to be seen before (a race, or a descriptor that may not be probed).
 */
#ifndef SOCKSAN_CLASSIFY_H
#define SOCKSAN_CLASSIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/trace_format.h"

struct classify_facts {
	uint8_t protocol; /* enum trace_protocol */
	bool connected; /* was connected at some time */
	bool connecting; /* a connect is under way */
	bool fast_open; /* this write is to make the connection */
	bool own_shutdown_write;
	bool own_shutdown_read;
	bool told; /* of the connection's end, before this write */
	short revents; /* of poll before the write; 0 where it was not asked */
	uint8_t tcp_before; /* TCP state before the write, 0 = not asked */
	uint8_t tcp_after; /* and after it */
	bool succeeded;
	int error; /* errno where it did not */
};

/* Which counter of the socket a write belongs to. */
enum classify_counter {
	COUNT_NONE,
	COUNT_BEFORE_CONNECT,
	COUNT_AFTER_PEER_CLOSE,
	COUNT_AFTER_RESET,
	COUNT_AFTER_SHUTDOWN
};

struct verdict {
	uint8_t kind; /* enum trace_kind, 0 = nothing wrong */
	uint8_t knowledge; /* enum trace_knowledge */
	uint8_t counter; /* enum classify_counter */
	uint32_t flags; /* enum trace_incident_flags */
};

/*
 * Whether a TCP socket in this state (TCP_ESTABLISHED ...), which has had so many bytes acknowledged
 * (tcpi_bytes_acked), is or was connected. Of a connect that failed or is under way not even the SYN is acknowledged,
 * which counts as a byte.
 */
bool classify_has_connected(uint8_t tcp_state, uint64_t acked_bytes);

/* Whether poll's answer, or what the table knows, asks for a closer look before the write. */
bool classify_is_suspect(const struct classify_facts *facts);

/* The verdict on a write that has not been made yet. */
struct verdict classify_before(const struct classify_facts *facts);

/* The verdict on a failed write that looked harmless before. */
struct verdict classify_failure(const struct classify_facts *facts);

/* The verdict on a write that a runtime dropped: `told` of the end, or having made it itself, was its program. */
struct verdict classify_dropped(bool told);

/* Whether this errno of a read or write says that the connection is over. */
bool classify_is_end(int error);

/* Whether a failed call of an announced incident takes the announcement back: nothing was wrong, try again. */
bool classify_is_retry(const struct verdict *verdict, int error);

/* Whether this write, if it goes as announced, fails with EPIPE, or may do so: then a SIGPIPE is to be expected. */
bool classify_expects_epipe(const struct verdict *verdict, const struct classify_facts *facts);

#endif
