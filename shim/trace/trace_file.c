/* trace_file.c: see trace_file.h. */
#include "shim/trace/trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "shim/base/config.h"
#include "shim/base/kernel.h"
#include "shim/base/line.h"
#include "shim/base/older_headers.h"
#include "shim/base/pages.h"
#include "shim/base/process.h"
#include "shim/trace_format.h"

#define SMALLEST_TRACE (64u << 10)
#define EAGER_TRACE (4u << 20) /* where blocks can only be reserved at once */
#define TRACE_FILE_MODE 0600 /* its owner's alone */
#define PATIENCE 100 /* interruptions of one call */

/* PREFIX EXE.PID.N.trace; N tells apart the images that one pid became by exec. */
static void make_name(char *name, size_t size, unsigned n)
{
	char *end = name + size - 1;
	char *at = line_append(name, end, config.log_path);

	at = line_append_name(at, end, process_names.comm);
	at = line_append(at, end, ".");
	at = line_append_number(at, end, (unsigned long)process_page->pid);
	at = line_append(at, end, ".");
	at = line_append_number(at, end, n);
	line_append(at, end, TRACE_SUFFIX);
}

static long create_file(char *name, size_t size)
{
	long fd = -EEXIST;

	for (unsigned n = 0; (fd == -EEXIST || fd == -EINTR) && n < 10000; n++) {
		make_name(name, size, n);
		fd = kernel_call4(SYS_openat, AT_FDCWD, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			TRACE_FILE_MODE);
	}
	/* The program's umask has taken bits away, and it may be any. Never set it: it is the whole process's. */
	if (fd >= 0)
		kernel_call2(SYS_fchmod, fd, TRACE_FILE_MODE);
	return fd;
}

/* The size that options and limits allow. A write beyond RLIMIT_FSIZE would raise SIGXFSZ in the program. */
static uint64_t allowed_size(void)
{
	struct rlimit limit;
	uint64_t size = config.max_trace;

	if (kernel_call4(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) == 0 && limit.rlim_cur < size)
		size = limit.rlim_cur;
	return size & ~(uint64_t)(TRACE_FILE_STEP - 1);
}

/* ---- mappings ---- */

static uint64_t bytes_of_segment(const struct trace_file *file, uint64_t i)
{
	uint64_t left = file->size - i * file->segment_bytes;

	return left < file->segment_bytes ? left : file->segment_bytes;
}

/* The last step of `segment` is mapped once more, with what comes after it; the copy of that step goes again. */
static long map_behind(const char *segment, uint32_t segment_bytes, uint64_t bytes)
{
	const char *last = segment + segment_bytes - TRACE_FILE_STEP;
	long result = kernel_call4(SYS_mremap, last, 0, TRACE_FILE_STEP + bytes, MREMAP_MAYMOVE);

	if (result < 0)
		return result;
	kernel_call2(SYS_munmap, result, TRACE_FILE_STEP);
	return result + TRACE_FILE_STEP;
}

/* Maps the segment that begins at `offset`; the one before it is mapped. */
static long map_segment(struct trace_file *file, uint64_t offset)
{
	uint64_t i = offset / file->segment_bytes;
	uint64_t bytes = bytes_of_segment(file, i);
	char *none = NULL;
	long result;

	if (__atomic_load_n(&file->segments[i], __ATOMIC_ACQUIRE))
		return 0;
	result = map_behind(trace_file_at(file, offset - file->segment_bytes), file->segment_bytes, bytes);
	if (result < 0)
		return result;
	if (__atomic_compare_exchange_n(
		    &file->segments[i], &none, (char *)result, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		pages_adopt((void *)result, bytes);
	else
		kernel_call2(SYS_munmap, result, bytes);
	return 0;
}

static long reserve_blocks(const struct trace_file *file, uint64_t from, uint64_t bytes)
{
	long result = -EINTR;

	for (int i = 0; i < PATIENCE && (result == -EINTR || result == -EAGAIN); i++)
		result = kernel_call3(SYS_madvise, trace_file_at(file, from), bytes, MADV_POPULATE_WRITE);
	return result;
}

long trace_file_reserve(struct trace_file *file, uint64_t end)
{
	uint64_t from = __atomic_load_n(&file->reserved, __ATOMIC_ACQUIRE);

	while (end > from) {
		uint64_t to = from + TRACE_FILE_STEP < file->size ? from + TRACE_FILE_STEP : file->size;
		long result = map_segment(file, from);

		if (result == 0 && !file->is_backed)
			result = reserve_blocks(file, from, to - from);
		if (result < 0)
			return result;
		if (__atomic_compare_exchange_n(&file->reserved, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			from = to;
	}
	return 0;
}

bool trace_file_is_cut(const struct trace_file *file)
{
	uint64_t reserved = __atomic_load_n(&file->reserved, __ATOMIC_ACQUIRE);

	return reserve_blocks(file, reserved - TRACE_FILE_STEP, TRACE_FILE_STEP) == -EFAULT;
}

uint64_t trace_file_offset(const struct trace_file *file, const void *address)
{
	for (uint32_t i = 0; i < TRACE_FILE_SEGMENTS; i++) {
		const char *segment = __atomic_load_n(&file->segments[i], __ATOMIC_ACQUIRE);

		if (!segment)
			break;
		if ((uintptr_t)address - (uintptr_t)segment < file->segment_bytes)
			return (uint64_t)i * file->segment_bytes + ((uintptr_t)address - (uintptr_t)segment);
	}
	return 0;
}

bool trace_file_holds(const struct trace_file *file, const void *address)
{
	return file->size && (trace_file_offset(file, address) || address == trace_file_at(file, 0));
}

/* ---- the beginning ---- */

static long map_from_file(long fd, uint64_t bytes)
{
	return kernel_call6(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

/* Whether what is mapped can be mapped once more by its address alone: not by every emulator. */
static bool can_grow(const struct trace_file *file)
{
	long result = kernel_call4(SYS_mremap, file->segments[0], 0, TRACE_FILE_STEP, MREMAP_MAYMOVE);

	if (result >= 0)
		kernel_call2(SYS_munmap, result, TRACE_FILE_STEP);
	return result >= 0;
}

/* Maps all of the file at once, or as much of it as address space allows: the largest of its halves. */
static long map_whole(long fd, struct trace_file *file)
{
	long result = -ENOMEM;

	kernel_call2(SYS_munmap, file->segments[0], bytes_of_segment(file, 0));
	file->segments[0] = NULL;
	for (; file->size >= SMALLEST_TRACE; file->size = (file->size / 2) & ~(uint64_t)(TRACE_FILE_STEP - 1)) {
		result = map_from_file(fd, file->size);
		if (result != -ENOMEM)
			break;
	}
	if (result < 0)
		return result;
	for (uint64_t at = 0; at < file->size; at += file->segment_bytes)
		file->segments[at / file->segment_bytes] = (char *)result + at;
	pages_adopt((void *)result, file->size);
	return kernel_call2(SYS_ftruncate, fd, file->size);
}

/* Returns 0, or minus errno. */
static long map_file(long fd, uint64_t size, struct trace_file *file)
{
	long result = kernel_call2(SYS_ftruncate, fd, size);

	file->size = size;
	for (file->segment_bytes = TRACE_FILE_STEP; file->segment_bytes < size / TRACE_FILE_SEGMENTS;)
		file->segment_bytes *= 2;
	if (result == 0)
		result = map_from_file(fd, bytes_of_segment(file, 0));
	if (result < 0)
		return result;
	file->segments[0] = (char *)result;
	if (file->size > file->segment_bytes && !can_grow(file))
		return map_whole(fd, file);
	pages_adopt(file->segments[0], bytes_of_segment(file, 0));
	return 0;
}

/* Reserves the first blocks; where the kernel cannot reserve as we go, all of a smaller file at once. */
static long reserve_first(long fd, struct trace_file *file)
{
	long result = reserve_blocks(file, 0, TRACE_FILE_STEP);

	file->reserved = TRACE_FILE_STEP;
	if (result != -EINVAL)
		return result == -EFAULT ? -ENOSPC : result;
	if (file->size > EAGER_TRACE) {
		file->size = EAGER_TRACE;
		kernel_call2(SYS_ftruncate, fd, file->size);
	}
	file->is_backed = true;
	return kernel_call4(SYS_fallocate, fd, 0, 0, file->size);
}

static void unmap(struct trace_file *file)
{
	for (uint32_t i = 0; i < TRACE_FILE_SEGMENTS && file->segments[i]; i++)
		pages_unmap(file->segments[i], bytes_of_segment(file, i));
}

long trace_file_make(struct trace_file *file, char *name, size_t size_of_name)
{
	uint64_t limit = allowed_size();
	long result;
	long fd;

	memset(file, 0, sizeof(*file));
	if (limit < SMALLEST_TRACE) {
		line_append(name, name + size_of_name - 1, "RLIMIT_FSIZE");
		return -EFBIG;
	}
	fd = create_file(name, size_of_name);
	if (fd < 0)
		return fd;
	result = map_file(fd, limit, file);
	if (result == 0)
		result = reserve_first(fd, file);
	kernel_call1(SYS_close, fd);
	if (result < 0) {
		unmap(file);
		memset(file, 0, sizeof(*file));
		kernel_call3(SYS_unlinkat, AT_FDCWD, name, 0);
		return result;
	}
	if (config.verbosity > 0)
		line_say("trace: ", name, 0);
	return 0;
}

void trace_file_leave_empty(void)
{
	char name[CONFIG_PATH_MAX + 64];
	long fd = create_file(name, sizeof(name));

	if (fd >= 0)
		kernel_call1(SYS_close, fd);
}
