/*
 * wording.h: sentences about an incident, for every renderer that speaks to people.
 *
 * The sentences say what was observed, by whom and when. They may hold names that came from outside, unescaped.
 */
#ifndef SOCKSAN_WORDING_H
#define SOCKSAN_WORDING_H

#include <stddef.h>

#include "analyzer/trace/lifecycle.h"

/* One line: "12 bytes written 2.4 ms after the program had been told that the peer closed". The caller frees it. */
char *wording_title(const struct story *story);

/* What became of the bytes. The caller frees it. */
char *wording_outcome(const struct story *story);

#define WORDING_EVIDENCE 20

/* What the kernel knew and what the program had been told, and when. The caller frees each of the lines it fills. */
size_t wording_evidence(const struct story *story, char *lines[WORDING_EVIDENCE]);

/* A connection in one line: "tcp 127.0.0.1:80 -> 127.0.0.1:5000, accepted 1.2 s before". The caller frees it. */
char *wording_connection(const struct story *story, const struct connection *connection, int fd);

/*
 * Whose descriptor the number is by now, or would be without the quarantine; NULL where that is not known. To be freed.
 */
char *wording_owner(const struct story *story);

/*
 * Where and when the peer's end was closed, or at least whose it is; NULL where neither is known. The caller frees it.
 */
char *wording_peer(const struct story *story);

/* Why there is no stack of the write, in a line; NULL where there ought to be one. Not to be freed. */
const char *wording_missing_stack(const struct story *story);

#endif
