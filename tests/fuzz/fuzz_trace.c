/*
 * fuzz_trace.c: any bytes as a trace file: the reader, the first pass over it, every socket with its peer, and every
 * incident's story. With bit 0 of the selector (trace_mutator.h) the same bytes come as a second trace, too.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "analyzer/trace/lifecycle.h"
#include "shim/trace_format.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/trace_mutator.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return trace_mutate(data, size, max_size, seed);
}

/* Reads every byte that it is given, which is what a sanitizer needs to see. */
static volatile uint64_t sum;

static void add_bytes(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += (unsigned char)bytes[i];
}

static bool visit(const struct connection *connection, void *context)
{
	(void)context;
	add_bytes(connection->peer_id, strlen(connection->peer_id));
	add_bytes(connection->local.path, connection->local.path_length);
	add_bytes(connection->peer.path, connection->peer.path_length);
	sum += (uint64_t)connection->process->pid;
	return true;
}

static void read_story(struct lifecycle *lifecycle, const struct incident *incident)
{
	const struct address_space *space = lifecycle_space(lifecycle, incident->trace);
	struct story story;
	struct outline outline;

	for (size_t i = 0; space && i < space->module_count; i++)
		add_bytes(space->modules[i].path, strlen(space->modules[i].path));
	if (lifecycle_load_outline(lifecycle, incident, &outline))
		free((char *)outline.label.bytes);
	if (lifecycle_load(lifecycle, incident, &story)) {
		add_bytes(story.label.bytes, story.label.length);
		add_bytes(story.note.bytes, story.note.length);
		add_bytes(story.preview.bytes, story.preview.length);
		add_bytes(story.write.python.bytes, story.write.python.length);
		sum += story.process->lost_records + (story.peer_process ? (uint64_t)story.peer_process->pid : 0);
		for (size_t i = 0; i < story.peer_closed.count; i++)
			sum += story.peer_closed.frames[i];
	}
	lifecycle_story_free(&story);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t selector = 0;
	struct command_end end = {.pid = 7, .wait_status = W_EXITCODE(0, 13)};
	char *paths[2];
	struct lifecycle *lifecycle;
	struct incident *incidents;
	size_t count;

	if (size >= sizeof(struct trace_header))
		memcpy(&selector, data + offsetof(struct trace_header, reserved), sizeof(selector));
	paths[0] = (char *)input_file("a.trace", data, size);
	if (selector & 1)
		paths[1] = (char *)input_file("b.trace", data, size);
	lifecycle = lifecycle_read(paths, 1 + (selector & 1), selector & 2 ? &end : NULL);
	lifecycle_each_socket(lifecycle, true, visit, NULL);
	incidents = lifecycle_incidents(lifecycle, &count);
	for (size_t i = 0; i < count; i++)
		read_story(lifecycle, &incidents[i]);
	lifecycle_free(lifecycle);
	return 0;
}
