/*
 * trace_format.h: the bytes of a trace file and of a roster file.
 *
 * The only header that the shim (writer) and the analyzer (reader) share, with the table of kinds that it includes. It
 * is a specification that compiles.
 *
 * Trace file
 * ----------
 * One file for each audited process that had a socket. It is a header of TRACE_HEADER_BYTES, then a log of records. The
 * file is created at its full size (`file_bytes`, sparse) and mapped shared, piece by piece as the log grows, so that
 * what a process stored is in the file the moment it was stored: it survives SIGKILL and needs no flush. Blocks are
 * reserved before they are written.
 *
 * - Byte order and sizes are the writer's: little-endian, 64-bit. A reader refuses a file whose `byte_order` it does
 * not
 *   read as TRACE_BYTE_ORDER.
 * - Times are nanoseconds of CLOCK_MONOTONIC unless a name says otherwise; 0 means "never".
 * - A `trace_ref` is the byte offset of another record in the same file; 0 means "none". A file is smaller than 4 GiB.
 * - Text is bytes as the kernel or the program gave them: it is not terminated where a length is given, terminated or
 * full
 *   where it is an array, may hold anything, and is never trusted.
 *
 * A record begins with a `trace_record` of 8 bytes on an 8-byte boundary. A writer claims space by changing that word
 * from 0 to {size, type, TRACE_CLAIMED} in one atomic store, fills in the record, then sets TRACE_COMMITTED. So a
 * reader walks from `header_bytes`, `size` by `size`, until it meets a word of 0 or the end of the file: there is never
 * a hole, however the writer died. A record is valid when its state is TRACE_COMMITTED, its size is a multiple of 8, at
 * least the size of its struct here, and ends within the file. TRACE_CLAIMED records (the writer was killed while
 * filling one) and TRACE_VOID ones (given up, being used anew, or a filler, which may be as small as its first word)
 * are skipped without a word; a size that breaks the rule is damage: the reader says so with the offset, and cannot go
 * on in that file. `log_end` is a hint: a clean log ends there, a lower end is a torn tail.
 *
 * TRACE_SOCKET, TRACE_INCIDENT and TRACE_PROCESS records change after they were committed (counters, times, outcomes),
 * each field by one aligned store. A record that refers to another is committed after it.
 *
 * Version: TRACE_VERSION grows when an old reader would misread a new file. Growth that an old reader can skip (a new
 * record type, fields appended to a record, which its size shows) leaves it.
 *
 * Roster file
 * -----------
 * Each audited process of a `socksan run` appends one trace_roster_entry with one write as it starts
 * (TRACE_ROSTER_SIGNED_IN), and one before it runs another image (_EXEC), so that an image which nobody audited is
 * noticed: it was announced and never signed in. A reader takes whole entries whose magic is right and counts the rest
 * as damage.
 */
#ifndef SOCKSAN_TRACE_FORMAT_H
#define SOCKSAN_TRACE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "shim/trace_kinds.h"

#define TRACE_MAGIC "socksan\n"
#define TRACE_VERSION 1
#define TRACE_BYTE_ORDER 0x01020304u
#define TRACE_HEADER_BYTES 4096
#define TRACE_SUFFIX ".trace"
#define TRACE_ROSTER_MAGIC 0x524b5353u /* "SSKR" */
#define TRACE_HISTORY 16 /* operations kept for each socket */
#define TRACE_STACK_MAX 128 /* frames in a stack, at most */

typedef uint32_t trace_ref;

struct trace_header {
	char magic[8];
	uint32_t version;
	uint32_t byte_order;
	uint32_t header_bytes;
	uint32_t reserved;
	uint64_t file_bytes; /* its full size: no record reaches beyond */
	uint64_t log_end; /* first byte after the last claimed record (a hint) */
	uint64_t created_ns;
	int64_t created_wall_ns; /* CLOCK_REALTIME at the same moment */
	char writer[32]; /* version of libsocksan */
};

enum trace_type {
	TRACE_FILLER = 0, /* room between two records; its state is TRACE_VOID */
	TRACE_PROCESS = 1,
	TRACE_MODULE,
	TRACE_STACK,
	TRACE_TEXT,
	TRACE_SOCKET,
	TRACE_INCIDENT,
};

enum trace_state {
	TRACE_FREE = 0, /* end of the log */
	TRACE_CLAIMED,
	TRACE_COMMITTED,
	TRACE_VOID,
};

struct trace_record {
	uint32_t size; /* of the whole record in bytes, a multiple of 8 */
	uint16_t type; /* enum trace_type */
	uint16_t state; /* enum trace_state */
};

/* Why something could not be recorded. One counter each in the process record; their sum is `lost_records`. */
enum trace_loss {
	TRACE_LOST_LOG_FULL, /* max_trace reached */
	TRACE_LOST_NO_SPACE, /* the disk was full */
	TRACE_LOST_NO_MEMORY, /* no memory for a socket's state, or to map more of the trace */
	TRACE_LOST_CONTENDED, /* gave up rather than wait for another thread */
	TRACE_LOST_FD_RANGE, /* a descriptor number too high to follow */
	TRACE_LOST_NO_TRACE, /* happened before a trace could be made, or after somebody had truncated it */
	TRACE_LOST_NO_ANSWER, /* the kernel did not answer a question about a socket */
	TRACE_LOST_STALE, /* a result of no connection that can be named: its number changed hands, or a jump left the call */
	TRACE_LOSSES = 8,
};

enum trace_ended {
	TRACE_RUNNING = 0, /* or killed: the reader asks whether the process still lives */
	TRACE_EXITED,
	TRACE_EXEC, /* became another image, which has a trace of its own */
};

/* What this process did that the audit cannot wholly see, or that changed how it was audited. */
enum trace_coverage {
	TRACE_USED_IO_URING = 1 << 0, /* io_uring past all hooks, or with registered files */
	TRACE_SECCOMP = 1 << 1, /* a seccomp filter: audited without probes from then on */
	TRACE_NO_UNWINDER = 1 << 2, /* libunwind could not be loaded: no stacks */
	TRACE_UNWINDER_BUSY = 1 << 3, /* forked while another thread unwound: no stacks */
	TRACE_SHARED_FILE = 1 << 4, /* a child that could make no file of its own; its records stand in its parent's */
	TRACE_LOW_DESCRIPTORS = 1 << 5, /* the quarantine gave numbers back under pressure */
	TRACE_OPAQUE_RUNTIME = 1 << 6, /* a runtime (uvloop) that may swallow writes where nobody tells of them */
	TRACE_NO_PYTHON_STACKS = 1 << 7, /* a Python interpreter whose stacks could not be taken, or not wholly */
	TRACE_MISSING_STACKS = 1 << 8, /* calls from where none could be taken: see backtrace.c */
	TRACE_RUNTIME_GAPS = 1 << 9, /* `gaps` names parts of a runtime that may swallow writes unseen */
	TRACE_CUT_SHORT = 1 << 10, /* somebody truncated the trace while it was written */
};

/* The first record of a file is the process that made it. Every socket and incident names its process. */
struct trace_process {
	struct trace_record record;
	int32_t pid;
	int32_t ppid;
	uint64_t started_ns; /* when the shim was loaded, or the fork */
	uint64_t ended_ns;
	uint32_t ended; /* enum trace_ended */
	uint32_t coverage; /* enum trace_coverage bits */
	uint64_t sockets_seen; /* opened, accepted, discovered; those whose records were recycled included */
	uint64_t sockets_recycled; /* clean connections whose records were used again */
	uint64_t lost[TRACE_LOSSES];
	char comm
		[16]; /* what the executable was called: another name of the file than in `exe`, maybe; cut at the end */
	char exe[256];
	uint32_t argv_length; /* bytes used in argv */
	trace_ref gaps; /* TRACE_TEXT_GAPS; 0 = none, and in traces of before it was there */
	char argv[2048]; /* each argument ends with a NUL; cut at the end */
};

/* A loaded object. Of two that overlap, the one that stands later in the log is the newer. */
struct trace_module {
	struct trace_record record;
	uint64_t t_ns;
	uint64_t start; /* first and one past the last mapped address */
	uint64_t end;
	uint64_t bias; /* what was added to the addresses in the file */
	uint8_t build_id[20];
	uint8_t build_id_length; /* 0 where it has none */
	uint8_t pad;
	uint16_t path_length;
	char path[]; /* empty for the executable where its name is unknown */
};

/* A call stack, innermost first. Stored once, however often it occurs. */
struct trace_stack {
	struct trace_record record;
	uint32_t frame_count;
	trace_ref text; /* TRACE_TEXT: the interpreter's stack, as it prints it; or 0 */
	uint64_t frames[]; /* return addresses, but for the first of a signal handler's caller */
};

enum trace_text_kind {
	TRACE_TEXT_LABEL = 1, /* what was running (socksan_label) */
	TRACE_TEXT_PYTHON_STACK,
	TRACE_TEXT_PATH, /* a name of an AF_UNIX socket; abstract names begin with a NUL */
	TRACE_TEXT_NOTE,
	TRACE_TEXT_PREVIEW, /* the first bytes of a payload, any bytes at all (option preview=N) */
	TRACE_TEXT_GAPS, /* what of a process's runtimes is not watched, in words: a line each */
};

struct trace_text {
	struct trace_record record;
	uint32_t kind; /* enum trace_text_kind */
	uint32_t length;
	char text[];
};

struct trace_address {
	uint16_t family; /* AF_INET, AF_INET6, AF_UNIX; 0 = unknown */
	uint16_t port; /* host byte order */
	trace_ref path; /* AF_UNIX: TRACE_TEXT, 0 = unnamed */
	uint8_t ip[16]; /* network byte order; IPv4 in the first four */
};

enum trace_protocol {
	TRACE_OTHER = 0,
	TRACE_TCP,
	TRACE_UDP,
	TRACE_UNIX_STREAM,
	TRACE_UNIX_SEQPACKET,
	TRACE_UNIX_DGRAM,
};

enum trace_origin {
	TRACE_SOCKET_CALL = 0, /* socket(), not connected so far */
	TRACE_CONNECT,
	TRACE_ACCEPT,
	TRACE_SOCKETPAIR,
	TRACE_INHERITED, /* there before the shim looked: from the parent or a service manager */
	TRACE_PASSED, /* received by SCM_RIGHTS, or opened where no hook could see */
};

enum trace_end {
	TRACE_END_OPEN = 0,
	TRACE_END_CLOSED, /* this process closed its last descriptor of it */
	TRACE_END_RESET, /* the kernel had ended it before that */
};

enum trace_socket_flags {
	TRACE_SOCKET_LISTENS = 1 << 0,
	TRACE_SOCKET_KEEPALIVE = 1 << 1, /* SO_KEEPALIVE is on */
	TRACE_SOCKET_OWN_SHUTDOWN_WRITE = 1 << 2,
	TRACE_SOCKET_OWN_SHUTDOWN_READ = 1 << 3,
	TRACE_SOCKET_HAS_INCIDENT = 1 << 4, /* never recycled */
	TRACE_SOCKET_CONTINUES = 1 << 5, /* the kernel's socket connected anew: an earlier record has its first life */
};

/* One life of a connection in one process. Never moves; its counters are always current. */
struct trace_socket {
	struct trace_record record;
	trace_ref process;
	int32_t fd; /* the first descriptor it had */
	uint64_t id; /* unique within the file */
	uint64_t cookie; /* SO_COOKIE: names the kernel's socket on this machine until it reboots */
	uint64_t peer_cookie; /* of the other end of a socketpair, else 0 */
	uint8_t protocol; /* enum trace_protocol */
	uint8_t origin; /* enum trace_origin */
	uint8_t end; /* enum trace_end */
	uint8_t end_error; /* errno that told of the end: why it was, where that is more than EPIPE; or 0 */
	uint32_t flags; /* enum trace_socket_flags */
	uint64_t opened_ns;
	uint64_t connected_ns;
	uint64_t peer_closed_ns; /* the peer's FIN or close was first observed */
	uint64_t reset_ns; /* the end by reset, timeout or error was first observed */
	uint64_t shutdown_ns; /* own shutdown of the writing half */
	uint64_t told_ns; /* the program was first told of the end */
	uint64_t closed_ns;
	char told_call[16];
	uint64_t bytes_sent;
	uint64_t bytes_received;
	uint64_t bytes_unacked_at_close;
	uint64_t writes;
	uint32_t writes_before_connect;
	uint32_t writes_after_peer_close;
	uint32_t writes_after_reset;
	uint32_t writes_after_shutdown;
	uint32_t keepalive_idle_s; /* 0 = the system's default */
	uint32_t keepalive_interval_s;
	uint32_t keepalive_count;
	uint32_t user_timeout_ms;
	trace_ref stack_opened;
	trace_ref stack_told;
	trace_ref stack_shutdown;
	trace_ref stack_closed;
	struct trace_address local;
	struct trace_address peer;
	/* The write that is under way, so that a process killed inside it leaves word: 0 = none. */
	uint64_t in_call_ns;
	char in_call[16];
	int32_t peer_pid; /* AF_UNIX: the process that the kernel names as the peer, or 0 */
	int32_t tid; /* of the thread that opened it */
};

/* What the kernel said of a TCP socket, before and after the write (TCP_INFO, SIOCOUTQ). */
struct trace_probe {
	uint16_t revents; /* of poll(POLLRDHUP), before only */
	uint8_t tcp_state; /* TCP_ESTABLISHED = 1 ... ; 0 = not asked */
	uint8_t retransmits;
	uint32_t unsent_bytes; /* SIOCOUTQ: accepted and not acknowledged */
};

/* One operation of the flight recorder. */
struct trace_operation {
	uint64_t t_ns;
	uint32_t length; /* asked for; saturates */
	int32_t result; /* what the call returned, or minus errno */
	char call[16];
};

struct trace_incident {
	struct trace_record record;
	trace_ref process;
	trace_ref socket; /* 0 where no socket is known any more */
	uint64_t id; /* unique within the file */
	uint8_t kind; /* enum trace_kind */
	uint8_t knowledge; /* enum trace_knowledge */
	uint8_t outcome; /* enum trace_outcome */
	uint8_t sigpipe; /* enum trace_sigpipe */
	uint32_t flags; /* enum trace_incident_flags */
	int32_t error; /* errno of the last rejected write, else 0 */
	int32_t fd;
	int32_t tid;
	trace_ref label;
	char thread_name[16];
	char call[16];
	uint64_t count; /* writes: the same socket, place and kind */
	uint64_t bytes_offered;
	uint64_t bytes_accepted;
	uint64_t bytes_lost;
	uint64_t first_ns;
	uint64_t last_ns;
	uint64_t disconnect_ns; /* when the end was first observed or, by its own call, made */
	uint64_t told_ns;
	char told_call[16];
	trace_ref stack_write;
	trace_ref stack_told;
	trace_ref stack_closed; /* own close or shutdown; of a silent peer 0 */
	trace_ref stack_opened;
	trace_ref stack_new_owner; /* reused-fd, double-close: where the number was opened anew */
	trace_ref other_socket; /* the new owner, where it is a socket */
	uint64_t pending_bytes; /* accepted, and not yet known to be lost or acknowledged */
	uint64_t pending_end; /* the place of the last of them in the acknowledged stream, as bytes_acked counts */
	uint64_t silent_since_ns; /* silent peer: the oldest unacknowledged byte */
	uint32_t retransmissions;
	uint32_t history_count;
	struct trace_probe before;
	struct trace_probe after;
	trace_ref text; /* TRACE_TEXT_NOTE: what a runtime added, a line "key: value" each fact; or 0 */
	trace_ref preview; /* TRACE_TEXT_PREVIEW of the first write, or 0 */
	struct trace_operation history[TRACE_HISTORY]; /* oldest first; the last is this write */
};

/* One word of a record that its process may be changing. */
#define TRACE_WORD(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)

/*
 * How severe an incident is by what its record says now; the report asks the same once the run is over (trace_kinds.h).
 */
static inline enum trace_severity trace_incident_severity(const struct trace_incident *incident)
{
	return trace_severity(&TRACE_SEVERITY_FACTS(incident, TRACE_WORD(incident->told_call[0]) != '\0', TRACE_WORD));
}

enum trace_roster_type {
	TRACE_ROSTER_SIGNED_IN = 1,
	TRACE_ROSTER_EXEC, /* is about to become `path` */
	TRACE_ROSTER_EXEC_FAILED, /* takes this pid's last _EXEC back */
	TRACE_ROSTER_SPAWNED, /* posix_spawn started `pid` as `path` */
	TRACE_ROSTER_NO_TRACE, /* could make no trace: `path` says why */
};

struct trace_roster_entry {
	uint32_t magic;
	uint32_t type; /* enum trace_roster_type */
	int32_t pid;
	int32_t ppid;
	uint64_t t_ns;
	char path[232]; /* terminated or full */
};

_Static_assert(sizeof(struct trace_header) <= TRACE_HEADER_BYTES, "header fits");
_Static_assert(sizeof(struct trace_record) == 8, "record word");
_Static_assert(offsetof(struct trace_header, file_bytes) == 24, "header layout");
_Static_assert(sizeof(struct trace_process) == 2448, "process size");
_Static_assert(offsetof(struct trace_module, path) == 64, "module layout");
_Static_assert(offsetof(struct trace_stack, frames) == 16, "stack layout");
_Static_assert(offsetof(struct trace_text, text) == 16, "text layout");
_Static_assert(sizeof(struct trace_address) == 24, "address size");
_Static_assert(sizeof(struct trace_socket) == 280, "socket size");
_Static_assert(sizeof(struct trace_operation) == 32, "operation size");
_Static_assert(sizeof(struct trace_incident) == 752, "incident size");
_Static_assert(sizeof(struct trace_roster_entry) == 256, "roster entry size");

#endif
