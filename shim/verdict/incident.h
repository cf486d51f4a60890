/*
 * incident.h: one record for all writes of one kind, made from one place on one socket.
 *
 * An incident is announced before the call is made, so that it is on disk when a SIGPIPE kills; then completed with the
 * result (incident_settle.h), or withdrawn. Any thread, any signal handler; keeps errno.
 */
#ifndef SOCKSAN_INCIDENT_H
#define SOCKSAN_INCIDENT_H

#include <stdbool.h>
#include <stddef.h>

#include "shim/socket/quarantine.h"
#include "shim/socket/socket_hold.h"
#include "shim/verdict/classify.h"

/* Where and what: the circumstances of one call. */
struct incident_call {
	struct socket *socket; /* NULL where none is known any more; held by the caller */
	struct trace_socket *record; /* the socket's, when the call was begun; NULL as well */
	const char *call;
	int fd;
	size_t length;
	uint64_t t_ns;
	struct verdict verdict;
	struct trace_probe before;
	bool may_kill; /* SIGPIPE would end the process, and this call may raise it */
	uint32_t backlog; /* silent peer: bytes of earlier writes that stay unacknowledged and no incident tells of */
	uint64_t silent_since_ns;
	uint32_t retransmissions;
	uint64_t closed_ns; /* own close: when and where this number was closed; 0: as the record says */
	trace_ref stack_closed;
	trace_ref stack_write; /* 0: taken now */
	struct quarantine_owner owner; /* whom the number would mean by now without the quarantine */
};

/*
 * Announces: a new incident, or one more write in an old one (`*fresh` says which). NULL where it could not be
 * recorded.
 */
struct trace_incident *incident_announce(const struct incident_call *call, bool *fresh);

/* What the flight recorder has of the only write of an incident, which stands last; NULL: it has more than one. */
struct trace_operation *incident_only_call(struct trace_incident *incident);

/* Its call offers `length` bytes, and not `before` as was announced. */
void incident_resize(struct trace_incident *incident, size_t before, size_t length);

/* The call changed nothing worth telling (EAGAIN, EINTR). */
void incident_withdraw(struct trace_incident *incident, const struct incident_call *call);

/*
 * The call has returned, and its result is still to come; or it will never be seen, but for these bytes that were
 * accepted.
 */
void incident_under_way(struct trace_incident *incident);
void incident_unknown(struct trace_incident *incident, size_t accepted);

/* A call that was left in its midst, by a jump or by the end of its thread, has no end of its own: this is it. */
void incident_abandoned(struct hold_slot *slot);

/* Takes an incident back altogether. */
void incident_void(struct trace_incident *incident);

/* ---- its steps, for incident_settle.c and incident_lost.c ---- */

/* Fills in a claimed record with all but counts and outcome: circumstances, socket, flight recorder. */
void incident_fill(struct trace_incident *incident, const struct incident_call *call, trace_ref stack);

/* The name of the call it tells of. */
void incident_set_call(struct trace_incident *incident, const char *call);

/* The call has returned, so no SIGPIPE has killed the process. Returns how severe the incident was before this call. */
enum trace_severity incident_returned(struct trace_incident *incident);

/*
 * The call has returned `result`, bytes or minus errno, and was settled. Counts it in an incident that had been
 * `before`.
 */
void incident_finish_call(struct trace_incident *incident, enum trace_severity before, long result);

/* ---- what a runtime drops ---- */

/* A write that a runtime swallowed. Texts are the runtime's; NULL where there is none. */
struct incident_drop {
	int fd;
	struct trace_socket *socket; /* NULL: unknown */
	size_t bytes;
	bool told; /* the program had been told that the connection was gone, or had ended it */
	const char *note;
	uint32_t note_length;
	const char *stack;
	uint32_t stack_length;
	uint64_t t_ns;
};

/* Records one, or counts it with those from the same place on the same socket. NULL where it could not be recorded. */
struct trace_incident *incident_dropped(const struct incident_drop *drop);

/* One more of the same. */
void incident_dropped_again(struct trace_incident *incident, size_t bytes, uint64_t t_ns);

/* In a forked child: its incidents stand in another file. */
void incident_forked(void);

#endif
