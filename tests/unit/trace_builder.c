/*
 * trace_builder.c: see trace_builder.h.
 */
#include "tests/unit/trace_builder.h"

#include <errno.h>
#include <ftw.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	abort();
}

static struct trace_header *header_of(struct builder *builder)
{
	return (struct trace_header *)builder->bytes;
}

void builder_init(struct builder *builder)
{
	struct trace_header *header;

	*builder = (struct builder){.length = TRACE_HEADER_BYTES, .capacity = 1 << 16};
	builder->bytes = calloc(1, builder->capacity);
	if (!builder->bytes)
		fail("calloc");
	header = header_of(builder);
	memcpy(header->magic, TRACE_MAGIC, sizeof(header->magic));
	header->version = TRACE_VERSION;
	header->byte_order = TRACE_BYTE_ORDER;
	header->header_bytes = TRACE_HEADER_BYTES;
	header->created_ns = BUILDER_NOW_NS;
	header->created_wall_ns = INT64_C(1700000000000000000);
	strcpy(header->writer, "fixture");
}

void builder_free(struct builder *builder)
{
	free(builder->bytes);
}

void *builder_at(struct builder *builder, trace_ref ref)
{
	return builder->bytes + ref;
}

trace_ref builder_record(struct builder *builder, enum trace_type type, size_t bytes)
{
	trace_ref ref = (trace_ref)builder->length;
	struct trace_record *record;

	bytes = (bytes + 7) / 8 * 8;
	while (builder->length + bytes > builder->capacity) {
		builder->bytes = realloc(builder->bytes, builder->capacity * 2);
		if (!builder->bytes)
			fail("realloc");
		memset(builder->bytes + builder->capacity, 0, builder->capacity);
		builder->capacity *= 2;
	}
	record = builder_at(builder, ref);
	*record = (struct trace_record){.size = (uint32_t)bytes, .type = type, .state = TRACE_COMMITTED};
	builder->length += bytes;
	return ref;
}

void builder_name(struct trace_process *process, const char *exe)
{
	snprintf(process->exe, sizeof(process->exe), "%s", exe);
	memset(process->comm, 0, sizeof(process->comm));
	memcpy(process->comm, strrchr(exe, '/') + 1, strnlen(strrchr(exe, '/') + 1, sizeof(process->comm) - 1));
}

trace_ref builder_process(struct builder *builder)
{
	static const char argv[] = "server\0--port\0006379";
	trace_ref ref = builder_record(builder, TRACE_PROCESS, sizeof(struct trace_process));
	struct trace_process *process = builder_at(builder, ref);

	process->pid = BUILDER_PID;
	process->ppid = 1;
	process->started_ns = BUILDER_NOW_NS;
	process->ended_ns = BUILDER_NOW_NS + 5000000000;
	process->ended = TRACE_EXITED;
	process->sockets_seen = 1;
	builder_name(process, "/usr/bin/server");
	memcpy(process->argv, argv, sizeof(argv));
	process->argv_length = sizeof(argv);
	return ref;
}

trace_ref builder_module(struct builder *builder, const char *path, uint64_t start, uint64_t end,
	const uint8_t *build_id, size_t id_length)
{
	size_t length = strlen(path);
	trace_ref ref = builder_record(builder, TRACE_MODULE, sizeof(struct trace_module) + length + 1);
	struct trace_module *module = builder_at(builder, ref);

	module->t_ns = BUILDER_NOW_NS;
	module->start = start;
	module->end = end;
	module->bias = start;
	module->build_id_length = (uint8_t)id_length;
	if (id_length)
		memcpy(module->build_id, build_id, id_length);
	module->path_length = (uint16_t)length;
	memcpy(module->path, path, length);
	return ref;
}

/* The build-id in a note segment; returns its length, 0 where there is none. */
static size_t find_build_id(const char *notes, size_t bytes, const uint8_t **build_id)
{
	while (bytes >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)notes;
		size_t name_bytes = (note->n_namesz + 3u) / 4 * 4;
		size_t whole = sizeof(*note) + name_bytes + (note->n_descsz + 3u) / 4 * 4;

		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && !memcmp(note + 1, "GNU", 4)) {
			*build_id = (const uint8_t *)(note + 1) + name_bytes;
			return note->n_descsz;
		}
		if (whole > bytes)
			break;
		notes += whole;
		bytes -= whole;
	}
	return 0;
}

static int add_module(struct dl_phdr_info *info, size_t size, void *context)
{
	uint64_t start = UINT64_MAX;
	uint64_t end = 0;
	const uint8_t *build_id = NULL;
	size_t id_length = 0;
	char path[4096];
	ssize_t length;
	struct trace_module *module;
	struct builder *builder = context;

	(void)size;
	snprintf(path, sizeof(path), "%s", info->dlpi_name);
	if (!*path) {
		length = readlink("/proc/self/exe", path, sizeof(path) - 1);
		path[length < 0 ? 0 : length] = '\0';
	}
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uint64_t address = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type == PT_LOAD && address < start)
			start = address;
		if (segment->p_type == PT_LOAD && address + segment->p_memsz > end)
			end = address + segment->p_memsz;
		if (segment->p_type == PT_NOTE && !id_length)
			id_length = find_build_id((const char *)(uintptr_t)address, segment->p_memsz, &build_id);
	}
	module = builder_at(builder, builder_module(builder, path, start, end, build_id, id_length));
	module->bias = info->dlpi_addr;
	return 0;
}

void builder_own_modules(struct builder *builder)
{
	dl_iterate_phdr(add_module, builder);
}

trace_ref builder_text(struct builder *builder, enum trace_text_kind kind, const void *text, size_t length)
{
	trace_ref ref = builder_record(builder, TRACE_TEXT, sizeof(struct trace_text) + length);
	struct trace_text *record = builder_at(builder, ref);

	record->kind = kind;
	record->length = (uint32_t)length;
	memcpy(record->text, text, length);
	return ref;
}

trace_ref builder_stack(struct builder *builder, const uint64_t *frames, uint32_t count, trace_ref text)
{
	trace_ref ref = builder_record(builder, TRACE_STACK, sizeof(struct trace_stack) + count * sizeof(*frames));
	struct trace_stack *stack = builder_at(builder, ref);

	stack->frame_count = count;
	stack->text = text;
	if (count)
		memcpy(stack->frames, frames, count * sizeof(*frames));
	return ref;
}

trace_ref builder_socket(struct builder *builder, trace_ref process, uint16_t port)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};
	trace_ref ref = builder_record(builder, TRACE_SOCKET, sizeof(struct trace_socket));
	struct trace_socket *socket = builder_at(builder, ref);

	socket->process = process;
	socket->fd = 8;
	socket->id = ++builder->next_socket_id;
	socket->cookie = 0x1000 + socket->id;
	socket->protocol = TRACE_TCP;
	socket->origin = TRACE_ACCEPT;
	socket->end = TRACE_END_CLOSED;
	socket->opened_ns = BUILDER_NOW_NS + 1000000000;
	socket->connected_ns = socket->opened_ns;
	socket->closed_ns = socket->opened_ns + 1000000000;
	socket->bytes_sent = 120;
	socket->bytes_received = 40;
	socket->writes = 3;
	socket->local = (struct trace_address){.family = AF_INET, .port = 6379};
	socket->peer = (struct trace_address){.family = AF_INET, .port = port};
	memcpy(socket->local.ip, loopback, sizeof(loopback));
	memcpy(socket->peer.ip, loopback, sizeof(loopback));
	return ref;
}

static void add_history(struct trace_incident *incident)
{
	static const struct {
		const char *call;
		uint32_t length;
		int32_t result;
		uint64_t before_ns;
	} operations[] = {
		{"read", 4096, 40, 3000000},
		{"read", 4096, 0, 2400000},
		{"write", 12, -EPIPE, 0},
	};

	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		struct trace_operation *operation = &incident->history[incident->history_count++];

		operation->t_ns = incident->first_ns - operations[i].before_ns;
		operation->length = operations[i].length;
		operation->result = operations[i].result;
		strcpy(operation->call, operations[i].call);
	}
}

trace_ref builder_incident(struct builder *builder, trace_ref process, trace_ref socket, enum trace_kind kind)
{
	trace_ref ref = builder_record(builder, TRACE_INCIDENT, sizeof(struct trace_incident));
	struct trace_incident *incident = builder_at(builder, ref);

	incident->process = process;
	incident->socket = socket;
	incident->id = ++builder->next_incident_id;
	incident->kind = kind;
	incident->knowledge = TRACE_TOLD;
	incident->outcome = TRACE_REJECTED;
	incident->sigpipe = TRACE_SIGPIPE_RAISED;
	incident->error = EPIPE;
	incident->fd = 8;
	incident->tid = BUILDER_PID;
	strcpy(incident->thread_name, "worker");
	strcpy(incident->call, "write");
	incident->count = 1;
	incident->bytes_offered = 12;
	incident->first_ns = BUILDER_NOW_NS + 1500000000;
	incident->last_ns = incident->first_ns;
	incident->told_ns = incident->first_ns - 2400000;
	incident->disconnect_ns = incident->first_ns - 2600000;
	strcpy(incident->told_call, "read");
	add_history(incident);
	return ref;
}

void builder_write(struct builder *builder, const char *path)
{
	struct trace_header *header = header_of(builder);
	FILE *file = fopen(path, "we");

	if (!file)
		fail(path);
	header->log_end = builder->length;
	header->file_bytes = builder->length;
	if (fwrite(builder->bytes, 1, builder->length, file) != builder->length || fclose(file))
		fail(path);
}

char *builder_directory(void)
{
	char *directory = strdup("/tmp/socksan-test-XXXXXX");

	if (!directory || !mkdtemp(directory))
		fail("mkdtemp");
	return directory;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

void builder_remove(char *directory)
{
	nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(directory);
}

char *builder_path(const char *directory, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		fail("asprintf");
	return path;
}
