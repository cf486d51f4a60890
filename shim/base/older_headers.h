/*
 * older_headers.h: what the headers of older systems lack, back to glibc 2.17 and Linux 3.8, and may be needed when the
 * program runs on a newer one. Numbers belong to the kernel's interface and never change.
 *
 * Functions are declared whether libc's header has them or not: where it has, the compiler holds our prototype against
 * it.
 */
#ifndef SOCKSAN_OLDER_HEADERS_H
#define SOCKSAN_OLDER_HEADERS_H

#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2) /* Linux 5.11 */
#endif
#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18 /* Linux 4.14 */
#endif
#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4 /* Linux 4.4 */
#endif
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1 /* Linux 4.4 */
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4 /* Linux 5.7 */
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#ifndef SECCOMP_SET_MODE_STRICT
#define SECCOMP_SET_MODE_STRICT 0 /* Linux 3.17 */
#define SECCOMP_SET_MODE_FILTER 1
#endif
#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30 /* Linux 4.11 */
#endif

/* System calls: those since Linux 5.1 have one number on all architectures. */
#if defined(__x86_64__)
#define OLDER_NUMBER(x86_64, arm64) x86_64
#else
#define OLDER_NUMBER(x86_64, arm64) arm64
#endif
#ifndef SYS_seccomp
#define SYS_seccomp OLDER_NUMBER(317, 277) /* Linux 3.17 */
#endif
#ifndef SYS_execveat
#define SYS_execveat OLDER_NUMBER(322, 281) /* Linux 3.19 */
#endif
#ifndef SYS_mlock2
#define SYS_mlock2 OLDER_NUMBER(325, 284) /* Linux 4.4 */
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* Whether open() takes a mode (glibc 2.25 fcntl.h). */
#ifndef __OPEN_NEEDS_MODE
#ifdef __O_TMPFILE
#define __OPEN_NEEDS_MODE(oflag) ((O_CREAT & (oflag)) != 0 || (__O_TMPFILE & (oflag)) == __O_TMPFILE)
#else
#define OLDER_O_TMPFILE (020000000 | O_DIRECTORY) /* Linux 3.11; x86 and arm64 */
#define __OPEN_NEEDS_MODE(oflag) ((O_CREAT & (oflag)) != 0 || (OLDER_O_TMPFILE & (oflag)) == OLDER_O_TMPFILE)
#endif
#endif

struct epoll_event;
struct statx;

int close_range(unsigned int fd, unsigned int max_fd, int flags); /* glibc 2.34 */
void closefrom(int lowfd); /* glibc 2.34 */
ssize_t copy_file_range(
	int infd, off64_t *pinoff, int outfd, off64_t *poutoff, size_t length, unsigned int flags); /* glibc 2.27 */
int epoll_pwait2(int epfd, struct epoll_event *events, int maxevents, const struct timespec *timeout,
	const sigset_t *ss); /* glibc 2.35 */
int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags); /* glibc 2.34 */
int memfd_create(const char *name, unsigned int flags); /* glibc 2.27 */
ssize_t preadv2(int fd, const struct iovec *iovec, int count, off_t offset, int flags); /* glibc 2.26 */
ssize_t pwritev2(int fd, const struct iovec *iodev, int count, off_t offset, int flags); /* glibc 2.26 */
int statx(int dirfd, const char *path, int flags, unsigned int mask, struct statx *buf); /* glibc 2.28 */

/* Parameters whose types were other ones in 2.17. */
#if __GLIBC_PREREQ(2, 21)
#define OLDER_EVENTFD_COUNT unsigned int
#define OLDER_RECVMMSG_TIMEOUT struct timespec
#else
#define OLDER_EVENTFD_COUNT int
#define OLDER_RECVMMSG_TIMEOUT const struct timespec
#endif

/*
 * What TCP_INFO answers (include/uapi/linux/tcp.h). What came after total_retrans was appended one by one; a kernel
 * fills in as much as it knows of what it is given room for.
 */
struct older_tcp_info {
	uint8_t tcpi_state;
	uint8_t tcpi_ca_state;
	uint8_t tcpi_retransmits;
	uint8_t unused_counts[5];
	uint32_t tcpi_rto;
	uint32_t unused_sizes[11];
	uint32_t tcpi_last_ack_recv;
	uint32_t unused_estimates[10];
	uint32_t tcpi_total_retrans;
	uint64_t unused_rates[2]; /* Linux 3.15 */
	uint64_t tcpi_bytes_acked; /* Linux 4.1 */
	uint64_t tcpi_bytes_received; /* Linux 4.1 */
	uint32_t unused_segments[2]; /* Linux 4.2 */
	uint32_t tcpi_notsent_bytes; /* Linux 4.6 */
	uint32_t tcpi_min_rtt; /* Linux 4.6 */
};

#define OLDER_TCP_INFO_SAME(field)                                                                                     \
	_Static_assert(                                                                                                \
		offsetof(struct older_tcp_info, field) == offsetof(struct tcp_info, field), "the kernel's layout")
OLDER_TCP_INFO_SAME(tcpi_retransmits);
OLDER_TCP_INFO_SAME(tcpi_rto);
OLDER_TCP_INFO_SAME(tcpi_last_ack_recv);
OLDER_TCP_INFO_SAME(tcpi_total_retrans);
_Static_assert(offsetof(struct older_tcp_info, tcpi_bytes_acked) == 120, "the kernel's layout");
_Static_assert(offsetof(struct older_tcp_info, tcpi_notsent_bytes) == 144, "the kernel's layout");

#if __GLIBC_PREREQ(2, 35)
#include <dlfcn.h>
#define older_dl_find_object dl_find_object
#else
/* What _dl_find_object fills in (glibc 2.35 dlfcn.h), on architectures without DLFO_STRUCT_HAS_EH_DBASE. */
struct link_map;
struct older_dl_find_object {
	unsigned long long flags;
	void *dlfo_map_start;
	void *dlfo_map_end;
	struct link_map *dlfo_link_map;
	void *dlfo_eh_frame;
	unsigned long long reserved[7];
};
#endif

#endif
