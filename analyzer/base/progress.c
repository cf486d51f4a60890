/*
 * progress.c: see progress.h.
 */
#include "analyzer/base/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "analyzer/base/text.h"

#define PATIENCE_NS UINT64_C(1000000000) /* work that is done by then says nothing */
#define INTERVAL_NS UINT64_C(100000000) /* between two lines */
#define COLUMNS 79 /* where the terminal does not say */

static struct {
	bool allowed;
	bool visible; /* the line stands on the terminal */
	uint64_t next_ns; /* no line before this */
	uint64_t counted;
	char what[64];
} progress;

/* The coarse clock is a read of memory, so that it can be asked for every record. */
static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Whether the line can be written over and taken away again. */
static bool is_terminal(void)
{
	const char *terminal = getenv("TERM");

	return isatty(STDERR_FILENO) && !(terminal && !strcmp(terminal, "dumb"));
}

void progress_allow(bool allowed)
{
	progress_end();
	progress.allowed = allowed && is_terminal();
	progress.next_ns = now_ns() + PATIENCE_NS;
}

void progress_begin(const char *what)
{
	snprintf(progress.what, sizeof(progress.what), "%s", what);
	progress.counted = 0;
}

char *progress_words(char *buffer, size_t size, const char *what, uint64_t done, uint64_t total, const char *units)
{
	char number[TEXT_NUMBER_BYTES];
	char of[TEXT_NUMBER_BYTES];

	if (total && done > total)
		done = total;
	if (!units && total)
		snprintf(buffer, size, "socksan: %s: %" PRIu64 " %%", what,
			(uint64_t)((double)done / (double)total * 100));
	else if (!units)
		snprintf(buffer, size, "socksan: %s", what);
	else if (total)
		snprintf(buffer, size, "socksan: %s: %s of %s %s", what, text_number(number, done),
			text_number(of, total), units);
	else
		snprintf(buffer, size, "socksan: %s: %s %s", what, text_number(number, done), units);
	return buffer;
}

/* A line that wrapped could not be written over. */
static size_t columns(void)
{
	struct winsize window;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) || window.ws_col < 2)
		return COLUMNS;
	return window.ws_col - 1;
}

void progress_at(uint64_t done, uint64_t total, const char *units)
{
	char words[256];
	uint64_t now;

	if (!progress.allowed || !*progress.what)
		return;
	now = now_ns();
	if (now < progress.next_ns)
		return;
	progress.next_ns = now + INTERVAL_NS;
	progress_words(words, sizeof(words), progress.what, done, total, units);
	fprintf(stderr, "\r%.*s\033[K", (int)columns(), words);
	fflush(stderr);
	progress.visible = true;
}

void progress_count(const char *units)
{
	progress_at(++progress.counted, 0, units);
}

void progress_clear(void)
{
	if (!progress.visible)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	progress.visible = false;
}

void progress_end(void)
{
	progress_clear();
	*progress.what = '\0';
}
