/*
 * symbol_files.c: see symbol_files.h.
 *
 * The places are gdb's and elfutils': by build-id below /usr/lib/debug/.build-id, and by the name in .gnu_debuglink
 * (or, for what dwz took out, .gnu_debugaltlink) beside the file, in .debug beside it, and at the file's own path below
 * /usr/lib/debug.
 */
#include "analyzer/symbols/symbol_files.h"

#include <dlfcn.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "analyzer/base/limits.h"
#include "analyzer/base/regular_file.h"
#include "analyzer/base/text.h"

#define DEBUG_DIRECTORY "/usr/lib/debug"
#define MAX_ID_BYTES 64

/* --- debuginfod --------------------------------------------------------------------------------------------------- */

struct debuginfod_client;

/* The client library, where it is installed; what debuginfod.h declares. Zeros: not there, or no server is named. */
static struct {
	bool tried;
	struct debuginfod_client *client;
	int (*find_debuginfo)(struct debuginfod_client *, const unsigned char *, int, char **);
	int (*find_executable)(struct debuginfod_client *, const unsigned char *, int, char **);
} server;

static uint64_t deadline_ns;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The library calls this while it waits; anything but 0 ends that. */
static int is_late(struct debuginfod_client *client, long done, long all)
{
	(void)client;
	(void)done;
	(void)all;
	return now_ns() >= deadline_ns;
}

static void connect_server(void)
{
	struct debuginfod_client *(*begin)(void);
	void (*set_progress)(struct debuginfod_client *, int (*)(struct debuginfod_client *, long, long));
	const char *urls = getenv("DEBUGINFOD_URLS");
	void *library;

	if (server.tried)
		return;
	server.tried = true;
	library = urls && *urls ? dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL) : NULL;
	if (!library)
		return;
	*(void **)&begin = dlsym(library, "debuginfod_begin");
	*(void **)&set_progress = dlsym(library, "debuginfod_set_progressfn");
	*(void **)&server.find_debuginfo = dlsym(library, "debuginfod_find_debuginfo");
	*(void **)&server.find_executable = dlsym(library, "debuginfod_find_executable");
	if (!begin || !set_progress || !server.find_debuginfo || !server.find_executable)
		return;
	server.client = begin();
	if (server.client)
		set_progress(server.client, is_late);
}

/* Asks the servers for what has this build-id. */
static int ask_server(bool for_debuginfo, const unsigned char *id, int id_bytes, char **path)
{
	uint64_t begin = now_ns();
	uint64_t left = limits_left(LIMIT_DEBUGINFOD);
	int fd = -1;

	connect_server();
	if (!server.client || id_bytes <= 0)
		return -1;
	if (!left) {
		limits_spend(LIMIT_DEBUGINFOD, 1);
		return -1;
	}
	deadline_ns = begin + left;
	fd = (for_debuginfo ? server.find_debuginfo : server.find_executable)(server.client, id, id_bytes, path);
	limits_charge(LIMIT_DEBUGINFOD, now_ns() - begin);
	return fd < 0 ? -1 : fd;
}

/* --- Names -------------------------------------------------------------------------------------------------------- */

/* "DIRECTORY/.build-id/ab/cdef...SUFFIX"; NULL where the id is none that has a file. The caller frees it. */
static char *path_of_id(const unsigned char *id, int id_bytes, const char *suffix)
{
	static const char digits[] = "0123456789abcdef";
	char name[2 * MAX_ID_BYTES + 2];
	char *end = name;

	if (id_bytes < 3 || id_bytes > MAX_ID_BYTES)
		return NULL;
	for (int i = 0; i < id_bytes; i++) {
		*end++ = digits[id[i] >> 4];
		*end++ = digits[id[i] & 15];
		if (i == 0)
			*end++ = '/';
	}
	*end = '\0';
	return text_format(DEBUG_DIRECTORY "/.build-id/%s%s", name, suffix);
}

/*
 * What a file must be to hold the symbols of a module: the one with its build-id or, where there is none, with that
 * checksum.
 */
struct wanted {
	const unsigned char *id;
	int id_bytes; /* 0: none */
	uint32_t checksum;
};

static bool has_checksum(int fd, uint32_t checksum)
{
	unsigned char bytes[1 << 16];
	uLong sum = crc32(0, NULL, 0);
	ssize_t got;

	for (off_t at = 0; (got = pread(fd, bytes, sizeof(bytes), at)) > 0; at += got)
		sum = crc32(sum, bytes, (uInt)got);
	return got == 0 && sum == checksum;
}

static bool is_wanted(int fd, const struct wanted *wanted)
{
	const void *id;
	Elf *elf;
	bool found;

	if (wanted->id_bytes <= 0)
		return has_checksum(fd, wanted->checksum);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	found = elf && dwelf_elf_gnu_build_id(elf, &id) == wanted->id_bytes &&
		!memcmp(id, wanted->id, (size_t)wanted->id_bytes);
	elf_end(elf);
	return found;
}

/* Takes the path: opens what it names, and gives it out where it is wanted, else frees it. */
static int try_path(char *path, const struct wanted *wanted, char **found)
{
	struct stat status;
	int fd = path ? regular_file_open(path, 0, &status) : -1;

	if (fd >= 0 && is_wanted(fd, wanted)) {
		*found = path;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return -1;
}

/* Beside `file`, in .debug there, and below the debug directory. */
static int try_link(const char *file, const char *name, const struct wanted *wanted, char **found)
{
	int length = (int)(text_basename(file) - file);
	int fd;

	if (*name == '/')
		return try_path(text_copy(name), wanted, found);
	fd = try_path(text_format("%.*s%s", length, file, name), wanted, found);
	if (fd < 0)
		fd = try_path(text_format("%.*s.debug/%s", length, file, name), wanted, found);
	if (fd < 0 && *file == '/')
		fd = try_path(text_format(DEBUG_DIRECTORY "%.*s%s", length, file, name), wanted, found);
	return fd;
}

/* --- What libdwfl calls ------------------------------------------------------------------------------------------- */

static int find_elf(Dwfl_Module *module, void **context, const char *name, Dwarf_Addr base, char **path, Elf **elf)
{
	struct wanted wanted = {0};
	GElf_Addr address;
	int fd;

	(void)context;
	(void)name;
	(void)base;
	*elf = NULL;
	wanted.id_bytes = dwfl_module_build_id(module, &wanted.id, &address);
	if (wanted.id_bytes <= 0)
		return -1;
	fd = try_path(path_of_id(wanted.id, wanted.id_bytes, ""), &wanted, path);
	return fd < 0 ? ask_server(false, wanted.id, wanted.id_bytes, path) : fd;
}

/*
 * Whether this is a search for what dwz took out of the debugging information, which libdwfl begins when it has that.
 */
static bool is_alternate(Dwfl_Module *module, const char *link)
{
	GElf_Addr bias;
	GElf_Word checksum;
	Elf *elf = dwfl_module_getelf(module, &bias);
	const char *main_link = elf ? dwelf_elf_gnu_debuglink(elf, &checksum) : NULL;

	return link && *link && (!main_link || strcmp(link, main_link) != 0);
}

static int find_debuginfo(Dwfl_Module *module, void **context, const char *name, Dwarf_Addr base, const char *file,
	const char *link, GElf_Word checksum, char **path)
{
	struct wanted wanted = {.checksum = checksum};
	Dwarf_Addr bias;
	GElf_Addr address;
	const void *id;
	int fd;

	(void)context;
	(void)name;
	(void)base;
	if (is_alternate(module, link)) {
		ssize_t id_bytes = dwelf_dwarf_gnu_debugaltlink(dwfl_module_getdwarf(module, &bias), &name, &id);

		if (id_bytes <= 0 || id_bytes > MAX_ID_BYTES)
			return -1;
		wanted.id = id;
		wanted.id_bytes = (int)id_bytes;
	} else {
		wanted.id_bytes = dwfl_module_build_id(module, &wanted.id, &address);
	}
	fd = try_path(path_of_id(wanted.id, wanted.id_bytes, ".debug"), &wanted, path);
	if (fd < 0 && file && link && *link)
		fd = try_link(file, link, &wanted, path);
	return fd < 0 ? ask_server(true, wanted.id, wanted.id_bytes, path) : fd;
}

const Dwfl_Callbacks symbol_files_callbacks = {.find_elf = find_elf, .find_debuginfo = find_debuginfo};
