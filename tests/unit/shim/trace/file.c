/* file.c: the file the log goes to, its name and growth, and what is said where there can be none. */
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/unit/shim/fixture.h"

enum { TRACE_BYTES = 8 << 20 };

static void set_up(void)
{
	fixture_begin(TRACE_BYTES);
}

TestSuite(trace_file, .init = set_up, .fini = fixture_end);

/* ---- where it cannot be made ---- */

Test(trace_file, a_missing_directory_is_told_once)
{
	fixture_catch_stderr();
	fixture_set_log_path(fixture_path("missing/"));
	errno = 77;
	for (int i = 0; i < 100; i++)
		cr_expect_not(trace_log_open());
	cr_expect(errno == 77);
	cr_expect_null(trace_log_claim(TRACE_TEXT, 100));
	cr_expect(trace_log_process()->lost[TRACE_LOST_NO_TRACE] == 1);
	cr_expect(fixture_count_lines(fixture_said()) == 1, "%s", fixture_said());
	cr_expect_not_null(strstr(fixture_said(), "socksan: "));
	cr_expect_not_null(strstr(fixture_said(), "/missing/"));
	cr_expect_not_null(strstr(fixture_said(), "no such directory"));
}

Test(trace_file, a_directory_that_appears_later)
{
	const char *directory = fixture_path("missing");
	char name[200];
	bool done = false;

	fixture_catch_stderr();
	snprintf(name, sizeof(name), "%s/", directory);
	fixture_set_log_path(name);
	for (int i = 0; i < 100; i++)
		cr_expect_not(trace_log_open());
	cr_assert(mkdir(directory, 0700) == 0);
	for (int i = 0; i < 1100 && !done; i++)
		done = trace_log_open();
	cr_expect(done, "it is asked for now and then");
	snprintf(name, sizeof(name), "%s/%s.%d.0.trace", directory, process_names.comm, getpid());
	cr_expect(fixture_open_trace(name).size == TRACE_BYTES);
	unlink(name);
	rmdir(directory);
}

Test(trace_file, is_its_owners_alone_whatever_the_umask)
{
	const mode_t mask = 0777;
	struct stat status;

	umask(mask);
	cr_assert(trace_log_open());
	cr_assert(stat(fixture_trace_path(getpid(), 0), &status) == 0);
	cr_expect((status.st_mode & 07777) == 0600, "mode %o", status.st_mode);
	cr_expect(umask(mask) == mask, "the umask is the program's");
}

Test(trace_file, with_a_roster_it_is_told_there)
{
	struct trace_roster_entry entry = {0};
	FILE *roster;

	fixture_catch_stderr();
	fixture_set_log_path(fixture_path("missing/"));
	snprintf(config.roster, sizeof(config.roster), "%s", fixture_path("roster"));
	close(open(config.roster, O_CREAT | O_WRONLY, 0600));
	for (int i = 0; i < 20; i++)
		trace_log_open();
	roster = fopen(config.roster, "r");
	cr_assert(fread(&entry, sizeof(entry), 1, roster) == 1);
	cr_expect(entry.magic == TRACE_ROSTER_MAGIC && entry.type == TRACE_ROSTER_NO_TRACE && entry.pid == getpid());
	cr_expect_not_null(strstr(entry.path, "/missing/"));
	cr_expect_not_null(strstr(entry.path, "errno 2"));
	cr_expect(fread(&entry, 1, 1, roster) == 0, "once");
	cr_expect_str_empty(fixture_said());
}

Test(trace_file, no_descriptor_left)
{
	fixture_catch_stderr();
	cr_assert(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, 1024}) == 0);
	cr_expect_not(trace_log_open());
	cr_assert(setrlimit(RLIMIT_NOFILE, &(struct rlimit){1024, 1024}) == 0);
	cr_expect_not_null(strstr(fixture_said(), "no descriptor left"));
	cr_expect(trace_log_open());
	cr_expect(fixture_count_lines(fixture_said()) == 1);
}

Test(trace_file, names_are_told_without_control_characters)
{
	fixture_catch_stderr();
	fixture_set_log_path("/nonexistent/\033[31m\n/x/");
	trace_log_open();
	cr_expect_not_null(strstr(fixture_said(), "/nonexistent/?[31m?/x/"), "%s", fixture_said());
	cr_expect(fixture_count_lines(fixture_said()) == 1);
}

Test(trace_file, a_socket_is_not_told)
{
	int fds[2];
	char byte;

	cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	dup2(fds[0], 2);
	fixture_set_log_path("/nonexistent/x/");
	cr_expect_not(trace_log_open());
	cr_expect(read(fds[1], &byte, 1) < 0 && errno == EAGAIN, "its other end would take it for the program's");
}

Test(trace_file, names_that_are_very_long)
{
	char path[CONFIG_PATH_MAX];

	fixture_catch_stderr();
	memset(path, 'd', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	fixture_set_log_path(path);
	cr_expect_not(trace_log_open());
	cr_expect(fixture_count_lines(fixture_said()) == 1);
}

/* ---- whose file ---- */

static void put(const char *path, const char *text)
{
	FILE *stream = fopen(path, "w");

	cr_assert_not_null(stream);
	fputs(text, stream);
	fclose(stream);
}

static void expect_text(const char *path, const char *wanted)
{
	char text[64] = "";
	FILE *stream = fopen(path, "r");

	cr_assert_not_null(stream);
	text[fread(text, 1, sizeof(text) - 1, stream)] = '\0';
	fclose(stream);
	cr_expect_str_eq(text, wanted);
}

Test(trace_file, nothing_is_overwritten)
{
	const char *first = fixture_own_trace(), *second = fixture_trace_path(getpid(), 1);

	put(first, "another image of this pid");
	cr_assert(mkdir(second, 0700) == 0);
	cr_assert(trace_log_open());
	expect_text(first, "another image of this pid");
	cr_expect(fixture_process_of(fixture_trace_path(getpid(), 2))->pid == getpid());
	rmdir(second);
}

Test(trace_file, a_link_is_not_followed)
{
	const char *first = fixture_own_trace(), *second = fixture_trace_path(getpid(), 1);

	put(fixture_path("victim"), "precious");
	cr_assert(symlink(fixture_path("victim"), first) == 0);
	cr_assert(symlink(fixture_path("not there yet"), second) == 0);
	cr_assert(trace_log_open());
	expect_text(fixture_path("victim"), "precious");
	cr_expect(access(fixture_path("not there yet"), F_OK) < 0);
	cr_expect(fixture_process_of(fixture_trace_path(getpid(), 2))->pid == getpid());
}

Test(trace_file, a_prefix_that_is_no_directory)
{
	char name[200];

	fixture_set_log_path(fixture_path("run-7."));
	cr_assert(trace_log_open());
	snprintf(name, sizeof(name), "run-7.%s.%d.0.trace", process_names.comm, getpid());
	cr_expect(fixture_process_of(fixture_path(name))->pid == getpid());
}

Test(trace_file, names_of_programs_are_made_safe)
{
	char name[200];

	memcpy(process_names.comm, "a b/../\033c", sizeof("a b/../\033c"));
	cr_assert(trace_log_open());
	snprintf(name, sizeof(name), "a_b_____c.%d.0.trace", getpid());
	cr_expect(fixture_process_of(fixture_path(name))->pid == getpid());
}

/* ---- growth ---- */

/* Bytes of the trace that are mapped. */
static size_t mapped_bytes(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	char line[600];
	size_t sum = 0;

	while (fgets(line, sizeof(line), maps))
		if (strstr(line, ".trace") && sscanf(line, "%lx-%lx", &from, &to) == 2)
			sum += to - from;
	fclose(maps);
	return sum;
}

Test(trace_file, is_mapped_as_it_grows)
{
	enum { TEXTS = 1000 };
	static struct trace_text *texts[TEXTS];

	cr_assert(trace_log_open());
	cr_expect(mapped_bytes() == TRACE_FILE_STEP);
	for (int i = 0; i < TEXTS; i++) {
		texts[i] = trace_log_claim(TRACE_TEXT, 1000);
		cr_assert_not_null(texts[i]);
		texts[i]->length = (uint32_t)i;
		cr_assert(trace_log_at(trace_log_commit(texts[i])) == texts[i]);
		cr_assert((uintptr_t)trace_log_ref(texts[i]) % TRACE_FILE_STEP <= TRACE_FILE_STEP - 1000,
			"crosses no step");
	}
	cr_expect(mapped_bytes() == TRACE_FILE_STEP * (trace_log_ref(texts[TEXTS - 1]) / TRACE_FILE_STEP + 1));
	for (int i = 0; i < TEXTS; i++)
		cr_assert(texts[i]->length == (uint32_t)i &&
			  trace_log_find(trace_log_ref(texts[i]), TRACE_TEXT, 1000) == texts[i]);
	cr_expect(fixture_count(fixture_own_trace(), TRACE_TEXT, TRACE_COMMITTED) == TEXTS);
	cr_expect(fixture_losses(trace_log_process()) == 0);
}

/* No room in address space: counted, and there again later. */
Test(trace_file, no_room_to_map_is_counted)
{
	struct rlimit before, none = {0, RLIM_INFINITY};

	cr_assert(trace_log_open());
	cr_assert(getrlimit(RLIMIT_AS, &before) == 0);
	none.rlim_max = before.rlim_max;
	cr_assert(setrlimit(RLIMIT_AS, &none) == 0);
	cr_expect(fixture_fill(1000) < 66);
	cr_assert(setrlimit(RLIMIT_AS, &before) == 0);
	cr_expect(trace_log_process()->lost[TRACE_LOST_NO_MEMORY] == 1);
	cr_expect(trace_log_process()->lost[TRACE_LOST_NO_SPACE] == 0);
	cr_expect_not_null(trace_log_claim(TRACE_TEXT, 1000));
}

/* Larger traces grow by larger steps, of which there are never too many. */
Test(trace_file, a_very_large_one)
{
	struct trace_file file;
	char name[600];

	config.max_trace = 4095ull << 20;
	cr_assert(trace_file_make(&file, name, sizeof(name)) == 0);
	cr_expect(file.size == config.max_trace && file.segment_bytes == 4 << 20);
	cr_expect(trace_file_reserve(&file, (9 << 20) + 5) == 0);
	cr_expect(file.reserved == (9 << 20) + TRACE_FILE_STEP);
	memcpy(trace_file_at(&file, 9 << 20), "here", 4);
	cr_expect(trace_file_offset(&file, trace_file_at(&file, 9 << 20)) == 9 << 20);
	cr_expect(trace_file_offset(&file, name) == 0 && !trace_file_holds(&file, name));
	cr_expect(trace_file_holds(&file, file.segments[0]) && trace_file_holds(&file, file.segments[2] + 100));
	cr_expect(trace_file_segment_end(&file, 9 << 20) == 12 << 20);
	cr_expect(mapped_bytes() == 12 << 20);
	unlink(name);
}
