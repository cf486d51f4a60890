/*
 * runtime_channel.h: how a language runtime calls the functions of socksan.h where it has no cheap way to call C.
 *
 * A program in Python can call a C function through ctypes, which takes milliseconds to load and does much that the
 * program would not have done; but it can write. So a write to RUNTIME_CHANNEL, a descriptor that no process has, is
 * such a call: the hook of write does not pass it on. Where the shim is not loaded the kernel answers it with EBADF.
 *
 * A message is a verb and its arguments, each ended by a NUL, numbers in decimal: "socksan dropped\0" "1\0" "-1\0" ...;
 * the result is what write returns, never negative. What is no such message fails with EBADF as before.
 *
 *	hello				1, unless the option python=0 turned the adapter off (then EBADF)
 *	page (a struct tally_page)	keep the numbers in this memory, which stays valid: 1, or 0 where another page is in use
 *	no-page				stop that: 1
 *	socket FD			socksan_socket_id
 *	dropped TOLD FD ID BYTES NOTE STACK	socksan_dropped_write
 *	again INCIDENT BYTES		socksan_dropped_again
 *	amend INCIDENT NOTE		socksan_amend
 *	annotate SINCE ID NOTE		socksan_annotate
 *	opaque				socksan_opaque_runtime
 *	gap BLIND TEXT			socksan_not_covered
 */
#ifndef SOCKSAN_RUNTIME_CHANNEL_H
#define SOCKSAN_RUNTIME_CHANNEL_H

#include <stddef.h>

#define RUNTIME_CHANNEL (-0x736f636b) /* "sock" */

/* What the write returns: the call's result, or -1 with errno EBADF. */
long runtime_channel_take(void *message, size_t length);

#endif
