/*
 * line.h: short texts put together without stdio, which allocates and locks: names of files, and the one line that the
 * shim may say on standard error. From any thread, any signal handler and before libc is set up.
 */
#ifndef SOCKSAN_LINE_H
#define SOCKSAN_LINE_H

/*
 * Each appends at `at` what fits before `end`, where a NUL has room as well, and returns the new place of the NUL.
 * line_append_name puts a _ for whatever does not belong into a file's name.
 */
char *line_append(char *at, char *end, const char *text);
char *line_append_name(char *at, char *end, const char *text);
char *line_append_number(char *at, char *end, unsigned long value);

/*
 * Says "socksan: TEXT DETAIL: error N" on standard error, unless that is a socket. `detail` may come from anywhere: its
 * control characters are not printed; NULL where there is none. No error is named for 0.
 */
void line_say(const char *text, const char *detail, long error);

#endif
