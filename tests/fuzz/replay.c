/*
 * replay.c: runs inputs through a fuzz target without libFuzzer, so that every compiler's `make check` can: found bugs
 * stay fixed.
 *
 *	TARGET [--mutate N] FILE-OR-DIRECTORY...
 *
 * Each file is run as it is and, with --mutate, changed N times over by the target's own mutator or, where it has none,
 * byte by byte. Always with the same random numbers. Prints how many inputs were run; a bug ends the process, as a
 * sanitizer or the C library does, with the input that did it left in ./crash-TARGET, and an input on which it spent
 * LIMIT_S seconds of processor time is one as well.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/fuzz/input.h"
#include "tests/fuzz/trace_mutator.h"

#define MAX_BYTES (1u << 20)
#define LIMIT_S 20

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) __attribute__((weak));

static uint8_t current[MAX_BYTES];
static volatile size_t current_size;
static char crash_name[256];
static unsigned mutations;
static size_t runs;
static volatile sig_atomic_t is_done;
static uint64_t random_state = 1;

static uint32_t next_random(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random_state >> 33);
}

/* libFuzzer's would measure what it gains; this one only changes some bytes, adds some or takes some away. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
	size_t at = size ? next_random() % size : 0;
	size_t length = 1 + next_random() % 8;

	switch (next_random() % 4) {
	case 0:
		if (size + length > max_size)
			break;
		memmove(data + at + length, data + at, size - at);
		for (size_t i = 0; i < length; i++)
			data[at + i] = (uint8_t)next_random();
		return size + length;
	case 1:
		if (size <= at + length || max_size == size)
			break;
		memmove(data + at, data + at + length, size - at - length);
		return size - length;
	}
	for (size_t i = 0; i < length && size; i++)
		data[next_random() % size] = (uint8_t)(next_random() % 3 ? next_random() : 0xff);
	return size;
}

/* In signal handlers, too. */
static void say(const char *text)
{
	size_t length = strlen(text);

	while (length) {
		ssize_t written = write(2, text, length);

		if (written <= 0)
			return;
		text += written;
		length -= (size_t)written;
	}
}

static void keep_input(void)
{
	int fd = is_done ? -1 : open(crash_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (is_done)
		return;
	say("replay: the input is ");
	say(fd >= 0 && write(fd, current, current_size) == (ssize_t)current_size ? crash_name
										 : "lost: cannot write it");
	say("\n");
}

static void on_signal(int number)
{
	if (number == SIGVTALRM)
		say("replay: no end after so many seconds\n");
	keep_input();
	signal(number, SIG_DFL);
	raise(number);
}

static void watch(void)
{
	static const int signals[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGVTALRM};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], on_signal);
	/* A target that exits has failed, too. Sanitizers are to be told to abort (ASAN_OPTIONS=abort_on_error=1). */
	atexit(keep_input);
}

static void run(size_t size)
{
	struct itimerval limit = {.it_value.tv_sec = LIMIT_S};
	/* A copy of exactly that size: a step behind it is seen. */
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, current, size);
	current_size = size;
	setitimer(ITIMER_VIRTUAL, &limit, NULL);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	runs++;
}

static void run_file(const char *path)
{
	static uint8_t original[MAX_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, original, sizeof(original));

	if (size < 0) {
		dprintf(2, "replay: cannot read %s: %s\n", path, strerror(errno));
		_exit(2);
	}
	close(fd);
	memcpy(current, original, (size_t)size);
	run((size_t)size);
	for (unsigned i = 0; i < mutations; i++) {
		memcpy(current, original, (size_t)size);
		run(LLVMFuzzerCustomMutator ? LLVMFuzzerCustomMutator(current, (size_t)size, MAX_BYTES, next_random())
					    : LLVMFuzzerMutate(current, (size_t)size, MAX_BYTES));
	}
}

static void run_all(const char *path)
{
	struct dirent **entries;
	struct stat status;
	int count;

	if (stat(path, &status) || !S_ISDIR(status.st_mode)) {
		run_file(path);
		return;
	}
	count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char *name = NULL;

		if (entries[i]->d_name[0] != '.' && asprintf(&name, "%s/%s", path, entries[i]->d_name) > 0)
			run_all(name);
		free(name);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	int first = 1;

	if (argc > 2 && !strcmp(argv[1], "--mutate")) {
		mutations = (unsigned)atoi(argv[2]);
		first = 3;
	}
	snprintf(crash_name, sizeof(crash_name), "crash-%s", slash ? slash + 1 : argv[0]);
	watch();
	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = first; i < argc; i++)
		run_all(argv[i]);
	is_done = 1;
	dprintf(1, "%zu inputs\n", runs);
	return 0;
}
