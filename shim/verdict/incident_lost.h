/*
 * incident_lost.h: bytes that were accepted while nothing was wrong, and lost. Any thread, any signal handler; keeps
 * errno.
 */
#ifndef SOCKSAN_INCIDENT_LOST_H
#define SOCKSAN_INCIDENT_LOST_H

#include <stdint.h>

#include "shim/socket/probe.h"
#include "shim/verdict/incident.h"

/*
 * Bytes that were found to be lost after the fact: thrown away by a close, or unacknowledged when the connection ended
 * though nothing had been wrong when they were written. `call` says where that came out; how many writes they were, and
 * when, is read off the flight recorder.
 */
void incident_found_lost(const struct incident_call *call, uint64_t bytes, const struct probe_tcp *tcp, int error);

#endif
