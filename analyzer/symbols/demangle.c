/*
 * demangle.c: see demangle.h.
 *
 * The two processes speak over a socket that keeps messages apart: a name, and its answer, which is empty where there
 * is none.
 */
#include "analyzer/symbols/demangle.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyzer/base/limits.h"
#include "analyzer/base/text.h"

#define CLOSE_RANGE 436 /* SYS_close_range, on each architecture */

#define MAX_NAME_BYTES 8192 /* of a mangled name; longer ones stay as they are */
#define MAX_READABLE_BYTES 16384
#define MEMORY_BYTES (64u << 20) /* beyond what the process has at the start */
#define PATIENCE_MS 2000 /* for an answer, which takes microseconds */

static struct {
	pid_t pid; /* 0: there is none */
	int socket;
} helper;

/* --- The helper --------------------------------------------------------------------------------------------------- */

/* Bytes of data that the process has mapped: what RLIMIT_DATA counts. */
static rlim_t data_bytes(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	unsigned long long kib = 0;
	char line[256];

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmData: %llu kB", &kib) == 1)
			break;
	if (status)
		fclose(status);
	return (rlim_t)kib * 1024;
}

/* Nothing of ours stays open in it: who waits for the end of the report must not wait for the helper. */
static void shed(int socket)
{
	struct rlimit limit = {.rlim_cur = data_bytes() + MEMORY_BYTES};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	dup2(socket, 3);
	/* by number: glibc's function is of 2.34; and Linux has the call since 5.9 */
	if (syscall(CLOSE_RANGE, 4, ~0u, 0) < 0)
		for (long fd = 4; fd < sysconf(_SC_OPEN_MAX); fd++)
			close((int)fd);
	limit.rlim_max = limit.rlim_cur;
	setrlimit(RLIMIT_DATA, &limit);
	limit.rlim_cur = limit.rlim_max = 0;
	setrlimit(RLIMIT_CORE, &limit);
}

__attribute__((noreturn)) static void serve(void)
{
	char *(*cxa_demangle)(const char *, char *, size_t *, int *) = NULL;
	char name[MAX_NAME_BYTES + 1];
	void *library;
	ssize_t length;

	library = dlopen("libstdc++.so.6", RTLD_NOW | RTLD_LOCAL);
	if (library)
		*(void **)&cxa_demangle = dlsym(library, "__cxa_demangle");
	while ((length = recv(3, name, MAX_NAME_BYTES, 0)) > 0) {
		char *readable = NULL;
		size_t bytes;
		int status;

		name[length] = '\0';
		if (cxa_demangle)
			readable = cxa_demangle(name, NULL, NULL, &status);
		bytes = readable ? strlen(readable) : 0;
		/* With its NUL, so that an empty answer has a byte: none at all would look like the end. */
		if (send(3, bytes <= MAX_READABLE_BYTES && readable ? readable : "",
			    bytes <= MAX_READABLE_BYTES ? bytes + 1 : 1, MSG_NOSIGNAL) < 0)
			break;
		free(readable);
	}
	_exit(0);
}

/* --- Asking it ---------------------------------------------------------------------------------------------------- */

static bool start(void)
{
	int sockets[2];

	if (helper.pid)
		return true;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return false;
	helper.pid = fork();
	if (helper.pid == 0) {
		shed(sockets[1]);
		serve();
	}
	close(sockets[1]);
	helper.socket = sockets[0];
	if (helper.pid > 0)
		return true;
	helper.pid = 0;
	close(sockets[0]);
	return false;
}

void demangle_end(void)
{
	if (!helper.pid)
		return;
	close(helper.socket);
	kill(helper.pid, SIGKILL);
	while (waitpid(helper.pid, NULL, 0) < 0 && errno == EINTR)
		;
	helper.pid = 0;
}

static bool is_answered(void)
{
	struct pollfd answer = {.fd = helper.socket, .events = POLLIN};
	int ready;

	do
		ready = poll(&answer, 1, PATIENCE_MS);
	while (ready < 0 && errno == EINTR);
	return ready > 0;
}

/* The answer, terminated, in `readable`; false where the helper gave none and was ended. */
static bool ask(const char *name, size_t length, char readable[MAX_READABLE_BYTES + 1])
{
	ssize_t got = -1;

	if (send(helper.socket, name, length, MSG_NOSIGNAL) == (ssize_t)length && is_answered())
		got = recv(helper.socket, readable, MAX_READABLE_BYTES + 1, 0);
	if (got > 0)
		return true;
	demangle_end();
	limits_spend(LIMIT_DEMANGLING, 1);
	return false;
}

/* Where names failed too often, the limit counts as met at the next one. */
static bool may_ask(void)
{
	return limits_left(LIMIT_DEMANGLING) || limits_spend(LIMIT_DEMANGLING, 1);
}

char *demangle(const char *name)
{
	char readable[MAX_READABLE_BYTES + 1];
	size_t length = strlen(name);

	if (strncmp(name, "_Z", 2) != 0 || length > MAX_NAME_BYTES || !may_ask() || !start() ||
		!ask(name, length, readable) || !*readable)
		return text_copy(name);
	return text_copy(readable);
}
