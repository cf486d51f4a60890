/*
 * audit_accuse.h: the incident of one write, from its announcement to what became of the call.
 *
 * Called around the write that audit_write.c audits, wherever that may run (any thread, a signal handler, a forked
 * child); never in a process that borrows its parent's memory.
 */
#ifndef SOCKSAN_AUDIT_ACCUSE_H
#define SOCKSAN_AUDIT_ACCUSE_H

#include "shim/audit/audit_write.h"
#include "shim/verdict/incident.h"

/* The call as the verdict on it stands now. */
struct incident_call audit_call_of(const struct audit_write *write);

/*
 * Announces the incident of a call, as write->incident; one that a jump leaves in its midst is finished by somebody
 * else.
 */
void audit_announce(struct audit_write *write, const struct incident_call *call);

/*
 * Announces the incident that write->verdict (of a known kind) tells of, and counts it with its socket. `may_kill`:
 * SIGPIPE would end the process. Sets write->incident, NULL where it could not be recorded.
 */
void audit_accuse(struct audit_write *write, bool may_kill);

/* The call changed nothing worth telling: its incident is withdrawn, and write->incident NULL. */
void audit_withdraw(struct audit_write *write, const struct incident_call *call);

/* Takes that back, counts and all: the call turned out to be another case, or none. */
void audit_retract(struct audit_write *write);

/* What the call that was announced came to: `result` bytes, or -1 with `error`. */
void audit_complete(struct audit_write *write, ssize_t result, int error);

/* The call that was announced has failed with `error`, which told the program of the end. */
void audit_refused(struct audit_write *write, int error);

/* Whether a write into the ended connection raises SIGPIPE, for all that the call and its flags say. */
bool audit_raises_sigpipe(const struct audit_write *write);

#endif
