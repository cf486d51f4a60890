/*
 * audit_options.h: options of sockets that are followed.
 *
 * From where it may be called: see audit_socket.h.
 */
#ifndef SOCKSAN_AUDIT_OPTIONS_H
#define SOCKSAN_AUDIT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Whether an option is one that is followed; after a setsockopt() of it that was successful. `turn`: audit_before. */
bool audit_follows_option(int level, int name);
void audit_set_option(int fd, int level, int name, const void *value, uint32_t length, uint64_t turn);

#endif
