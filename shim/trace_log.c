/*
 * trace_log.c: claim, commit, reserve, create.
 *
 * The claim is the heart: the first word of free space is 0, and becomes {size, type, CLAIMED} by one compare and swap. Who
 * loses the race has read the winner's size and tries behind it. So the log never has a hole, and a thread that is killed
 * or interrupted between claim and commit holds nobody up.
 */
#include "shim/trace_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "shim/config.h"
#include "shim/kernel.h"
#include "shim/process.h"
#include "shim/roster.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define RESERVE_BYTES (64u << 10)
#define SMALLEST_TRACE (64u << 10)
#define EAGER_TRACE (4u << 20) /* where blocks can only be reserved at once */
#define PATIENCE 100 /* interruptions of one call */
#define ATTEMPTS 16 /* after that only now and then */

enum log_state { LOG_NONE, LOG_OPENING, LOG_OPEN };

struct log {
	uint32_t state;
	uint32_t attempts;
	int32_t opener; /* the thread that makes it */
	char *base;
	uint64_t size;
	uint64_t cursor; /* the log is full of records up to here at least */
	uint64_t reserved; /* blocks stand behind the file up to here */
	struct trace_process *process;
	char *inherited; /* the parent's mapping */
	uint64_t inherited_size;
	uint64_t inherited_reserved;
	bool told; /* said already why there is no trace */
};

static struct log the_log;
static struct trace_process unrecorded; /* counts until there is a process record */

struct trace_process *trace_log_process(void)
{
	struct trace_process *process = __atomic_load_n(&the_log.process, __ATOMIC_ACQUIRE);

	return process ? process : &unrecorded;
}

void trace_log_lost(enum trace_loss why)
{
	__atomic_fetch_add(&trace_log_process()->lost[why], 1, __ATOMIC_RELAXED);
}

bool trace_log_is_open(void)
{
	return __atomic_load_n(&the_log.state, __ATOMIC_ACQUIRE) == LOG_OPEN;
}

uint32_t trace_log_fill(void)
{
	return the_log.size ? (uint32_t)(__atomic_load_n(&the_log.cursor, __ATOMIC_RELAXED) * 256 / the_log.size) : 0;
}

static long populate(char *from, uint64_t bytes)
{
	long result = -EINTR;

	for (int i = 0; i < PATIENCE && (result == -EINTR || result == -EAGAIN); i++)
		result = kernel_call3(SYS_madvise, from, bytes, MADV_POPULATE_WRITE);
	return result;
}

/* Makes sure that blocks stand behind the file up to `end`. Several threads may do the same; that is harmless. */
static bool reserve(uint64_t end)
{
	uint64_t from = __atomic_load_n(&the_log.reserved, __ATOMIC_ACQUIRE);

	while (end > from) {
		uint64_t to = from + RESERVE_BYTES < the_log.size ? from + RESERVE_BYTES : the_log.size;

		if (populate(the_log.base + from, to - from) < 0) {
			trace_log_lost(TRACE_LOST_NO_SPACE);
			return false;
		}
		if (__atomic_compare_exchange_n(
			    &the_log.reserved, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			from = to;
	}
	return true;
}

/* Moves a mark forward, never back. */
static void advance(uint64_t *mark, uint64_t to)
{
	uint64_t seen = __atomic_load_n(mark, __ATOMIC_RELAXED);

	while (seen < to && !__atomic_compare_exchange_n(mark, &seen, to, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

static void *claim(enum trace_type type, uint32_t size)
{
	union {
		struct trace_record record;
		uint64_t word;
	} mine = {.record = {.size = size, .type = (uint16_t)type, .state = TRACE_CLAIMED}}, seen;
	uint64_t at = __atomic_load_n(&the_log.cursor, __ATOMIC_ACQUIRE);

	for (;;) {
		if (at + size > the_log.size) {
			trace_log_lost(TRACE_LOST_LOG_FULL);
			return NULL;
		}
		if (!reserve(at + size))
			return NULL;
		seen.word = 0;
		if (__atomic_compare_exchange_n((uint64_t *)(void *)(the_log.base + at), &seen.word, mine.word, false,
			    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
			advance(&the_log.cursor, at + size);
			advance(&((struct trace_header *)(void *)the_log.base)->log_end, at + size);
			return the_log.base + at;
		}
		at += seen.record.size;
	}
}

void *trace_log_claim(enum trace_type type, uint32_t size)
{
	if (!trace_log_is_open()) {
		trace_log_lost(TRACE_LOST_NO_TRACE);
		return NULL;
	}
	return claim(type, (size + 7) & ~7u);
}

void trace_log_reserve(uint64_t bytes)
{
	uint64_t end = __atomic_load_n(&the_log.cursor, __ATOMIC_RELAXED) + bytes;

	if (trace_log_is_open())
		reserve(end < the_log.size ? end : the_log.size);
}

trace_ref trace_log_commit(void *record)
{
	__atomic_store_n(&((struct trace_record *)record)->state, TRACE_COMMITTED, __ATOMIC_RELEASE);
	return trace_log_ref(record);
}

void trace_log_void(void *record)
{
	__atomic_store_n(&((struct trace_record *)record)->state, TRACE_VOID, __ATOMIC_RELEASE);
}

void *trace_log_at(trace_ref ref)
{
	return ref ? the_log.base + ref : NULL;
}

trace_ref trace_log_ref(const void *record)
{
	uint64_t at = record ? (uint64_t)((const char *)record - the_log.base) : 0;

	return at < the_log.size ? (trace_ref)at : 0;
}

void *trace_log_find(trace_ref ref, enum trace_type type, uint32_t size)
{
	uint64_t end = __atomic_load_n(&the_log.cursor, __ATOMIC_ACQUIRE);
	struct trace_record *record;

	if (!trace_log_is_open() || ref < TRACE_HEADER_BYTES || ref % 8 || ref + (uint64_t)size > end)
		return NULL;
	record = trace_log_at(ref);
	return record->type == type && record->size >= size && record->state == TRACE_COMMITTED ? record : NULL;
}

trace_ref trace_log_text(enum trace_text_kind kind, const char *text, uint32_t length)
{
	struct trace_text *record = trace_log_claim(TRACE_TEXT, (uint32_t)sizeof(*record) + length);

	if (!record)
		return 0;
	record->kind = kind;
	record->length = length;
	memcpy(record->text, text, length);
	return trace_log_commit(record);
}

/* ---- creation ---- */

static char *append_text(char *at, char *end, const char *text)
{
	while (*text && at < end)
		*at++ = *text++;
	*at = '\0';
	return at;
}

/* Appends a name made safe for a file name. */
static char *append_name(char *at, char *end, const char *text)
{
	for (; *text && at < end; text++)
		*at++ = (*text >= '0' && *text <= '9') || (*text >= 'A' && *text <= 'Z') ||
					(*text >= 'a' && *text <= 'z') || *text == '-' || *text == '_'
				? *text
				: '_';
	*at = '\0';
	return at;
}

static char *append_number(char *at, char *end, unsigned long value)
{
	char digits[24];
	char *digit = digits + sizeof(digits) - 1;

	*digit = '\0';
	do
		*--digit = (char)('0' + value % 10);
	while (value /= 10);
	return append_text(at, end, digit);
}

/* PREFIX EXE.PID.N.trace; N tells apart the images that one pid became by exec. */
static void make_name(char *name, size_t size, unsigned n)
{
	char *end = name + size - 1;
	char *at = append_text(name, end, config.log_path);

	at = append_name(at, end, process_names.comm);
	at = append_text(at, end, ".");
	at = append_number(at, end, (unsigned long)process_page->pid);
	at = append_text(at, end, ".");
	at = append_number(at, end, n);
	append_text(at, end, TRACE_SUFFIX);
}

void trace_log_say(const char *text, const char *detail, long error)
{
	char line[CONFIG_PATH_MAX + 256];
	char *end = line + sizeof(line) - 2;
	char *at = append_text(line, end, "socksan: ");
	struct stat status;

	if (fstat(2, &status) < 0 || S_ISSOCK(status.st_mode))
		return;
	at = append_text(at, end, text);
	for (; detail && *detail && at < end; detail++)
		*at++ = (unsigned char)*detail < ' ' || *detail == 127 ? '?' : *detail;
	if (error) {
		at = append_text(at, end, ": error ");
		at = append_number(at, end, (unsigned long)error);
		at = append_text(at, end,
			error == ENOENT   ? " (no such directory)"
			: error == EACCES ? " (permission denied)"
			: error == EROFS  ? " (read-only)"
			: error == ENOSPC ? " (no space left)"
			: error == EMFILE ? " (no descriptor left)"
					  : "");
	}
	*at++ = '\n';
	kernel_call3(SYS_write, 2, line, at - line);
}

/* Why there is no trace: once to the roster, and where there is no roster to standard error. */
static void tell_no_trace(const char *name, long error)
{
	int saved = errno;
	char text[232] = "";

	if (the_log.told)
		return;
	the_log.told = true;
	append_number(append_text(append_text(text, text + 200, name), text + 210, ": errno "), text + 230,
		(unsigned long)error);
	roster_add(TRACE_ROSTER_NO_TRACE, 0, text);
	if (!config.roster[0])
		trace_log_say("this process is not recorded, its trace cannot be made: ", name, error);
	errno = saved;
}

static long create_file(char *name, size_t size)
{
	long fd = -EEXIST;

	for (unsigned n = 0; (fd == -EEXIST || fd == -EINTR) && n < 10000; n++) {
		make_name(name, size, n);
		fd = kernel_call4(SYS_openat, AT_FDCWD, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	return fd;
}

/* The size that options and limits allow. A write beyond RLIMIT_FSIZE would raise SIGXFSZ in the program. */
static uint64_t allowed_size(void)
{
	struct rlimit limit;
	uint64_t size = config.max_trace;

	if (kernel_call4(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) == 0 && limit.rlim_cur < size)
		size = limit.rlim_cur;
	return size & ~(uint64_t)(RESERVE_BYTES - 1);
}

/* Maps the file at the largest size that address space allows. Returns the size, or minus errno. */
static long map_file(long fd, uint64_t size, char **base)
{
	long result = -ENOMEM;

	for (; size >= SMALLEST_TRACE; size = (size / 2) & ~(uint64_t)(RESERVE_BYTES - 1)) {
		result = kernel_call2(SYS_ftruncate, fd, size);
		if (result < 0)
			return result;
		result = kernel_call6(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (result != -ENOMEM)
			break;
	}
	if (result < 0 && result > -4096)
		return result;
	*base = (char *)result;
	return (long)size;
}

/* Reserves the first blocks; where the kernel cannot reserve as we go, all of a smaller file at once. */
static long reserve_first(long fd, char *base, uint64_t *size)
{
	long result = populate(base, RESERVE_BYTES);

	if (result != -EINVAL) {
		the_log.reserved = RESERVE_BYTES;
		return result == -EFAULT ? -ENOSPC : result;
	}
	if (*size > EAGER_TRACE) {
		kernel_call2(SYS_munmap, base + EAGER_TRACE, *size - EAGER_TRACE);
		*size = EAGER_TRACE;
		kernel_call2(SYS_ftruncate, fd, *size);
	}
	the_log.reserved = *size;
	return kernel_call4(SYS_fallocate, fd, 0, 0, *size);
}

static void write_header(char *base, uint64_t size)
{
	struct trace_header *header = (struct trace_header *)(void *)base;
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	header->version = TRACE_VERSION;
	header->byte_order = TRACE_BYTE_ORDER;
	header->header_bytes = TRACE_HEADER_BYTES;
	header->file_bytes = size;
	header->log_end = TRACE_HEADER_BYTES;
	header->created_ns = kernel_now_ns();
	header->created_wall_ns = (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec;
	strncpy(header->writer, SOCKSAN_VERSION, sizeof(header->writer) - 1);
	memcpy(header->magic, TRACE_MAGIC, sizeof(header->magic));
}

/* Appends the process record; with it the losses counted so far. */
static bool write_process(uint32_t coverage)
{
	struct trace_process *process = claim(TRACE_PROCESS, sizeof(*process));

	if (!process)
		return false;
	process->pid = process_page->pid;
	process->ppid = (int32_t)kernel_call0(SYS_getppid);
	process->started_ns = process_names.started_ns;
	process->coverage = coverage | unrecorded.coverage | (kernel_forbidden ? TRACE_SECCOMP : 0);
	process->sockets_seen = unrecorded.sockets_seen;
	memcpy(process->lost, unrecorded.lost, sizeof(process->lost));
	memset(&unrecorded, 0, sizeof(unrecorded));
	memcpy(process->comm, process_names.comm, sizeof(process->comm));
	memcpy(process->exe, process_names.exe, sizeof(process->exe));
	process->argv_length = process_names.argv_length;
	memcpy(process->argv, process_names.argv, process_names.argv_length);
	trace_log_commit(process);
	__atomic_store_n(&the_log.process, process, __ATOMIC_RELEASE);
	return true;
}

/* RLIMIT_FSIZE allows no more, the roster included. Its presence says that there was a process of which nothing is recorded. */
static void leave_empty_file(char *name, size_t size_of_name)
{
	long fd = the_log.inherited || the_log.told ? -EEXIST : create_file(name, size_of_name);

	if (fd >= 0)
		kernel_call1(SYS_close, fd);
}

/* Returns 0, or minus errno, with the name that could not be made in `name`. */
static long open_own(char *name, size_t size_of_name)
{
	uint64_t limit = allowed_size();
	char *base = NULL;
	long fd;
	long size;

	if (limit < SMALLEST_TRACE) {
		leave_empty_file(name, size_of_name);
		append_text(name, name + size_of_name - 1, "RLIMIT_FSIZE");
		return -EFBIG;
	}
	fd = create_file(name, size_of_name);
	if (fd < 0)
		return fd;
	size = map_file(fd, limit, &base);
	if (size > 0) {
		uint64_t fitting = (uint64_t)size;
		long result = reserve_first(fd, base, &fitting);

		if (result < 0) {
			kernel_call2(SYS_munmap, base, fitting);
			size = result;
		} else {
			size = (long)fitting;
		}
	}
	kernel_call1(SYS_close, fd);
	if (size < 0) {
		kernel_call3(SYS_unlinkat, AT_FDCWD, name, 0);
		return size;
	}
	the_log.base = base;
	the_log.size = (uint64_t)size;
	the_log.cursor = TRACE_HEADER_BYTES;
	write_header(base, the_log.size);
	if (config.verbosity > 0)
		trace_log_say("trace: ", name, 0);
	return write_process(0) ? 0 : -ENOSPC;
}

static bool open_inherited(void)
{
	if (!the_log.inherited)
		return false;
	the_log.base = the_log.inherited;
	the_log.size = the_log.inherited_size;
	the_log.reserved = the_log.inherited_reserved;
	the_log.cursor = TRACE_HEADER_BYTES;
	return write_process(TRACE_SHARED_FILE);
}

/*
 * Waits while another thread makes the trace: it may have to wait for a processor, but for nothing that we hold. Not where it is
 * this very thread, which a signal handler has interrupted to come here. Gives up after some hundred milliseconds.
 */
static bool wait_for_opener(void)
{
	struct timespec pause = {0, 50000};

	if (__atomic_load_n(&the_log.opener, __ATOMIC_RELAXED) == process_thread_id())
		return false;
	for (int i = 0; i < 5000 && __atomic_load_n(&the_log.state, __ATOMIC_ACQUIRE) == LOG_OPENING; i++)
		kernel_call2(SYS_nanosleep, &pause, NULL);
	return trace_log_is_open();
}

bool trace_log_open(void)
{
	char name[CONFIG_PATH_MAX + 64];
	uint32_t none = LOG_NONE;
	long error;
	bool done;

	if (trace_log_is_open())
		return true;
	if (the_log.attempts >= ATTEMPTS && (++the_log.attempts & 1023) != 0)
		return false;
	if (!__atomic_compare_exchange_n(&the_log.state, &none, LOG_OPENING, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return none == LOG_OPEN || wait_for_opener();
	__atomic_store_n(&the_log.opener, process_thread_id(), __ATOMIC_RELAXED);
	the_log.attempts++;
	error = open_own(name, sizeof(name));
	done = error == 0 || open_inherited();
	if (!done)
		tell_no_trace(name, -error);
	__atomic_store_n(&the_log.state, done ? LOG_OPEN : LOG_NONE, __ATOMIC_RELEASE);
	return done;
}

void trace_log_forked(void)
{
	if (the_log.base) {
		the_log.inherited = the_log.base;
		the_log.inherited_size = the_log.size;
		the_log.inherited_reserved = the_log.reserved;
	}
	the_log.base = NULL;
	the_log.size = 0;
	the_log.cursor = 0;
	the_log.reserved = 0;
	the_log.attempts = 0;
	the_log.process = NULL;
	the_log.told = false;
	memset(&unrecorded, 0, sizeof(unrecorded));
	__atomic_store_n(&the_log.state, LOG_NONE, __ATOMIC_RELEASE);
}
