/*
 * hook_calls.h: one good call of each function that the library interposes, as a table; hook_calls.c makes them.
 */
#ifndef SOCKSAN_TEST_HOOK_CALLS_H
#define SOCKSAN_TEST_HOOK_CALLS_H

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* What an argument is. From CALL_TEXT on it is a pointer to something that can be read, or written. */
enum call_kind {
	CALL_END,
	CALL_NUMBER,
	CALL_SOCKET, /* a connected stream that has input */
	CALL_UNCONNECTED, /* a stream socket */
	CALL_LISTENER, /* a connection waits there */
	CALL_FILE, /* an ordinary file */
	CALL_PIPE, /* the end to read from; there is input */
	CALL_PIPE_IN,
	CALL_EPOLL, /* has the socket in its set */
	CALL_DIRECTORY,
	CALL_LOADED, /* the handle of an object */
	CALL_CALLBACK,
	CALL_TEXT, /* the name of a directory */
	CALL_PROGRAM, /* the name of a program */
	CALL_MODE, /* of fopen */
	CALL_FORMAT, /* with one conversion of an int */
	CALL_WIDE, /* the same, of wide characters */
	CALL_WORDS, /* arguments, or an environment */
	CALL_VARIADIC, /* a va_list as it is passed */
	CALL_BUFFER,
	CALL_VECTOR,
	CALL_MESSAGE,
	CALL_MESSAGES, /* two */
	CALL_ADDRESS, /* of the listener */
	CALL_LENGTH, /* a socklen_t: that of an address */
	CALL_OPTION, /* an int: 1 */
	CALL_POLLED,
	CALL_TIME, /* of 1 us */
	CALL_LONG_TIME, /* of a minute, where a shorter one would let the speed of the machine decide */
	CALL_SIGNALS,
	CALL_DESCRIPTORS, /* a set for select */
	CALL_EVENTS,
	CALL_SIGNAL_STACK,
	CALL_RESULT, /* room for what the call finds out */
	CALL_ZERO, /* eight bytes of 0: an offset, a NULL */
	CALL_REQUEST, /* of aio */
	CALL_STREAM, /* on the socket */
	CALL_POSITION,
	CALL_RING, /* of liburing */
};

struct call_argument {
	enum call_kind kind;
	long value; /* of CALL_NUMBER */
};

enum { CALL_ARGUMENTS = 7 };

struct hook_call {
	const char *name;
	char result; /* 'i'nt, 'l'ong, 'p'ointer, 'v'oid */
	struct call_argument arguments[CALL_ARGUMENTS];
};

#define N(number)                                                                                                      \
	{                                                                                                              \
		CALL_NUMBER, (long)(number)                                                                            \
	}
#define A(kind)                                                                                                        \
	{                                                                                                              \
		CALL_##kind, 0                                                                                         \
	}
#define SK A(SOCKET)
#define BUF A(BUFFER), N(16)
#define STREAM A(STREAM)
#define NIL N(0)

/* Two or three names of functions with the same arguments. */
#define BOTH(one, other, result, ...)                                                                                  \
	{one, result, {__VA_ARGS__}},                                                                                  \
	{                                                                                                              \
		other, result,                                                                                         \
		{                                                                                                      \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}

/* What scanf has in several dialects. */
#define SCANS(dialect)                                                                                                 \
	{dialect "fscanf", 'i', {STREAM, A(FORMAT), A(RESULT)}}, {dialect "scanf", 'i', {A(FORMAT), A(RESULT)}},       \
		{dialect "vfscanf", 'i', {STREAM, A(FORMAT), A(VARIADIC)}},                                            \
		{dialect "vscanf", 'i', {A(FORMAT), A(VARIADIC)}},                                                     \
		{dialect "fwscanf", 'i', {STREAM, A(WIDE), A(RESULT)}}, {dialect "wscanf", 'i', {A(WIDE), A(RESULT)}}, \
		{dialect "vfwscanf", 'i', {STREAM, A(WIDE), A(VARIADIC)}},                                             \
	{                                                                                                              \
		dialect "vwscanf", 'i',                                                                                \
		{                                                                                                      \
			A(WIDE), A(VARIADIC)                                                                           \
		}                                                                                                      \
	}

/* clang-format off: a row is a line */
static const struct hook_call hook_calls[] = {
	/* processes */
	{"execve", 'i', {A(PROGRAM), A(WORDS), A(WORDS)}},
	{"execv", 'i', {A(PROGRAM), A(WORDS)}},
	{"execvp", 'i', {A(PROGRAM), A(WORDS)}},
	{"execvpe", 'i', {A(PROGRAM), A(WORDS), A(WORDS)}},
	{"execveat", 'i', {N(AT_FDCWD), A(PROGRAM), A(WORDS), A(WORDS), NIL}},
	{"fexecve", 'i', {A(FILE), A(WORDS), A(WORDS)}},
	{"execl", 'i', {A(PROGRAM), A(TEXT), NIL}},
	{"execlp", 'i', {A(PROGRAM), A(TEXT), NIL}},
	{"execle", 'i', {A(PROGRAM), A(TEXT), NIL, A(WORDS)}},
	BOTH("posix_spawn", "posix_spawnp", 'i', A(RESULT), A(PROGRAM), NIL, NIL, A(WORDS), A(WORDS)),
	{"system", 'i', {A(PROGRAM)}},
	{"popen", 'p', {A(PROGRAM), A(MODE)}},
	BOTH("_exit", "_Exit", 'v', N(3)),
	{"quick_exit", 'v', {N(3)}},
	{"abort", 'v', {A(END)}},
	{"sigaltstack", 'i', {A(SIGNAL_STACK), A(RESULT)}},
	BOTH("sigaction", "__sigaction", 'i', N(SIGBUS), NIL, A(RESULT)),
	{"signal", 'p', {N(SIGBUS), NIL}},
	{"mlockall", 'i', {N(0)}},
	{"dlclose", 'i', {A(LOADED)}},
	{"pthread_key_create", 'i', {A(RESULT), A(CALLBACK)}},
	{"dl_iterate_phdr", 'i', {A(CALLBACK), A(RESULT)}},
	{"prctl", 'i', {N(PR_SET_NAME), A(TEXT)}},
	{"prctl", 'i', {N(PR_SET_SECCOMP), N(2), A(BUFFER)}},
	{"chroot", 'i', {A(TEXT)}},
	BOTH("setuid", "seteuid", 'i', N(-1)),
	BOTH("setgid", "setegid", 'i', N(-1)),
	BOTH("setreuid", "setregid", 'i', N(-1), N(-1)),
	BOTH("setresuid", "setresgid", 'i', N(-1), N(-1), N(-1)),
	/* descriptors */
	BOTH("open", "open64", 'i', A(TEXT), N(O_RDONLY)),
	BOTH("__open_2", "__open64_2", 'i', A(TEXT), N(O_RDONLY)),
	BOTH("openat", "openat64", 'i', N(AT_FDCWD), A(TEXT), N(O_RDONLY)),
	BOTH("__openat_2", "__openat64_2", 'i', N(AT_FDCWD), A(TEXT), N(O_RDONLY)),
	BOTH("creat", "creat64", 'i', A(TEXT), N(0600)),
	{"opendir", 'p', {A(TEXT)}},
	{"fdopendir", 'p', {A(DIRECTORY)}},
	BOTH("fopen", "fopen64", 'p', A(TEXT), A(MODE)),
	{"fdopen", 'p', {SK, A(MODE)}},
	{"pipe", 'i', {A(RESULT)}},
	{"pipe2", 'i', {A(RESULT), NIL}},
	{"epoll_create", 'i', {N(1)}},
	{"epoll_create1", 'i', {NIL}},
	{"eventfd", 'i', {NIL, NIL}},
	{"timerfd_create", 'i', {NIL, NIL}},
	{"signalfd", 'i', {N(-1), A(SIGNALS), NIL}},
	{"inotify_init", 'i', {A(END)}},
	{"inotify_init1", 'i', {NIL}},
	{"memfd_create", 'i', {A(TEXT), NIL}},
	BOTH("fstat", "fstat64", 'i', A(FILE), A(RESULT)),
	BOTH("__fxstat", "__fxstat64", 'i', N(1), A(FILE), A(RESULT)),
	BOTH("fstatat", "fstatat64", 'i', N(AT_FDCWD), A(TEXT), A(RESULT), NIL),
	BOTH("fstatat", "fstatat64", 'i', A(FILE), A(ZERO), A(RESULT), N(AT_EMPTY_PATH)),
	{"statx", 'i', {N(AT_FDCWD), A(TEXT), NIL, N(STATX_ALL), A(RESULT)}},
	{"statx", 'i', {A(FILE), A(ZERO), N(AT_EMPTY_PATH), N(STATX_ALL), A(RESULT)}},
	BOTH("close", "__close", 'i', SK),
	{"close_range", 'i', {SK, SK, NIL}},
	{"closefrom", 'v', {N(200)}},
	{"dup", 'i', {SK}},
	BOTH("dup2", "__dup2", 'i', SK, A(FILE)),
	{"dup3", 'i', {SK, A(FILE), NIL}},
	BOTH("fcntl", "fcntl64", 'i', A(FILE), N(F_GETLK), A(ZERO)),
	{"__fcntl", 'i', {SK, N(F_DUPFD), N(100)}},
	{"ioctl", 'i', {SK, N(FIONREAD), A(RESULT)}},
	/* sockets */
	BOTH("socket", "__socket", 'i', N(AF_INET), N(SOCK_STREAM), NIL),
	{"socketpair", 'i', {N(AF_UNIX), N(SOCK_STREAM), NIL, A(RESULT)}},
	{"accept", 'i', {A(LISTENER), A(ADDRESS), A(LENGTH)}},
	{"accept4", 'i', {A(LISTENER), A(ADDRESS), A(LENGTH), NIL}},
	BOTH("connect", "__connect", 'i', A(UNCONNECTED), A(ADDRESS), N(16)),
	{"connect", 'i', {A(UNCONNECTED), A(ADDRESS), N(128)}},
	{"listen", 'i', {A(UNCONNECTED), N(1)}},
	{"shutdown", 'i', {SK, N(SHUT_WR)}},
	{"setsockopt", 'i', {SK, N(SOL_SOCKET), N(SO_KEEPALIVE), A(OPTION), N(4)}},
	{"setsockopt", 'i', {SK, N(SOL_SOCKET), N(SO_LINGER), A(ZERO), N(8)}},
	{"getsockopt", 'i', {SK, N(SOL_SOCKET), N(SO_ERROR), A(RESULT), A(LENGTH)}},
	/* being told */
	BOTH("poll", "__poll", 'i', A(POLLED), N(2), NIL),
	{"__poll_chk", 'i', {A(POLLED), N(2), NIL, N(64)}},
	{"ppoll", 'i', {A(POLLED), N(2), A(TIME), A(SIGNALS)}},
	{"__ppoll_chk", 'i', {A(POLLED), N(2), A(TIME), A(SIGNALS), N(64)}},
	BOTH("select", "__select", 'i', N(64), A(DESCRIPTORS), A(DESCRIPTORS), A(DESCRIPTORS), A(TIME)),
	{"pselect", 'i', {N(64), A(DESCRIPTORS), A(DESCRIPTORS), A(DESCRIPTORS), A(TIME), A(SIGNALS)}},
	{"epoll_ctl", 'i', {A(EPOLL), N(EPOLL_CTL_ADD), A(PIPE), A(EVENTS)}},
	{"epoll_ctl", 'i', {A(EPOLL), N(EPOLL_CTL_MOD), SK, A(EVENTS)}},
	{"epoll_ctl", 'i', {A(EPOLL), N(EPOLL_CTL_DEL), SK, A(EVENTS)}},
	{"epoll_wait", 'i', {A(EPOLL), A(EVENTS), N(2), NIL}},
	{"epoll_pwait", 'i', {A(EPOLL), A(EVENTS), N(2), NIL, A(SIGNALS)}},
	{"epoll_pwait2", 'i', {A(EPOLL), A(EVENTS), N(2), A(TIME), A(SIGNALS)}},
	BOTH("read", "__read", 'l', SK, BUF),
	{"__read_chk", 'l', {SK, BUF, N(16)}},
	{"readv", 'l', {SK, A(VECTOR), N(2)}},
	BOTH("preadv2", "preadv64v2", 'l', SK, A(VECTOR), N(2), N(-1), NIL),
	BOTH("recv", "__recv", 'l', SK, BUF, NIL),
	{"__recv_chk", 'l', {SK, BUF, N(16), NIL}},
	{"recvfrom", 'l', {SK, BUF, NIL, A(ADDRESS), A(LENGTH)}},
	{"__recvfrom_chk", 'l', {SK, BUF, N(16), NIL, A(ADDRESS), A(LENGTH)}},
	{"recvmsg", 'l', {SK, A(MESSAGE), NIL}},
	{"recvmmsg", 'i', {SK, A(MESSAGES), N(2), NIL, A(LONG_TIME)}},
	/* writes */
	BOTH("write", "__write", 'l', SK, BUF),
	BOTH("send", "__send", 'l', SK, BUF, N(MSG_NOSIGNAL)),
	{"sendto", 'l', {SK, BUF, N(MSG_NOSIGNAL), A(ADDRESS), N(16)}},
	{"sendto", 'l', {A(UNCONNECTED), BUF, N(MSG_NOSIGNAL | MSG_FASTOPEN), A(ADDRESS), N(16)}},
	{"sendmsg", 'l', {SK, A(MESSAGE), N(MSG_NOSIGNAL)}},
	BOTH("sendmmsg", "__sendmmsg", 'i', SK, A(MESSAGES), N(2), N(MSG_NOSIGNAL)),
	{"writev", 'l', {SK, A(VECTOR), N(2)}},
	BOTH("pwrite", "pwrite64", 'l', A(FILE), BUF, NIL),
	{"__pwrite64", 'l', {SK, BUF, NIL}},
	BOTH("pwritev", "pwritev64", 'l', SK, A(VECTOR), N(2), NIL),
	BOTH("pwritev2", "pwritev64v2", 'l', SK, A(VECTOR), N(2), N(-1), NIL),
	BOTH("sendfile", "sendfile64", 'l', SK, A(FILE), A(ZERO), N(8)),
	{"splice", 'l', {A(FILE), A(ZERO), A(PIPE_IN), NIL, N(4), NIL}},
	{"splice", 'l', {A(PIPE), NIL, SK, A(ZERO), N(4), NIL}},
	{"vmsplice", 'l', {A(PIPE_IN), A(VECTOR), N(2), NIL}},
	{"tee", 'l', {A(PIPE), A(PIPE_IN), N(4), NIL}},
	{"copy_file_range", 'l', {A(FILE), A(ZERO), SK, A(ZERO), N(4), NIL}},
	BOTH("aio_write", "aio_write64", 'i', A(REQUEST)),
	/* streams */
	BOTH("fwrite", "_IO_fwrite", 'l', BUF, N(1), STREAM),
	{"fwrite_unlocked", 'l', {BUF, N(1), STREAM}},
	BOTH("fputs", "_IO_fputs", 'i', A(TEXT), STREAM),
	{"fputs_unlocked", 'i', {A(TEXT), STREAM}},
	BOTH("puts", "_IO_puts", 'i', A(TEXT)),
	BOTH("fputc", "fputc_unlocked", 'i', N('c'), STREAM),
	BOTH("putc", "putc_unlocked", 'i', N('c'), STREAM),
	BOTH("_IO_putc", "putw", 'i', N('c'), STREAM),
	BOTH("putchar", "putchar_unlocked", 'i', N('c')),
	{"__overflow", 'i', {STREAM, N('c')}},
	BOTH("fprintf", "_IO_fprintf", 'i', STREAM, A(FORMAT), N(1)),
	BOTH("vfprintf", "_IO_vfprintf", 'i', STREAM, A(FORMAT), A(VARIADIC)),
	BOTH("printf", "_IO_printf", 'i', A(FORMAT), N(1)),
	{"vprintf", 'i', {A(FORMAT), A(VARIADIC)}},
	{"__fprintf_chk", 'i', {STREAM, N(1), A(FORMAT), N(1)}},
	{"__vfprintf_chk", 'i', {STREAM, N(1), A(FORMAT), A(VARIADIC)}},
	{"__printf_chk", 'i', {N(1), A(FORMAT), N(1)}},
	{"__vprintf_chk", 'i', {N(1), A(FORMAT), A(VARIADIC)}},
	{"dprintf", 'i', {SK, A(FORMAT), N(1)}},
	{"vdprintf", 'i', {SK, A(FORMAT), A(VARIADIC)}},
	{"__dprintf_chk", 'i', {SK, N(1), A(FORMAT), N(1)}},
	{"__vdprintf_chk", 'i', {SK, N(1), A(FORMAT), A(VARIADIC)}},
	{"perror", 'v', {A(TEXT)}},
	BOTH("vwarn", "vwarnx", 'v', A(FORMAT), A(VARIADIC)),
	BOTH("warn", "warnx", 'v', A(FORMAT), N(1)),
	BOTH("fread", "_IO_fread", 'l', BUF, N(1), STREAM),
	{"fread_unlocked", 'l', {BUF, N(1), STREAM}},
	BOTH("__fread_chk", "__fread_unlocked_chk", 'l', A(BUFFER), N(16), N(16), N(1), STREAM),
	BOTH("fgets", "_IO_fgets", 'p', BUF, STREAM),
	{"fgets_unlocked", 'p', {BUF, STREAM}},
	BOTH("__fgets_chk", "__fgets_unlocked_chk", 'p', BUF, N(16), STREAM),
	BOTH("gets", "_IO_gets", 'p', A(BUFFER)),
	{"__gets_chk", 'p', {BUF}},
	BOTH("getdelim", "__getdelim", 'l', A(ZERO), A(ZERO), N('\n'), STREAM),
	{"getline", 'l', {A(ZERO), A(ZERO), STREAM}},
	BOTH("fgetc", "fgetc_unlocked", 'i', STREAM),
	BOTH("getc", "getc_unlocked", 'i', STREAM),
	BOTH("_IO_getc", "getw", 'i', STREAM),
	BOTH("getchar", "getchar_unlocked", 'i', A(END)),
	BOTH("__uflow", "__underflow", 'i', STREAM),
	BOTH("fflush", "_IO_fflush", 'i', STREAM),
	{"fflush_unlocked", 'i', {STREAM}},
	{"fcloseall", 'i', {A(END)}},
	BOTH("fclose", "_IO_fclose", 'i', STREAM),
	BOTH("freopen", "freopen64", 'p', A(TEXT), A(MODE), STREAM),
	{"fseek", 'i', {STREAM, NIL, NIL}},
	BOTH("fseeko", "fseeko64", 'i', STREAM, NIL, NIL),
	BOTH("fsetpos", "fsetpos64", 'i', STREAM, A(POSITION)),
	{"_IO_fsetpos", 'i', {STREAM, A(POSITION)}},
	BOTH("setvbuf", "_IO_setvbuf", 'i', STREAM, A(BUFFER), NIL, N(16)),
	{"rewind", 'v', {STREAM}},
	{"setbuf", 'v', {STREAM, A(RESULT)}},
	BOTH("setbuffer", "_IO_setbuffer", 'v', STREAM, BUF),
	{"setlinebuf", 'v', {STREAM}},
	BOTH("_flushlbf", "_IO_flush_all_linebuffered", 'v', A(END)),
	BOTH("fputwc", "fputwc_unlocked", 'i', N('c'), STREAM),
	BOTH("putwc", "putwc_unlocked", 'i', N('c'), STREAM),
	BOTH("putwchar", "putwchar_unlocked", 'i', N('c')),
	{"__woverflow", 'i', {STREAM, N('c')}},
	BOTH("fputws", "fputws_unlocked", 'i', A(WIDE), STREAM),
	{"fwprintf", 'i', {STREAM, A(WIDE), N(1)}},
	{"vfwprintf", 'i', {STREAM, A(WIDE), A(VARIADIC)}},
	{"wprintf", 'i', {A(WIDE), N(1)}},
	{"vwprintf", 'i', {A(WIDE), A(VARIADIC)}},
	{"__fwprintf_chk", 'i', {STREAM, N(1), A(WIDE), N(1)}},
	{"__vfwprintf_chk", 'i', {STREAM, N(1), A(WIDE), A(VARIADIC)}},
	{"__wprintf_chk", 'i', {N(1), A(WIDE), N(1)}},
	{"__vwprintf_chk", 'i', {N(1), A(WIDE), A(VARIADIC)}},
	BOTH("fgetwc", "fgetwc_unlocked", 'i', STREAM),
	BOTH("getwc", "getwc_unlocked", 'i', STREAM),
	BOTH("getwchar", "getwchar_unlocked", 'i', A(END)),
	BOTH("__wuflow", "__wunderflow", 'i', STREAM),
	BOTH("fgetws", "fgetws_unlocked", 'p', A(BUFFER), N(4), STREAM),
	BOTH("__fgetws_chk", "__fgetws_unlocked_chk", 'p', A(BUFFER), N(4), N(4), STREAM),
	SCANS(""),
	SCANS("__isoc99_"),
	SCANS("__isoc23_"),
	/* by number */
	{"syscall", 'l', {N(SYS_write), SK, BUF}},
	{"syscall", 'l', {N(SYS_writev), SK, A(VECTOR), N(2)}},
	{"syscall", 'l', {N(SYS_sendto), SK, BUF, N(MSG_NOSIGNAL), A(ADDRESS), N(16)}},
	{"syscall", 'l', {N(SYS_sendmsg), SK, A(MESSAGE), N(MSG_NOSIGNAL)}},
	{"syscall", 'l', {N(SYS_sendfile), SK, A(FILE), A(ZERO), N(8)}},
	{"syscall", 'l', {N(SYS_read), SK, BUF}},
	{"syscall", 'l', {N(SYS_recvfrom), SK, BUF, NIL, A(ADDRESS), A(LENGTH)}},
	{"syscall", 'l', {N(SYS_recvmsg), SK, A(MESSAGE), NIL}},
	{"syscall", 'l', {N(SYS_close), SK}},
	{"syscall", 'l', {N(SYS_close_range), SK, SK, NIL}},
	{"syscall", 'l', {N(SYS_dup), SK}},
	{"syscall", 'l', {N(SYS_dup3), SK, A(FILE), NIL}},
	{"syscall", 'l', {N(SYS_connect), A(UNCONNECTED), A(ADDRESS), N(16)}},
	{"syscall", 'l', {N(SYS_execve), A(PROGRAM), A(WORDS), A(WORDS)}},
	{"syscall", 'l', {N(SYS_execveat), N(AT_FDCWD), A(PROGRAM), A(WORDS), A(WORDS), NIL}},
	{"syscall", 'l', {N(SYS_exit_group), N(3)}},
	{"syscall", 'l', {N(SYS_socket), N(AF_INET), N(SOCK_STREAM), NIL}},
	{"syscall", 'l', {N(SYS_socketpair), N(AF_UNIX), N(SOCK_STREAM), NIL, A(RESULT)}},
	{"syscall", 'l', {N(SYS_accept4), A(LISTENER), A(ADDRESS), A(LENGTH), NIL}},
	{"syscall", 'l', {N(SYS_listen), A(UNCONNECTED), N(1)}},
	{"syscall", 'l', {N(SYS_shutdown), SK, N(SHUT_WR)}},
	{"syscall", 'l', {N(SYS_setsockopt), SK, N(SOL_SOCKET), N(SO_KEEPALIVE), A(OPTION), N(4)}},
	{"syscall", 'l', {N(SYS_ppoll), A(POLLED), N(2), A(TIME), A(SIGNALS), N(8)}},
	{"syscall", 'l', {N(SYS_epoll_ctl), A(EPOLL), N(EPOLL_CTL_MOD), SK, A(EVENTS)}},
	{"syscall", 'l', {N(SYS_epoll_pwait), A(EPOLL), A(EVENTS), N(2), NIL, A(SIGNALS), N(8)}},
	{"syscall", 'l', {N(SYS_prctl), N(PR_SET_SECCOMP), N(2), A(BUFFER)}},
	{"syscall", 'l', {N(SYS_seccomp), N(1), NIL, A(BUFFER)}},
	{"syscall", 'l', {N(SYS_io_uring_setup), N(1), A(RESULT)}},
#ifdef SYS_poll
	{"syscall", 'l', {N(SYS_accept), A(LISTENER), A(ADDRESS), A(LENGTH)}},
	{"syscall", 'l', {N(SYS_dup2), SK, A(FILE)}},
	{"syscall", 'l', {N(SYS_poll), A(POLLED), N(2), NIL}},
	{"syscall", 'l', {N(SYS_epoll_wait), A(EPOLL), A(EVENTS), N(2), NIL}},
#endif
	/* io_uring */
	{"io_uring_submit", 'i', {A(RING)}},
	{"io_uring_submit_and_wait", 'i', {A(RING), NIL}},
	{"io_uring_submit_and_get_events", 'i', {A(RING)}},
	{"io_uring_submit_and_wait_timeout", 'i', {A(RING), A(RESULT), N(1), A(TIME), A(SIGNALS)}},
	{"io_uring_submit_and_wait_min_timeout", 'i', {A(RING), A(RESULT), N(1), A(TIME), NIL, A(SIGNALS)}},
	{"io_uring_submit_and_wait_reg", 'i', {A(RING), A(RESULT), N(1), NIL}},
	{"__io_uring_get_cqe", 'i', {A(RING), A(RESULT), NIL, NIL, A(SIGNALS)}},
	{"io_uring_wait_cqes", 'i', {A(RING), A(RESULT), N(1), A(TIME), A(SIGNALS)}},
	{"io_uring_wait_cqes_min_timeout", 'i', {A(RING), A(RESULT), N(1), A(TIME), NIL, A(SIGNALS)}},
	{"io_uring_wait_cqe_timeout", 'i', {A(RING), A(RESULT), A(TIME)}},
	{"io_uring_peek_batch_cqe", 'i', {A(RING), A(RESULT), N(2)}},
	{"io_uring_get_events", 'i', {A(RING)}},
	{"io_uring_queue_init", 'i', {N(1), A(RESULT), NIL}},
	{"io_uring_queue_init_params", 'i', {N(1), A(RESULT), A(ZERO)}},
	{"io_uring_queue_init_mem", 'i', {N(1), A(RESULT), A(ZERO), A(BUFFER), N(16)}},
	{"io_uring_queue_mmap", 'i', {N(-1), A(ZERO), A(RESULT)}},
	{"io_uring_queue_exit", 'v', {A(RING)}},
	{"io_uring_setup", 'i', {N(1), A(RESULT)}},
	{"io_uring_enter", 'i', {N(-1), N(1), NIL, NIL, A(SIGNALS)}},
	{"io_uring_enter2", 'i', {N(-1), N(1), NIL, NIL, A(SIGNALS), N(8)}},
};
/* clang-format on */

#endif
