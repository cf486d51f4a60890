/*
 * socksan.h: what a program may tell the audit, and ask of it.
 *
 * All functions are weak and do nothing where libsocksan.so is not loaded, so a program needs neither a link nor a switch:
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
 * What the report calls this descriptor's socket: the number behind the last colon of its "id". 0 where it is no socket, or
 * not recorded.
 */
__attribute__((weak)) uint64_t socksan_socket_id(int fd);

/*
 * Tells of a write that a runtime swallowed itself, so that no system call was made. `fd` is the socket's descriptor if
 * there is one still, else -1; `socket_id` is what socksan_socket_id gave while there was one, else 0; `bytes` what was to be
 * written; `note`, which may be NULL, says what became of the connection ("own loseConnection"); `stack`, which may be NULL, is
 * the runtime's own stack, a line each frame: `  File "app.py", line 12 in keep_alive`.
 */
__attribute__((weak)) void socksan_dropped_write(
	int fd, uint64_t socket_id, size_t bytes, const char *note, const char *stack);

#ifdef __cplusplus
}
#endif

#endif
