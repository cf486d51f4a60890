/*
 * classify_lost.h: the verdict on bytes that were accepted while nothing was wrong: that a silent peer does not
 * acknowledge, that the end of the connection or a close throws away. Pure, as classify.h.
 *
 * The kernel's account is one of a stream: so many bytes acknowledged, so many waiting. Bytes that incidents tell of
 * already are left out of what is told anew.
 */
#ifndef SOCKSAN_CLASSIFY_LOST_H
#define SOCKSAN_CLASSIFY_LOST_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/verdict/classify.h"

struct classify_lost_facts {
	uint32_t waiting; /* bytes that are not acknowledged, a FIN of our own not counted */
	uint32_t unsent; /* of them, those that were never sent */
	bool unsent_known; /* the kernel tells the two apart */
	uint32_t retransmits; /* of the oldest of them */
	uint64_t told; /* bytes of the connection that incidents tell of as lost */
	bool shared; /* another process may hold the socket: not all its bytes are ours, and our close is not its end */
	bool silent; /* the peer was found silent before */
	int error; /* errno that told of the end, 0 where none did */
	bool unread; /* a close: input waits that was not read, which makes it a reset */
	uint32_t how; /* what else makes it one: TRACE_INCIDENT_LINGER, TRACE_INCIDENT_DISSOLVED, or 0 */
};

/*
 * Whether the peer is silent: it has been sent the same bytes again, and has acknowledged nothing for `quiet_ns`, of
 * which `limit_ms` are allowed.
 */
bool classify_is_silent(uint32_t retransmits, uint64_t quiet_ns, uint32_t limit_ms);

/* The verdict on a write to a silent peer. */
struct verdict classify_silence(void);

/* The connection is over. `*bytes`: how many are to be told of, where that is a verdict. */
struct verdict classify_lost(const struct classify_lost_facts *facts, uint32_t *bytes);

/* The connection is alive and the program's own close, or connect, is about to end it. */
struct verdict classify_lost_on_close(const struct classify_lost_facts *facts, uint32_t *bytes);

#endif
