/*
 * hook_call_values.h: makes what the arguments of hook_calls.h name: sockets in the state asked for, and pointers, good
 * and spoilt, each to bytes that end where a page begins that nobody can read.
 */
#ifndef SOCKSAN_TEST_HOOK_CALL_VALUES_H
#define SOCKSAN_TEST_HOOK_CALL_VALUES_H

#include <aio.h>
#include <dlfcn.h>
#include <liburing.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/uio.h>
#include <wchar.h>

#include "tests/programs/hook_calls.h"
#include "tests/programs/support.h"

enum { PAGE = 4096, RESULT_ROOM = 256 };

enum spoiling { WHOLE, UNREADABLE, HALF, NULL_POINTER, SPOILINGS };
static const char *const spoilings[] = {"whole", "unreadable", "half", "null"};

static const char *state = "healthy";
static struct ends ends = {-1, -1};
static FILE *stream;
static struct io_uring *ring;
static char data[64] = "some words that are read and written";

static int connected(void)
{
	if (ends.ours >= 0)
		return ends.ours;
	ends = ends_open("tcp4");
	CHECK(send(ends.theirs, data, sizeof data, 0) == sizeof data);
	wait_for_input(ends.ours, sizeof data);
	if (same(state, "ended")) {
		char byte[sizeof data];

		CHECK(recv(ends.ours, byte, sizeof byte, MSG_WAITALL) == sizeof byte);
		peer_closes(ends, "tcp4");
		CHECK(recv(ends.ours, byte, 1, 0) == 0);
		CHECK(send(ends.ours, byte, 1, MSG_NOSIGNAL) == 1);
		wait_for_tcp_state(ends.ours, TCP_CLOSE);
	}
	fcntl(ends.ours, F_SETFL, O_NONBLOCK);
	return ends.ours;
}

static int listening(void)
{
	static int listener = -1;

	if (listener < 0) {
		listener = listener_open("tcp4", 4);
		int client = socket(AF_INET, SOCK_STREAM, 0);

		CHECK(connect_to(client, listener) == 0);
	}
	return listener;
}

static int pipe_end(int end)
{
	static int fds[2];

	if (!fds[1]) {
		CHECK(pipe2(fds, O_NONBLOCK) == 0);
		CHECK(write(fds[1], data, sizeof data) == sizeof data);
	}
	return fds[end];
}

static int some_file(void)
{
	static int fd;

	if (!fd) {
		fd = memfd_create("hook_calls", 0);
		CHECK(fd >= 0 && write(fd, data, sizeof data) == sizeof data);
	}
	return fd;
}

static int some_epoll(void)
{
	static int fd;

	if (!fd) {
		struct epoll_event event = {.events = EPOLLIN};

		fd = epoll_create1(0);
		CHECK(fd >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, connected(), &event) == 0);
	}
	return fd;
}

static int callback(void)
{
	return 1;
}

/* Bytes that end where a page begins that nobody can read or write. */
static char *at_edge(const void *bytes, size_t size)
{
	char *room = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(room != MAP_FAILED);
	CHECK(mprotect(room + PAGE, PAGE, PROT_NONE) == 0);
	if (bytes)
		memcpy(room + PAGE - size, bytes, size);
	return room + PAGE - size;
}

static char *unreadable(void)
{
	return at_edge(NULL, 0) + 64;
}

struct content {
	const void *bytes;
	size_t size;
	size_t half; /* so much of it is there when the rest is not */
};

static struct content content_of(enum call_kind kind)
{
	static struct iovec vector[2] = {{data, 8}, {data + 8, 8}};
	static struct msghdr message = {.msg_iov = vector, .msg_iovlen = 2};
	static struct mmsghdr messages[2] = {
		{{.msg_iov = vector, .msg_iovlen = 2}, 0}, {{.msg_iov = vector, .msg_iovlen = 1}, 0}};
	static const wchar_t wide[] = L"%d";
	static char word[] = "true";
	static char *words[] = {word, NULL};
	static struct sockaddr_in address;
	static const socklen_t length = sizeof address;
	static const int option = 1;
	static struct pollfd polled[2];
	static const struct timespec time = {.tv_nsec = 1000};
	static const struct timespec long_time = {.tv_sec = 60};
	static const unsigned char zero[128];
	static struct epoll_event events[2];
	static stack_t signal_stack = {.ss_size = 1 << 16};
	static struct aiocb request;
	static fpos_t position;
	static fd_set descriptors;
	static char result[RESULT_ROOM];
	socklen_t size = sizeof address;

#define CONTENT(what, some) ((struct content){&(what), sizeof(what), some})
	switch (kind) {
	case CALL_TEXT: return CONTENT("/dev", 4);
	case CALL_PROGRAM: return CONTENT("/bin/true", 9);
	case CALL_MODE: return CONTENT("r", 1);
	case CALL_FORMAT: return CONTENT("%d\n", 3);
	case CALL_WIDE: return CONTENT(wide, 2 * sizeof(wchar_t));
	case CALL_WORDS: return CONTENT(words, sizeof(char *));
	case CALL_BUFFER: return CONTENT(data, 8);
	case CALL_VECTOR: return CONTENT(vector, sizeof *vector);
	case CALL_MESSAGE: return CONTENT(message, sizeof message / 2);
	case CALL_MESSAGES: return CONTENT(messages, sizeof *messages);
	case CALL_ADDRESS:
		CHECK(getsockname(listening(), (struct sockaddr *)&address, &size) == 0);
		return CONTENT(address, 8);
	case CALL_LENGTH: return CONTENT(length, 2);
	case CALL_OPTION: return CONTENT(option, 2);
	case CALL_POLLED:
		polled[0] = polled[1] = (struct pollfd){.fd = connected(), .events = POLLIN};
		return CONTENT(polled, sizeof *polled);
	case CALL_TIME: return CONTENT(time, 8);
	case CALL_LONG_TIME: return CONTENT(long_time, 8);
	case CALL_SIGNALS: return (struct content){zero, 8, 4};
	case CALL_DESCRIPTORS: FD_SET(connected(), &descriptors); return (struct content){&descriptors, 8, 4};
	case CALL_EVENTS: return CONTENT(events, 6);
	case CALL_SIGNAL_STACK:
		signal_stack.ss_sp = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		return CONTENT(signal_stack, 8);
	case CALL_RESULT: return CONTENT(result, 2);
	case CALL_ZERO: return CONTENT(zero, 4);
	case CALL_REQUEST:
		request = (struct aiocb){.aio_fildes = connected(),
			.aio_buf = data,
			.aio_nbytes = 8,
			.aio_sigevent.sigev_notify = SIGEV_NONE};
		return CONTENT(request, sizeof request / 2);
	case CALL_POSITION: return CONTENT(position, 4);
	default: CHECK(!"a pointer that can be spoiled"); return CONTENT(zero, 0);
	}
}

/* A pointer to what a library has made of its own: only where it lies can it be used. */
static const void *live_object(enum call_kind kind, size_t *size)
{
	if (kind == CALL_STREAM) {
		if (!stream)
			stream = fdopen(connected(), "r+");
		CHECK(stream);
		*size = sizeof *stream; /* NOLINT(cert-fio38-c): its memory is to be all of it */
		return stream;
	}
	if (!ring) {
		ring = (struct io_uring *)(void *)at_edge(NULL, sizeof *ring);
		if (io_uring_queue_init(4, ring, 0) < 0)
			_exit(77);
		for (int i = 0; i < 2; i++) /* so that a wait ends */
			io_uring_prep_nop(io_uring_get_sqe(ring));
		CHECK(io_uring_submit(ring) == 2);
	}
	*size = sizeof *ring;
	return ring;
}

static long pointer_of(enum call_kind kind, enum spoiling spoiling)
{
	struct content content = {0};

	if (spoiling == NULL_POINTER)
		return 0;
	if (spoiling == UNREADABLE)
		return (long)unreadable();
	if (kind == CALL_STREAM || kind == CALL_RING) {
		const void *object = live_object(kind, &content.size);

		return (long)(spoiling == WHOLE ? object : at_edge(object, content.size / 2));
	}
	content = content_of(kind);
	return (long)at_edge(content.bytes, spoiling == WHOLE ? content.size : content.half);
}

static bool is_pointer(enum call_kind kind)
{
	return kind >= CALL_TEXT;
}

static long value_of(const struct call_argument *argument, enum spoiling spoiling)
{
	switch (argument->kind) {
	case CALL_END: return 0;
	case CALL_NUMBER: return argument->value;
	case CALL_SOCKET: return connected();
	case CALL_UNCONNECTED: return socket(AF_INET, SOCK_STREAM, 0);
	case CALL_LISTENER: return listening();
	case CALL_FILE: return some_file();
	case CALL_PIPE: return pipe_end(0);
	case CALL_PIPE_IN: return pipe_end(1);
	case CALL_EPOLL: return some_epoll();
	case CALL_DIRECTORY: return open("/", O_RDONLY | O_DIRECTORY);
	case CALL_LOADED: return (long)dlopen("libc.so.6", RTLD_NOW);
	case CALL_CALLBACK: return (long)callback;
	default: return pointer_of(argument->kind, spoiling);
	}
}

#endif
