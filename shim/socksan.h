/*
 * socksan.h: what a program may tell the audit, and ask of it.
 *
 * All functions are weak and do nothing where libsocksan.so is not loaded, so a program needs neither a link nor a
 * switch:
 *
 *	if (socksan_label)
 *		socksan_label("test_reconnect");
 *
 * They may be called from any thread and from signal handlers, and keep errno.
 */
#ifndef SOCKSAN_H
#define SOCKSAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Names what is running, a test's id say, for all incidents that follow in this thread. NULL or "" ends it. The text is
 * copied; 256 bytes of it count.
 */
__attribute__((weak)) void socksan_label(const char *text);

/*
 * Names this descriptor's socket to socksan_dropped_write, for the time when it is closed. The low 32 bits are the
 * number behind the last dot of the "id" that the report gives it. 0 where it is no socket, or not recorded.
 */
__attribute__((weak)) uint64_t socksan_socket_id(int fd);

/*
 * Tells of a write that a runtime swallowed itself, so that no system call was made. `fd` is the socket's descriptor if
 * there is one still, else -1; `socket_id` is what socksan_socket_id gave while there was one, else 0; `bytes` what was
 * to be written; `told` is not 0 where the program had been told that the connection was gone, or had ended it itself;
 * `note`, which may be NULL, says what became of the connection, a line each fact ("lost: own loseConnection");
 * `stack`, which may be NULL, is the runtime's own stack, innermost first, a line each frame: `  File "app.py", line 12
 * in keep_alive`.
 *
 * Returns what names the incident to socksan_dropped_again and socksan_amend, 0 where it could not be recorded.
 */
__attribute__((weak)) uint64_t socksan_dropped_write(
	int fd, uint64_t socket_id, size_t bytes, int told, const char *note, const char *stack);

/* One more write like it: from the same place, on the same connection. Costs little. */
__attribute__((weak)) void socksan_dropped_again(uint64_t incident, size_t bytes);

/* Gives an incident another note. The old one stays in the trace unread, so do this rarely. */
__attribute__((weak)) void socksan_amend(uint64_t incident, const char *note);

/* How many bad writes and closes there have been in this process so far. */
__attribute__((weak)) uint64_t socksan_incident_count(void);

/*
 * Adds a note to what this thread has run into since socksan_incident_count() was `since`: what the program was doing,
 * as only its runtime knows it. With a `socket_id` that is not 0, to what it ran into on that socket alone. Only the
 * last few incidents are known; those that have a note keep it, but for their second, fourth, eighth ... write.
 */
__attribute__((weak)) void socksan_annotate(uint64_t since, uint64_t socket_id, const char *note);

/* Says that this process uses a runtime (uvloop is one) that may swallow writes where nobody tells of them. */
__attribute__((weak)) void socksan_opaque_runtime(void);

/*
 * Says what of a runtime is not watched, in one line: "Twisted 30.0: Connection.write is not as this version of socksan
 * knows it". The report shows it. `blind`: writes may be swallowed there where nobody tells of them, so that a run
 * without findings is not clean.
 */
__attribute__((weak)) void socksan_not_covered(const char *what, int blind);

#ifdef __cplusplus
}
#endif

#endif
