/*
 * progress.h: one line on the terminal for whoever waits: what socksan is doing, and how far it is.
 *
 * The line goes to standard error, only where that is a terminal and only where the work takes longer than a second. It
 * is written over itself a few times a second, and taken away before anything else is written. Nothing of it is ever
 * part of a report. Until progress_allow() has been called, none of this does anything. For one thread.
 */
#ifndef SOCKSAN_PROGRESS_H
#define SOCKSAN_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Says that work begins now, and whether its progress may be shown. */
void progress_allow(bool allowed);

/* Names what is being done ("reading traces"); the words are copied. Ends what was being done before. */
void progress_begin(const char *what);

/*
 * How far that is: `done` of `total` such `units` ("sockets"). A total of 0 is not known; without units the share is
 * shown, in percent. Costs little: may be called for every record.
 */
void progress_at(uint64_t done, uint64_t total, const char *units);

/* One more of such `units` is done, of a total that nobody knows; counts from progress_begin(). */
void progress_count(const char *units);

/* Ends what was being done, and takes the line away. */
void progress_end(void);

/* Takes the line away for now: something else is about to be written to the terminal. */
void progress_clear(void);

/* The words of the line, cut to `size` bytes. Pure; returns `buffer`. */
char *progress_words(char *buffer, size_t size, const char *what, uint64_t done, uint64_t total, const char *units);

#endif
