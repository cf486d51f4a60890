/*
 * model.h: what the analyzer knows, as plain data.
 *
 * The reader fills these from traces; everything after it, renderers above all, works on them alone. Pointers belong to
 * the module that gave the structure out (it says for how long). All text in here is as it came from outside: it may
 * hold control characters or no valid UTF-8, so it passes through escape.h on its way out.
 */
#ifndef SOCKSAN_MODEL_H
#define SOCKSAN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shim/trace_format.h"

enum severity {
	SEVERITY_NOTE = TRACE_NOTE,
	SEVERITY_WARNING = TRACE_WARNING,
	SEVERITY_ERROR = TRACE_ERROR,
	SEVERITIES = TRACE_SEVERITIES,
};

/* Bytes with a length, since names of abstract sockets hold NULs. `bytes` is NULL where there are none. */
struct text {
	const char *bytes;
	size_t length;
};

/* Takes one line, without its newline, off *rest. */
static inline struct text text_take_line(struct text *rest)
{
	const char *newline = (const char *)memchr(rest->bytes, '\n', rest->length);
	struct text line = {.bytes = rest->bytes, .length = newline ? (size_t)(newline - rest->bytes) : rest->length};
	size_t taken = newline ? line.length + 1 : line.length;

	rest->bytes += taken;
	rest->length -= taken;
	return line;
}

/* How `socksan run` saw its command end; `pid` is 0 where nobody watched. */
struct command_end {
	int32_t pid;
	int wait_status;
};

enum process_end { PROCESS_RUNNING, PROCESS_EXITED, PROCESS_KILLED, PROCESS_EXEC };

struct process {
	uint32_t trace; /* index of its trace file */
	trace_ref ref;
	int32_t pid;
	int32_t ppid;
	uint64_t started_ns;
	uint64_t ended_ns;
	enum process_end end;
	int signal; /* that ended it, where it is known, else 0 */
	uint32_t coverage; /* enum trace_coverage bits */
	uint64_t sockets_seen; /* at least those that have a record */
	uint64_t sockets_recycled;
	uint64_t socket_records;
	uint64_t writes; /* on the sockets that have a record */
	uint64_t lost[TRACE_LOSSES];
	uint64_t lost_records; /* their sum */
	bool died_in_unplaced_write; /* of SIGPIPE, while more than one write was under way */
	struct text exe; /* its command's name where the path is unknown */
	char called[16]; /* the name it was started by, cut at the end; empty where that is not known */
	struct text argv; /* each argument ends with a NUL */
	struct text gaps; /* what of its runtimes is not watched: lines with their ends */
};

struct endpoint {
	uint16_t family; /* AF_INET, AF_INET6, AF_UNIX; 0 = unknown */
	uint16_t port;
	char ip[48]; /* empty unless AF_INET or AF_INET6 */
	size_t path_length;
	char path[112]; /* AF_UNIX; abstract names begin with a NUL */
};

#define SOCKET_ID_BYTES 48

/* One socket in one process: the record, and what has to be looked up for it. */
struct connection {
	struct trace_socket record;
	uint32_t trace;
	trace_ref ref;
	const struct process *process;
	char id[SOCKET_ID_BYTES]; /* unique in a report */
	struct endpoint local;
	struct endpoint peer;
	char peer_id[SOCKET_ID_BYTES]; /* the socket at the other end, where that was audited too; else empty */
	uint64_t peer_opened_ns; /* when that one was opened */
};

/* A trace, or a directory of them, that is there and may not, or cannot, be read: what its process did is not known. */
struct unreadable_trace {
	char *path;
	char *reason;
};

struct module_index; /* module_index.h */

/* A loaded object of a process. */
struct module {
	trace_ref ref; /* of two that overlap, the greater one below a stack's ref was there when the stack was taken */
	uint64_t start;
	uint64_t end;
	uint64_t bias;
	uint8_t build_id[20];
	uint8_t build_id_length;
	const char *path; /* terminated; of the executable its process's */
};

/* The address space that a trace's stacks were taken in. */
struct address_space {
	const struct module *modules; /* in the order of `ref` */
	size_t module_count;
	const struct module_index *index; /* of the modules, where they are many; else NULL */
	int32_t pid;
	int64_t started_wall_ns; /* files that changed after this are not what was running, unless a build-id says so */
};

/* A stack as it was recorded: addresses, innermost first, and the interpreter's own words. */
struct raw_stack {
	trace_ref ref; /* 0: none */
	uint32_t count;
	uint64_t frames[TRACE_STACK_MAX];
	struct text python;
};

enum language { LANGUAGE_NATIVE, LANGUAGE_PYTHON, LANGUAGE_JIT };

/* One line of a symbolised stack. Strings are never NULL; unknown ones are empty. */
struct frame {
	const char *function;
	const char *file;
	const char *module;
	const char *build_id; /* hexadecimal */
	uint64_t offset; /* of the address in the module's file, as its symbols count */
	int line;
	bool inlined;
	bool system; /* not the program's own code: libc, libssl, an interpreter, ... */
	enum language language;
};

struct stack {
	struct frame *frames;
	size_t count;
};

/* What is kept of every incident. The rest is read again when it is shown. */
struct incident {
	uint32_t trace;
	uint32_t process; /* index */
	trace_ref ref; /* 0: inferred by the analyzer, about `socket` */
	trace_ref socket;
	uint8_t kind; /* enum trace_kind */
	uint8_t knowledge; /* enum trace_knowledge */
	uint8_t outcome; /* enum trace_outcome, settled, as are sigpipe and error */
	uint8_t sigpipe; /* enum trace_sigpipe */
	uint8_t severity; /* enum severity */
	bool told_by_call; /* a call had told the program of the end */
	uint32_t flags; /* enum trace_incident_flags */
	int32_t error;
	trace_ref stack_write;
	uint32_t group; /* index, once grouped */
	uint32_t suppressed_by; /* number of the rule, from 1, that says not to report it; 0: none */
	uint64_t fingerprint;
	uint64_t first_ns;
	uint64_t bytes_lost;
	uint64_t count;
};

#endif
