/*
 * names.h: what reports call things: protocols, ends, errors, addresses, programs.
 */
#ifndef SOCKSAN_NAMES_H
#define SOCKSAN_NAMES_H

#include "analyzer/trace/model.h"

/* "tcp", "udp", "unix", ... as reports name them. */
const char *names_protocol(unsigned protocol);
const char *names_origin(unsigned origin);

/* "closed", "reset" or "open". */
const char *names_socket_end(const struct connection *connection);

/* "exited", "killed", "running" or "exec". */
const char *names_process_end(const struct process *process);

/* "PIPE"; a number for what has no name. `buffer` has 24 bytes and is used for that. */
const char *names_signal(int signal, char *buffer);

/* "127.0.0.1", "::1", the name of an AF_UNIX socket ("@name" where abstract), or empty. The caller frees it. */
char *names_address(const struct endpoint *endpoint);

/* "127.0.0.1:80", "[::1]:80", the name of an AF_UNIX socket, "unnamed" or "unknown". The caller frees it. */
char *names_endpoint(const struct endpoint *endpoint);

/* "tcp 127.0.0.1:40516 -> 127.0.0.1:80", with that arrow. The caller frees it. */
char *names_connection(const struct connection *connection, const char *arrow);

#define NAMES_ARROW "\xe2\x86\x92" /* of the HTML page, as UTF-8 */

/*
 * What a process's program is called: by the name it was started by, where that is another one of its file
 * (redis-server, which is a link to redis-check-rdb), else the last part of the file's path. The caller frees it.
 */
char *names_program(const struct process *process);

#endif
