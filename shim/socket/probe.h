/*
 * probe.h: ask the kernel about one socket. Keeps nothing, changes nothing: no SO_ERROR, no read, no zero-length send,
 * which would take away what the program is to see (docs/KERNEL.md, section 1). All of it is system calls alone; usable
 * anywhere.
 */
#ifndef SOCKSAN_PROBE_H
#define SOCKSAN_PROBE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "shim/trace_format.h"

/* What getsockopt says a descriptor is. */
struct probe_identity {
	uint64_t cookie;
	int family;
	int type;
	int protocol; /* IPPROTO_* */
};

/* A TCP socket's account of itself. Byte counts are of the outgoing stream. */
struct probe_tcp {
	uint8_t state; /* TCP_ESTABLISHED ...; 0 where TCP_INFO failed */
	uint8_t retransmits; /* of the segment that is overdue, now */
	uint32_t total_retransmissions;
	uint32_t unsent_bytes; /* of the next, those that were not even sent: the window is closed, or the link slow */
	uint32_t unacked_bytes; /* SIOCOUTQ: accepted and not acknowledged, a FIN of our own included */
	uint64_t acked_bytes; /* tcpi_bytes_acked; counts the SYN where this side connected */
	bool acked_unknown; /* TCP_INFO ends before that: Linux before 4.1, and emulators of the kernel */
	uint32_t last_ack_ms; /* since the peer last acknowledged anything */
	uint32_t rto_us;
};

/* What poll(POLLRDHUP) says at once, POLLOUT included; 0 where nothing is to be said. */
short probe_poll(int fd);

/*
 * The same for several, each with PROBE_EVENTS to ask for. Returns false where that could not be asked: more than
 * RLIMIT_NOFILE allows, say. What each one has to say stands in its `revents` then.
 */
#define PROBE_EVENTS (POLLRDHUP | POLLOUT)
bool probe_poll_all(struct pollfd *polls, unsigned count);

/*
 * SO_COOKIE, which names a socket until the machine reboots (Linux 4.12). A kernel that has none: the inode number of
 * the socket, which is not given again for 4 billion sockets and pipes (fs/inode.c get_next_ino), with the highest bit
 * set. 0 where neither can be had.
 */
uint64_t probe_cookie(int fd);

/* Fills in what `fd` is. Returns 0, -ENOTSOCK, -EBADF or another error. */
int probe_identity(int fd, struct probe_identity *identity);

/*
 * TCP_INFO and SIOCOUTQ that belong together. Returns whether it is a TCP socket. What a kernel leaves out of TCP_INFO
 * is 0.
 */
bool probe_tcp(int fd, struct probe_tcp *tcp);

/*
 * Whether the account says how far the peer has acknowledged, and so all that this struct has but the state,
 * `retransmits` and `unacked_bytes`. To be asked where a finding depends on it: where it is unknown, that is counted as
 * TRACE_LOST_NO_ANSWER.
 */
bool probe_knows_acked(const struct probe_tcp *tcp);

/* SIOCOUTQ alone; 0 where it fails. */
uint32_t probe_unacked(int fd);

/* Bytes that a read would find (SIOCINQ), or -1. */
int probe_readable_bytes(int fd);

/* Whether the number is an open descriptor of any sort. */
bool probe_is_open(int fd);

/* Whether the socket listens. */
bool probe_listens(int fd);

/*
 * The addresses by getsockname and getpeername. Return whether there was one. An AF_UNIX name is stored in the trace.
 */
bool probe_local(int fd, struct trace_address *address);
bool probe_peer(int fd, struct trace_address *address);

/* The same from a sockaddr of the program that the kernel has accepted. */
bool probe_address(const void *sockaddr, uint32_t length, struct trace_address *address);

/* SO_PEERCRED's pid of an AF_UNIX socket, or 0. */
int32_t probe_peer_pid(int fd);

/* What a SIGPIPE would do to this process now. */
enum probe_sigpipe { PROBE_SIGPIPE_IGNORED, PROBE_SIGPIPE_HANDLED, PROBE_SIGPIPE_KILLS };
enum probe_sigpipe probe_sigpipe(void);

/* The name of the calling thread. */
void probe_thread_name(char name[16]);

#endif
