/* trace_file.c: see trace_file.h. */
#include "shim/trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "shim/config.h"
#include "shim/kernel.h"
#include "shim/line.h"
#include "shim/older_headers.h"
#include "shim/process.h"
#include "shim/trace_format.h"

#define SMALLEST_TRACE (64u << 10)
#define EAGER_TRACE (4u << 20) /* where blocks can only be reserved at once */
#define TRACE_FILE_MODE 0600 /* its owner's alone */
#define PATIENCE 100 /* interruptions of one call */

long trace_file_reserve(char *from, uint64_t bytes)
{
	long result = -EINTR;

	for (int i = 0; i < PATIENCE && (result == -EINTR || result == -EAGAIN); i++)
		result = kernel_call3(SYS_madvise, from, bytes, MADV_POPULATE_WRITE);
	return result;
}

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

/* Maps the file at the largest size that address space allows. Returns 0, or minus errno. */
static long map_file(long fd, uint64_t size, struct trace_file *file)
{
	long result = -ENOMEM;

	for (; size >= SMALLEST_TRACE; size = (size / 2) & ~(uint64_t)(TRACE_FILE_STEP - 1)) {
		result = kernel_call2(SYS_ftruncate, fd, size);
		if (result < 0)
			return result;
		result = kernel_call6(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (result != -ENOMEM)
			break;
	}
	if (result < 0 && result > -4096)
		return result;
	file->base = (char *)result;
	file->size = size;
	return 0;
}

/* Reserves the first blocks; where the kernel cannot reserve as we go, all of a smaller file at once. */
static long reserve_first(long fd, struct trace_file *file)
{
	long result = trace_file_reserve(file->base, TRACE_FILE_STEP);

	if (result != -EINVAL) {
		file->reserved = TRACE_FILE_STEP;
		return result == -EFAULT ? -ENOSPC : result;
	}
	if (file->size > EAGER_TRACE) {
		kernel_call2(SYS_munmap, file->base + EAGER_TRACE, file->size - EAGER_TRACE);
		file->size = EAGER_TRACE;
		kernel_call2(SYS_ftruncate, fd, file->size);
	}
	file->reserved = file->size;
	return kernel_call4(SYS_fallocate, fd, 0, 0, file->size);
}

long trace_file_make(struct trace_file *file, char *name, size_t size_of_name)
{
	uint64_t limit = allowed_size();
	long result;
	long fd;

	if (limit < SMALLEST_TRACE) {
		line_append(name, name + size_of_name - 1, "RLIMIT_FSIZE");
		return -EFBIG;
	}
	fd = create_file(name, size_of_name);
	if (fd < 0)
		return fd;
	result = map_file(fd, limit, file);
	if (result == 0) {
		result = reserve_first(fd, file);
		if (result < 0)
			kernel_call2(SYS_munmap, file->base, file->size);
	}
	kernel_call1(SYS_close, fd);
	if (result < 0) {
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
