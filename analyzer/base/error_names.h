/*
 * error_names.h: the symbolic names of errno's values and of signals. glibc has had functions for that since 2.32;
 * these serve older ones, too.
 */
#ifndef SOCKSAN_ERROR_NAMES_H
#define SOCKSAN_ERROR_NAMES_H

/* "EPIPE", or NULL where `error` is not a value of errno that Linux knows. */
const char *error_name(int error);

/* "EPIPE"; a number for what has no name. `buffer` has 24 bytes and is used for that. Empty for 0. */
const char *error_text(int error, char *buffer);

/* "PIPE", without its SIG, or NULL where `signal` has no name of its own, as real-time signals have none. */
const char *error_signal_name(int signal);

#endif
