/*
 * names.c: see names.h.
 */
#include "analyzer/wording/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "analyzer/base/error_names.h"
#include "analyzer/base/text.h"

static const char *name_of(const char *const *names, size_t count, unsigned value)
{
	return value < count && names[value] ? names[value] : "other";
}

#define NAME_OF(names, value) name_of(names, sizeof(names) / sizeof(names[0]), value)

const char *names_protocol(unsigned protocol)
{
	static const char *const names[] = {[TRACE_TCP] = "tcp",
		[TRACE_UDP] = "udp",
		[TRACE_UNIX_STREAM] = "unix",
		[TRACE_UNIX_SEQPACKET] = "unix-seqpacket",
		[TRACE_UNIX_DGRAM] = "unix-dgram"};

	return NAME_OF(names, protocol);
}

const char *names_origin(unsigned origin)
{
	static const char *const names[] = {[TRACE_SOCKET_CALL] = "socket",
		[TRACE_CONNECT] = "connect",
		[TRACE_ACCEPT] = "accept",
		[TRACE_SOCKETPAIR] = "socketpair",
		[TRACE_INHERITED] = "inherited",
		[TRACE_PASSED] = "passed"};

	return NAME_OF(names, origin);
}

const char *names_socket_end(const struct connection *connection)
{
	static const char *const names[] = {
		[TRACE_END_OPEN] = "open", [TRACE_END_CLOSED] = "closed", [TRACE_END_RESET] = "reset"};

	return NAME_OF(names, connection->record.end);
}

const char *names_process_end(const struct process *process)
{
	static const char *const names[] = {[PROCESS_RUNNING] = "running",
		[PROCESS_EXITED] = "exited",
		[PROCESS_KILLED] = "killed",
		[PROCESS_EXEC] = "exec"};

	return NAME_OF(names, (unsigned)process->end);
}

const char *names_signal(int signal, char *buffer)
{
	const char *name = error_signal_name(signal);

	if (!name) {
		snprintf(buffer, 24, "%d", signal);
		name = buffer;
	}
	return name;
}

char *names_address(const struct endpoint *endpoint)
{
	char *name;

	if (endpoint->family != AF_UNIX)
		return text_copy(endpoint->ip);
	name = text_allocate(endpoint->path_length + 1);
	/* Names of abstract sockets are not terminated, and may hold NULs anywhere. */
	for (size_t i = 0; i < endpoint->path_length; i++)
		name[i] = endpoint->path[i] ? endpoint->path[i] : '@';
	return name;
}

char *names_endpoint(const struct endpoint *endpoint)
{
	switch (endpoint->family) {
	case AF_INET: return text_format("%s:%u", endpoint->ip, endpoint->port);
	case AF_INET6: return text_format("[%s]:%u", endpoint->ip, endpoint->port);
	case AF_UNIX: return endpoint->path_length ? names_address(endpoint) : text_copy("unnamed");
	}
	return text_copy("unknown");
}

char *names_connection(const struct connection *connection, const char *arrow)
{
	char *local = names_endpoint(&connection->local);
	char *peer = names_endpoint(&connection->peer);
	char *words = text_format("%s %s %s %s", names_protocol(connection->record.protocol), local, arrow, peer);

	free(local);
	free(peer);
	return words;
}

char *names_program(const struct process *process)
{
	char *path = text_format("%.*s", (int)process->exe.length, process->exe.bytes ? process->exe.bytes : "");
	const char *file = *path ? text_basename(path) : "unknown program";
	/* the whole name where the two are the same, as far as the shorter one goes */
	bool is_alias = *process->called && strncmp(process->called, file, sizeof(process->called) - 1) != 0;
	char *name = text_copy(is_alias ? process->called : file);

	free(path);
	return name;
}
