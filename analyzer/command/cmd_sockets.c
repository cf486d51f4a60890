/*
 * cmd_sockets.c: `socksan sockets TRACE...`: every connection, in a few lines of at most 80 columns where names allow.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/base/escape.h"
#include "analyzer/base/progress.h"
#include "analyzer/base/text.h"
#include "analyzer/command/command.h"
#include "analyzer/command/command_line.h"
#include "analyzer/report/report.h"
#include "analyzer/run/silence.h"
#include "analyzer/trace/lifecycle.h"
#include "analyzer/wording/names.h"

#define COLUMNS 80
#define INDENT 7 /* of what is said below the figures */

/* What all lines share. */
struct table {
	const struct process *process; /* of the line before */
	struct silence_defaults defaults;
};

static void show_process(const struct process *process)
{
	char *path = escape_copy(process->exe.bytes, process->exe.length);

	printf("pid %d %s (%s)\n", process->pid, *path ? path : "unknown program", names_process_end(process));
	printf("  %4s %-5s %-34s %10s %10s %9s\n", "fd", "proto", "local -> peer", "sent", "received", "lived");
	free(path);
}

/* "40", "12.3M": at most five columns. */
static const char *short_bytes(char *buffer, uint64_t bytes)
{
	static const char units[] = "kMGTPE";
	const char *unit = units;
	double value = (double)bytes / 1000;

	if (bytes < 100000) {
		snprintf(buffer, TEXT_NUMBER_BYTES, "%" PRIu64, bytes);
		return buffer;
	}
	for (; value >= 1000 && unit[1]; unit++)
		value /= 1000;
	snprintf(buffer, TEXT_NUMBER_BYTES, "%.1f%c", value, *unit);
	return buffer;
}

static char *endpoints(const struct connection *connection)
{
	char *local = names_endpoint(&connection->local);
	char *peer = names_endpoint(&connection->peer);
	bool listens = connection->record.flags & TRACE_SOCKET_LISTENS;
	char *both = text_format("%s%s%s", local, listens ? "" : " -> ", listens ? " (listens)" : peer);
	char *safe = escape_copy(both, strlen(both));

	free(both);
	free(local);
	free(peer);
	return safe;
}

static uint64_t lifetime_ns(const struct connection *connection)
{
	const struct trace_socket *record = &connection->record;
	uint64_t end = record->closed_ns ? record->closed_ns : connection->process->ended_ns;

	return end > record->opened_ns && record->opened_ns ? end - record->opened_ns : 0;
}

/* How it ended, in the order in which it did. */
static void put_end(FILE *stream, const struct connection *connection)
{
	const struct trace_socket *record = &connection->record;

	fputs(names_socket_end(connection), stream);
	if (record->peer_closed_ns)
		fprintf(stream, ", peer closed%s",
			record->closed_ns && record->closed_ns < record->peer_closed_ns ? " after it" : " first");
	if (record->flags & TRACE_SOCKET_OWN_SHUTDOWN_WRITE)
		fputs(", shut down for writing", stream);
	if (record->bytes_unacked_at_close)
		fprintf(stream, ", %" PRIu64 " bytes unacknowledged at close", record->bytes_unacked_at_close);
}

/* Writes that came after the end, by what had ended it. */
static void put_late_writes(FILE *stream, const struct trace_socket *record)
{
	const struct {
		uint32_t count;
		const char *words;
	} late[] = {
		{record->writes_before_connect, "before connect"},
		{record->writes_after_peer_close, "after peer close"},
		{record->writes_after_reset, "after reset"},
		{record->writes_after_shutdown, "after shutdown"},
	};
	const char *separator = "; writes ";

	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
		if (!late[i].count)
			continue;
		fprintf(stream, "%s%s: %u", separator, late[i].words, late[i].count);
		separator = ", ";
	}
}

static void show_end(const struct connection *connection)
{
	struct text_buffer buffer;
	FILE *stream = text_open(&buffer);
	char *words;

	put_end(stream, connection);
	put_late_writes(stream, &connection->record);
	words = text_close(&buffer);
	printf("%*s", INDENT, "");
	text_fill(stdout, (struct text_layout){.indent = INDENT + 2, .width = COLUMNS, .column = INDENT}, words);
	free(words);
}

/* When, if ever, it would have been noticed that the peer is gone without a word. */
static void show_silence(const struct trace_socket *record, const struct silence_defaults *defaults)
{
	static const char label[] = "silent peer: ";
	char *words;

	if (record->protocol != TRACE_TCP || !record->connected_ns || record->flags & TRACE_SOCKET_LISTENS)
		return;
	words = silence_words(record, defaults);
	printf("%*s%s", INDENT, "", label);
	text_fill(stdout,
		(struct text_layout){.indent = INDENT + 2, .width = COLUMNS, .column = INDENT + sizeof(label) - 1},
		words);
	free(words);
}

static bool show_socket(const struct connection *connection, void *context)
{
	struct table *table = context;
	const struct trace_socket *record = &connection->record;
	uint64_t lived = lifetime_ns(connection);
	char sent[TEXT_NUMBER_BYTES];
	char received[TEXT_NUMBER_BYTES];
	char duration[TEXT_NUMBER_BYTES];
	char *where = endpoints(connection);

	if (table->process != connection->process) {
		if (table->process)
			putchar('\n');
		show_process(connection->process);
		table->process = connection->process;
	}
	printf("  %4d %-5s %-34s", record->fd, names_protocol(record->protocol), where);
	/* Long names get a line of their own. */
	if (text_columns(where) > 34)
		printf("\n%47s", "");
	printf(" %10s %10s %9s\n", short_bytes(sent, record->bytes_sent), short_bytes(received, record->bytes_received),
		lived ? text_duration(duration, lived) : "-");
	show_end(connection);
	show_silence(record, &table->defaults);
	free(where);
	return !ferror(stdout);
}

static int show_all(char *const *paths, size_t count)
{
	struct lifecycle *lifecycle = lifecycle_read(paths, count, NULL);
	struct table table = {.defaults = silence_defaults_read(SILENCE_SYSCTLS)};
	size_t unreadable;
	int status;

	lifecycle_unreadable(lifecycle, &unreadable);
	status = unreadable ? EXIT_SOCKSAN : 0; /* the list is not whole */
	if (lifecycle_trace_count(lifecycle) == 0 && !unreadable) {
		text_complain("no trace found");
		status = EXIT_NO_TRACE;
	} else {
		/* Not into the midst of the list on the terminal. */
		if (!isatty(STDOUT_FILENO))
			progress_begin("listing connections");
		lifecycle_each_socket(lifecycle, false, show_socket, &table);
		if (!table.process && !unreadable)
			puts("The traces hold no sockets.");
		progress_end();
	}
	lifecycle_free(lifecycle);
	if (fflush(stdout) || ferror(stdout)) {
		text_complain("cannot write to standard output");
		status = EXIT_SOCKSAN;
	}
	return status;
}

static bool take(void *quiet, enum option_id option, const char *argument)
{
	(void)argument;
	*(bool *)quiet |= option == OPTION_QUIET;
	return true;
}

int command_sockets(int argc, char **argv)
{
	bool quiet = false;
	struct command_line line = {.subcommand = SUBCOMMAND_SOCKETS, .take = take, .context = &quiet};
	enum command_line_end end = command_line_read(&line, argc, argv);

	if (end != COMMAND_LINE_READ)
		return end == COMMAND_LINE_DONE ? 0 : EXIT_SOCKSAN;
	if (!line.rest_count) {
		text_complain("sockets needs a trace: a file, or a directory that holds *.trace");
		return EXIT_SOCKSAN;
	}
	progress_allow(!quiet);
	return show_all(line.rest, line.rest_count);
}
