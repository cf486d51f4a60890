/*
 * trace_kinds.h: the kinds of incident, one row each, and the one rule of how severe an incident is.
 *
 * A part of the trace format (trace_format.h includes it). Everything that needs to know a kind takes it from this
 * table: the library's halt_on_error and the counts it keeps for language runtimes, the analyzer's reports, and at
 * build time the Python adapter, the completions, the manual page and the JSON schema. What a kind is called in
 * sentences stands in analyzer/kinds/ID.txt.
 *
 * Pure: no state, no calls; usable anywhere.
 */
#ifndef SOCKSAN_TRACE_KINDS_H
#define SOCKSAN_TRACE_KINDS_H

/* What lies beside a kind's three severities: when it is milder, and what sort of kind it is. */
#define KIND_GOODBYE 0x01 /* a note where the bytes were a protocol's goodbye, unless the process died of SIGPIPE */
#define KIND_ICMP 0x02 /* a note for a connected datagram socket: the next datagram may find somebody */
#define KIND_TRYING 0x04 /* a note where the call said EAGAIN while a non-blocking connect was under way */
#define KIND_DELIVERED 0x08 /* a note where the peer's TCP acknowledged the bytes */
#define KIND_UNCONFIRMED 0x10 /* at most a warning while nobody knows whether the bytes arrived */
#define KIND_OWN_ACT 0x20 /* always the program's own act, so only a call that revealed the end counts as telling */
#define KIND_IS_CLOSE 0x40 /* the call was a close, not a write */
#define KIND_IS_MIX_UP 0x80 /* a descriptor was used after its close */

/*
 * KIND(number, name, id, severity where told, where only the kernel knew, where nobody did, columns). A number is never
 * given twice; readers skip numbers they do not know. An id is a contract: suppressions, baselines and reports name it.
 */
#define TRACE_KINDS(KIND)                                                                                              \
	KIND(1, WRITE_AFTER_PEER_CLOSE, "write-after-peer-close", ERROR, WARNING, WARNING,                             \
		KIND_GOODBYE | KIND_DELIVERED | KIND_UNCONFIRMED)                                                      \
	KIND(2, WRITE_AFTER_RESET, "write-after-reset", ERROR, WARNING, WARNING, KIND_GOODBYE | KIND_ICMP)             \
	KIND(3, WRITE_AFTER_SHUTDOWN, "write-after-shutdown", ERROR, ERROR, ERROR, KIND_GOODBYE)                       \
	KIND(4, WRITE_AFTER_CLOSE, "write-after-close", ERROR, ERROR, ERROR, KIND_IS_MIX_UP)                           \
	KIND(5, WRITE_TO_REUSED_FD, "write-to-reused-fd", ERROR, ERROR, ERROR, KIND_IS_MIX_UP)                         \
	KIND(6, WRITE_BEFORE_CONNECT, "write-before-connect", ERROR, ERROR, ERROR, KIND_TRYING)                        \
	KIND(7, WRITE_TO_SILENT_PEER, "write-to-silent-peer", WARNING, WARNING, WARNING,                               \
		KIND_GOODBYE | KIND_DELIVERED)                                                                         \
	KIND(8, LOST_ON_CLOSE, "lost-on-close", ERROR, WARNING, WARNING, KIND_OWN_ACT | KIND_IS_CLOSE)                 \
	KIND(9, DOUBLE_CLOSE, "double-close", ERROR, ERROR, ERROR, KIND_IS_CLOSE | KIND_IS_MIX_UP)                     \
	KIND(10, DROPPED_BY_FRAMEWORK, "dropped-by-framework", ERROR, WARNING, WARNING, KIND_GOODBYE)

#ifndef TRACE_KINDS_TABLE_ONLY /* the build reads the table alone */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

enum trace_kind {
#define KIND(number, name, id, told, kernel, nobody, columns) TRACE_##name = (number),
	TRACE_KINDS(KIND)
#undef KIND
};

/* One more than the highest number. */
enum {
#define KIND(number, name, id, told, kernel, nobody, columns) +1
	TRACE_KINDS_END = 1 TRACE_KINDS(KIND)
#undef KIND
};

enum trace_severity { TRACE_NOTE, TRACE_WARNING, TRACE_ERROR, TRACE_SEVERITIES };

enum trace_knowledge { TRACE_NOBODY = 1, TRACE_KERNEL, TRACE_TOLD };

enum trace_outcome { TRACE_UNCONFIRMED = 0, TRACE_REJECTED, TRACE_LOST, TRACE_DELIVERED };

enum trace_sigpipe { TRACE_SIGPIPE_NONE = 0, TRACE_SIGPIPE_RAISED, TRACE_SIGPIPE_FATAL };

enum trace_incident_flags {
	/* The call has not returned. Where the process is gone, it ended inside: by SIGPIPE where `sigpipe` says FATAL. */
	TRACE_INCIDENT_IN_CALL = 1 << 0,
	TRACE_INCIDENT_FAREWELL = 1 << 1, /* the bytes were a protocol's goodbye */
	TRACE_INCIDENT_CONNECTING = 1 << 2, /* before-connect: a connect was under way */
	TRACE_INCIDENT_RACE = 1 << 3, /* the probe just before the call still saw an open connection */
	TRACE_INCIDENT_ICMP = 1 << 4, /* a connected datagram socket's ICMP error */
	TRACE_INCIDENT_PEER_SHUTDOWN = 1 << 5, /* AF_UNIX: the peer shut a half rather than closed */
	TRACE_INCIDENT_QUARANTINE = 1 << 6, /* seen because the number was parked */
	TRACE_INCIDENT_HEALED = 1 << 7, /* silent peer: the link came back */
	TRACE_INCIDENT_LINGER = 1 << 8, /* lost-on-close: by SO_LINGER with a time of 0, rather than by unread input */
	TRACE_INCIDENT_DISSOLVED = 1 << 9, /* lost-on-close: by connect with AF_UNSPEC */
};

/* A row. `columns` are the KIND_ bits. */
struct trace_kind_row {
	const char *id;
	uint8_t told; /* enum trace_severity, by knowledge */
	uint8_t kernel;
	uint8_t nobody;
	uint8_t columns;
};

/* The row of a number; NULL for one that this version does not know. */
static inline const struct trace_kind_row *trace_kind_row(unsigned kind)
{
#define KIND(number, name, id, told, kernel, nobody, columns)                                                          \
	[number] = {id, TRACE_##told, TRACE_##kernel, TRACE_##nobody, columns},
	static const struct trace_kind_row rows[] = {TRACE_KINDS(KIND)};
#undef KIND

	return kind >= 1 && kind < TRACE_KINDS_END ? &rows[kind] : (const struct trace_kind_row *)0;
}

static inline bool trace_kind_is(unsigned kind, unsigned column)
{
	const struct trace_kind_row *row = trace_kind_row(kind);

	return row && row->columns & column;
}

/* What the severity of an incident depends on, as struct trace_incident has it. */
struct trace_severity_facts {
	unsigned kind; /* enum trace_kind */
	unsigned knowledge; /* enum trace_knowledge */
	unsigned outcome; /* enum trace_outcome, as far as it is known */
	unsigned sigpipe; /* enum trace_sigpipe */
	uint32_t flags; /* enum trace_incident_flags */
	int error; /* errno of the last rejected write, else 0 */
	bool told_by_call; /* a call of the program had revealed the end */
};

/* Those of `incident`, a pointer to a structure with these members; `told` is its told_by_call, `read` reads one. */
#define TRACE_SEVERITY_FACTS(incident, told, read)                                                                     \
	(const struct trace_severity_facts)                                                                            \
	{                                                                                                              \
		.kind = read((incident)->kind), .knowledge = read((incident)->knowledge),                              \
		.outcome = read((incident)->outcome), .sigpipe = read((incident)->sigpipe),                            \
		.flags = read((incident)->flags), .error = read((incident)->error), .told_by_call = (told)             \
	}

/* How severe it is, by what is known so far: the same in the library while it happens and in the report afterwards. */
static inline enum trace_severity trace_severity(const struct trace_severity_facts *facts)
{
	const struct trace_kind_row *row = trace_kind_row(facts->kind);
	unsigned severity;

	if (!row)
		return TRACE_WARNING;
	severity = facts->knowledge == TRACE_TOLD     ? row->told
		   : facts->knowledge == TRACE_KERNEL ? row->kernel
						      : row->nobody;
	if (facts->sigpipe != TRACE_SIGPIPE_FATAL) {
		if (facts->flags & TRACE_INCIDENT_FAREWELL && row->columns & KIND_GOODBYE)
			return TRACE_NOTE;
		if (facts->flags & TRACE_INCIDENT_ICMP && row->columns & KIND_ICMP)
			return TRACE_NOTE;
	}
	if (facts->flags & TRACE_INCIDENT_CONNECTING && facts->error == EAGAIN && row->columns & KIND_TRYING)
		return TRACE_NOTE;
	if (facts->outcome == TRACE_DELIVERED && row->columns & KIND_DELIVERED)
		return TRACE_NOTE;
	if (row->columns & KIND_OWN_ACT && !facts->told_by_call)
		severity = row->kernel;
	if (facts->outcome == TRACE_UNCONFIRMED && row->columns & KIND_UNCONFIRMED && severity == TRACE_ERROR)
		severity = TRACE_WARNING;
	return (enum trace_severity)severity;
}

#endif
#endif
