/*
 * lifecycle.c: the first pass over the traces, and how they are asked afterwards. See lifecycle.h.
 */
#include "analyzer/trace/lifecycle.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "analyzer/base/limits.h"
#include "analyzer/base/progress.h"
#include "analyzer/base/text.h"
#include "analyzer/trace/lifecycle_private.h"
#include "analyzer/trace/liveness.h"

#define MAX_GAPS 4096 /* bytes */

/* What the first pass collects about one trace, to be settled at its end. */
struct first_pass {
	struct lifecycle *lifecycle;
	uint32_t trace;
	const struct command_end *command;
	uint32_t last_process; /* the one that the record before belonged to, most often this one's too */
	trace_ref *in_call; /* sockets of the command with a write under way */
	size_t in_call_count;
	bool explained; /* an incident of the command tells of the write that it died in */
};

static struct text keep_text(const char *bytes, size_t length)
{
	char *copy = text_allocate(length + 1);

	memcpy(copy, bytes, length);
	return (struct text){.bytes = copy, .length = length};
}

static void set_end(struct process *process, const struct trace_process *record, const struct trace_source *source,
	const struct command_end *command)
{
	bool watched = command && command->pid == record->pid && record->pid > 0;

	if (record->ended == TRACE_EXEC) {
		process->end = PROCESS_EXEC;
	} else if (watched && WIFSIGNALED(command->wait_status)) {
		process->end = PROCESS_KILLED;
		process->signal = WTERMSIG(command->wait_status);
	} else if (record->ended == TRACE_EXITED || (watched && WIFEXITED(command->wait_status))) {
		process->end = PROCESS_EXITED;
	} else {
		process->end = liveness_check(record->pid, record->exe, source->created_ns, source->created_wall_ns)
				       ? PROCESS_RUNNING
				       : PROCESS_KILLED;
	}
}

/* What of its runtimes the process said is not watched. */
static struct text load_gaps(struct first_pass *pass, trace_ref ref)
{
	_Alignas(struct trace_text) char buffer[sizeof(struct trace_text) + MAX_GAPS];
	const struct trace_text *text = (const struct trace_text *)buffer;
	struct reader *reader = ref ? trace_set_open(&pass->lifecycle->set, pass->trace) : NULL;
	size_t bytes = reader ? reader_get(reader, ref, TRACE_TEXT, buffer, sizeof(buffer)) : 0;

	return bytes && text->kind == TRACE_TEXT_GAPS ? keep_text(text->text, reader_text_length(text, bytes))
						      : (struct text){0};
}

static void add_process(struct first_pass *pass, const struct trace_process *record, trace_ref ref)
{
	struct lifecycle *lifecycle = pass->lifecycle;
	struct trace_source *source = &lifecycle->set.sources[pass->trace];
	struct process *process;
	size_t exe_length = strnlen(record->exe, sizeof(record->exe));
	size_t argv_length = record->argv_length < sizeof(record->argv) ? record->argv_length : sizeof(record->argv);

	lifecycle->processes = text_grow(lifecycle->processes, lifecycle->process_count, sizeof(*lifecycle->processes));
	process = &lifecycle->processes[lifecycle->process_count];
	*process = (struct process){
		.trace = pass->trace,
		.ref = ref,
		.pid = record->pid,
		.ppid = record->ppid,
		.started_ns = record->started_ns,
		.ended_ns = record->ended_ns,
		.coverage = record->coverage,
		.sockets_seen = record->sockets_seen,
		.sockets_recycled = record->sockets_recycled,
		.exe = exe_length ? keep_text(record->exe, exe_length)
				  : keep_text(record->comm, strnlen(record->comm, sizeof(record->comm))),
		.argv = keep_text(record->argv, argv_length),
		.gaps = load_gaps(pass, record->gaps),
	};
	memcpy(process->called, record->comm, strnlen(record->comm, sizeof(process->called) - 1));
	for (size_t i = 0; i < TRACE_LOSSES; i++) {
		process->lost[i] = record->lost[i];
		process->lost_records += record->lost[i];
	}
	set_end(process, record, source, pass->command);
	if (source->process_count++ == 0)
		source->pid = record->pid;
	pass->last_process = (uint32_t)lifecycle->process_count++;
}

uint32_t lifecycle_process_index(const struct lifecycle *lifecycle, uint32_t trace, trace_ref ref)
{
	const struct trace_source *source = &lifecycle->set.sources[trace];
	uint32_t low = source->first_process;
	uint32_t high = low + source->process_count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (lifecycle->processes[middle].ref <= ref)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/*
 * The process that a record names. A reference that leads to none is taken for the nearest before it, and a trace
 * without any process gets a nameless one: what happened is told even where it is not known to whom.
 */
static struct process *process_of(struct first_pass *pass, trace_ref ref)
{
	struct lifecycle *lifecycle = pass->lifecycle;
	struct trace_source *source = &lifecycle->set.sources[pass->trace];

	if (source->process_count == 0) {
		static const struct trace_process nameless = {.ended = TRACE_EXITED};

		text_complain("%s: offset %u: expected the record of a process before what it did", source->path,
			TRACE_HEADER_BYTES);
		add_process(pass, &nameless, 0);
	}
	if (lifecycle->processes[pass->last_process].ref != ref)
		pass->last_process = lifecycle_process_index(lifecycle, pass->trace, ref);
	return &lifecycle->processes[pass->last_process];
}

static void push_ref(trace_ref **refs, size_t *count, trace_ref ref)
{
	*refs = text_grow(*refs, *count, sizeof(**refs));
	(*refs)[(*count)++] = ref;
}

/* A named AF_UNIX socket: which one is at its other end is found out when all are known. */
static void note_unix_socket(struct first_pass *pass, const struct trace_socket *record)
{
	struct lifecycle *lifecycle = pass->lifecycle;
	_Alignas(struct trace_text) char buffer[sizeof(struct trace_text) + sizeof(((struct endpoint *)0)->path)];
	const struct trace_text *text = (const struct trace_text *)buffer;
	struct reader *reader;
	trace_ref name;
	size_t bytes;

	if (!unix_pairs_takes(record, &name))
		return;
	reader = trace_set_open(&lifecycle->set, pass->trace);
	bytes = reader ? reader_get(reader, name, TRACE_TEXT, buffer, sizeof(buffer)) : 0;
	if (bytes)
		unix_pairs_add(&lifecycle->unix_pairs, record,
			(struct text){.bytes = text->text, .length = reader_text_length(text, bytes)},
			pass->last_process, lifecycle->processes, trace_set_clock_offset(&lifecycle->set, pass->trace));
}

static void note_socket(struct first_pass *pass, const struct trace_socket *record, trace_ref ref)
{
	struct lifecycle *lifecycle = pass->lifecycle;
	struct process *process = process_of(pass, record->process);

	process->writes += record->writes;
	process->socket_records++;
	lifecycle->set.sources[pass->trace].socket_count++;
	lifecycle->socket_count++;
	peers_add(&lifecycle->peers, record, lifecycle->set.sources[pass->trace].boot, pass->trace, ref);
	note_unix_socket(pass, record);
	if (record->in_call_ns && process->signal == SIGPIPE)
		push_ref(&pass->in_call, &pass->in_call_count, ref);
}

static void add_incident(struct first_pass *pass, const struct trace_incident *record, trace_ref ref)
{
	struct lifecycle *lifecycle = pass->lifecycle;

	lifecycle->incidents =
		text_grow(lifecycle->incidents, lifecycle->incident_count, sizeof(*lifecycle->incidents));
	lifecycle->incidents[lifecycle->incident_count++] = (struct incident){
		.trace = pass->trace,
		.process = pass->last_process,
		.ref = ref,
		.socket = record->socket,
		.kind = record->kind,
		.knowledge = record->knowledge,
		.outcome = record->outcome,
		.sigpipe = record->sigpipe,
		.told_by_call = record->told_call[0] != '\0',
		.flags = record->flags,
		.error = record->error,
		.stack_write = record->stack_write,
		.first_ns = record->first_ns,
		.bytes_lost = record->bytes_lost,
		.count = record->count,
	};
}

static void note_incident(struct first_pass *pass, const struct trace_incident *record, trace_ref ref)
{
	struct trace_incident settled = *record;
	const struct process *process = process_of(pass, record->process);

	lifecycle_settle(&settled, process);
	if (settled.sigpipe == TRACE_SIGPIPE_FATAL && process->signal == SIGPIPE)
		pass->explained = true;
	add_incident(pass, &settled, ref);
}

/*
 * Whether that write is an incident already: one that could not be foretold to be fatal, as when a reset comes while it
 * waits.
 */
static bool place_in_incident(const struct first_pass *pass)
{
	for (size_t i = pass->lifecycle->incident_count; i-- > 0;) {
		struct incident *incident = &pass->lifecycle->incidents[i];

		if (incident->trace != pass->trace)
			break;
		if (incident->socket != pass->in_call[0] || !(incident->flags & TRACE_INCIDENT_IN_CALL))
			continue;
		incident->outcome = TRACE_REJECTED;
		incident->sigpipe = TRACE_SIGPIPE_FATAL;
		incident->error = EPIPE;
		return true;
	}
	return false;
}

/*
 * The command died of SIGPIPE. Where one of its sockets has a write under way of which there is no incident, the probe
 * before that write saw an open connection, and the end came in between: that write is what killed it. Where there are
 * several such sockets nobody can know which, and where a known incident explains the death there is nothing to infer.
 */
static void infer_fatal_write(struct first_pass *pass)
{
	struct lifecycle *lifecycle = pass->lifecycle;
	struct reader *reader = trace_set_open(&lifecycle->set, pass->trace);
	struct trace_socket socket;
	struct trace_incident inferred;

	if (!reader || pass->in_call_count == 0 || pass->explained)
		return;
	if (!reader_get(reader, pass->in_call[0], TRACE_SOCKET, &socket, sizeof(socket)))
		return;
	if (pass->in_call_count > 1) {
		process_of(pass, socket.process)->died_in_unplaced_write = true;
		return;
	}
	if (place_in_incident(pass))
		return;
	lifecycle_infer(&inferred, &socket, pass->in_call[0]);
	add_incident(pass, &inferred, 0);
}

static void note_record(struct first_pass *pass, const struct trace_record *record, trace_ref ref)
{
	struct trace_source *source = &pass->lifecycle->set.sources[pass->trace];

	switch (record->type) {
	case TRACE_PROCESS: add_process(pass, (const struct trace_process *)record, ref); break;
	case TRACE_MODULE: push_ref(&source->modules, &source->module_count, ref); break;
	case TRACE_SOCKET: note_socket(pass, (const struct trace_socket *)record, ref); break;
	case TRACE_INCIDENT: note_incident(pass, (const struct trace_incident *)record, ref); break;
	}
}

/* `before` is the bytes of the traces before this one, for whoever waits. */
static void read_trace(struct lifecycle *lifecycle, uint32_t trace, uint64_t before, const struct command_end *command)
{
	struct trace_source *source = &lifecycle->set.sources[trace];
	struct first_pass pass = {.lifecycle = lifecycle, .trace = trace, .command = command};
	struct reader *reader = trace_set_open(&lifecycle->set, trace);
	struct reader_walk walk;
	const struct trace_record *record;
	trace_ref ref;

	source->first_process = (uint32_t)lifecycle->process_count;
	source->ordinal = 1;
	if (!reader) {
		text_complain("%s: has gone or changed since it was found", source->path);
		trace_set_note_unreadable(&lifecycle->set, source->path, "it has gone or changed since it was found");
		return;
	}
	reader_walk_begin(&walk, reader, false);
	while ((record = reader_walk_next(&walk, &ref))) {
		note_record(&pass, record, ref);
		progress_at(before + ref, lifecycle->set.bytes, NULL);
	}
	limits_traces(walk.offset - reader->header.header_bytes);
	reader_walk_end(&walk);
	infer_fatal_write(&pass);
	free(pass.in_call);
}

static int compare_pids(const void *a, const void *b)
{
	const struct trace_source *left = *(const struct trace_source *const *)a;
	const struct trace_source *right = *(const struct trace_source *const *)b;

	if (left->pid != right->pid)
		return left->pid < right->pid ? -1 : 1;
	if (left->created_ns != right->created_ns)
		return left->created_ns < right->created_ns ? -1 : 1;
	return strcmp(left->path, right->path);
}

/* Several traces of one pid: images that it executed one after the other, or a number that was used again. */
static void number_traces(struct trace_set *set)
{
	struct trace_source **sorted = text_allocate(set->count * sizeof(struct trace_source *));

	for (size_t i = 0; i < set->count; i++)
		sorted[i] = &set->sources[i];
	qsort(sorted, set->count, sizeof(struct trace_source *), compare_pids);
	for (size_t i = 1; i < set->count; i++)
		if (sorted[i]->pid == sorted[i - 1]->pid)
			sorted[i]->ordinal = sorted[i - 1]->ordinal + 1;
	free(sorted);
}

struct lifecycle *lifecycle_read(char *const *paths, size_t path_count, const struct command_end *command)
{
	struct lifecycle *lifecycle = text_allocate(sizeof(*lifecycle));
	uint64_t before = 0;

	progress_begin("looking for traces");
	trace_set_find(&lifecycle->set, paths, path_count);
	progress_begin("reading traces");
	for (uint32_t trace = 0; trace < lifecycle->set.count; trace++) {
		read_trace(lifecycle, trace, before, command);
		before += lifecycle->set.sources[trace].bytes;
	}
	progress_end();
	number_traces(&lifecycle->set);
	peers_sort(&lifecycle->peers);
	lifecycle->by_pid = process_index_make(lifecycle->processes, lifecycle->process_count);
	unix_pairs_match(&lifecycle->unix_pairs, lifecycle->processes, lifecycle->by_pid);
	return lifecycle;
}

void lifecycle_free(struct lifecycle *lifecycle)
{
	for (size_t i = 0; i < lifecycle->process_count; i++) {
		free((char *)lifecycle->processes[i].exe.bytes);
		free((char *)lifecycle->processes[i].argv.bytes);
		free((char *)lifecycle->processes[i].gaps.bytes);
	}
	process_index_free(lifecycle->by_pid);
	free(lifecycle->processes);
	free(lifecycle->incidents);
	peers_free(&lifecycle->peers);
	unix_pairs_free(&lifecycle->unix_pairs);
	trace_set_free(&lifecycle->set);
	free(lifecycle);
}

size_t lifecycle_trace_count(const struct lifecycle *lifecycle)
{
	return lifecycle->set.count;
}

const struct unreadable_trace *lifecycle_unreadable(const struct lifecycle *lifecycle, size_t *count)
{
	*count = lifecycle->set.unreadable_count;
	return lifecycle->set.unreadable;
}

uint64_t lifecycle_socket_count(const struct lifecycle *lifecycle)
{
	return lifecycle->socket_count;
}

const struct process *lifecycle_processes(const struct lifecycle *lifecycle, size_t *count)
{
	*count = lifecycle->process_count;
	return lifecycle->processes;
}

struct incident *lifecycle_incidents(struct lifecycle *lifecycle, size_t *count)
{
	*count = lifecycle->incident_count;
	return lifecycle->incidents;
}
