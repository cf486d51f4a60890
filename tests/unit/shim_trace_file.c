/* shim_trace_file.c: whose file the log goes to, under which name, and what is said where there can be none. */
#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/unit/shim_fixture.h"

enum { TRACE_BYTES = 8 << 20 };

static void set_up(void)
{
	fixture_begin(TRACE_BYTES);
}

TestSuite(shim_trace_file, .init = set_up, .fini = fixture_end);

static const char *own_trace(void)
{
	return fixture_trace_path(getpid(), 0);
}

static const struct trace_process *process_of(const char *path)
{
	struct fixture_trace trace = fixture_open_trace(path);
	const struct trace_record *record = fixture_next(&trace);

	cr_assert_not_null(record);
	cr_assert(record->type == TRACE_PROCESS && record->state == TRACE_COMMITTED);
	return (const void *)record;
}

/* ---- where it cannot be made ---- */

static void set_log_path(const char *path)
{
	snprintf(config.log_path, sizeof(config.log_path), "%s", path);
}

Test(shim_trace_file, a_missing_directory_is_told_once)
{
	fixture_catch_stderr();
	set_log_path(fixture_path("missing/"));
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

Test(shim_trace_file, a_directory_that_appears_later)
{
	const char *directory = fixture_path("missing");
	char name[200];
	bool done = false;

	fixture_catch_stderr();
	snprintf(name, sizeof(name), "%s/", directory);
	set_log_path(name);
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

Test(shim_trace_file, is_its_owners_alone_whatever_the_umask)
{
	const mode_t mask = 0777;
	struct stat status;

	umask(mask);
	cr_assert(trace_log_open());
	cr_assert(stat(fixture_trace_path(getpid(), 0), &status) == 0);
	cr_expect((status.st_mode & 07777) == 0600, "mode %o", status.st_mode);
	cr_expect(umask(mask) == mask, "the umask is the program's");
}

Test(shim_trace_file, with_a_roster_it_is_told_there)
{
	struct trace_roster_entry entry = {0};
	FILE *roster;

	fixture_catch_stderr();
	set_log_path(fixture_path("missing/"));
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

Test(shim_trace_file, no_descriptor_left)
{
	fixture_catch_stderr();
	cr_assert(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, 1024}) == 0);
	cr_expect_not(trace_log_open());
	cr_assert(setrlimit(RLIMIT_NOFILE, &(struct rlimit){1024, 1024}) == 0);
	cr_expect_not_null(strstr(fixture_said(), "no descriptor left"));
	cr_expect(trace_log_open());
	cr_expect(fixture_count_lines(fixture_said()) == 1);
}

Test(shim_trace_file, names_are_told_without_control_characters)
{
	fixture_catch_stderr();
	set_log_path("/nonexistent/\033[31m\n/x/");
	trace_log_open();
	cr_expect_not_null(strstr(fixture_said(), "/nonexistent/?[31m?/x/"), "%s", fixture_said());
	cr_expect(fixture_count_lines(fixture_said()) == 1);
}

Test(shim_trace_file, a_socket_is_not_told)
{
	int fds[2];
	char byte;

	cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	dup2(fds[0], 2);
	set_log_path("/nonexistent/x/");
	cr_expect_not(trace_log_open());
	cr_expect(read(fds[1], &byte, 1) < 0 && errno == EAGAIN, "its other end would take it for the program's");
}

Test(shim_trace_file, names_that_are_very_long)
{
	char path[CONFIG_PATH_MAX];

	fixture_catch_stderr();
	memset(path, 'd', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	set_log_path(path);
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

Test(shim_trace_file, nothing_is_overwritten)
{
	const char *first = own_trace(), *second = fixture_trace_path(getpid(), 1);

	put(first, "another image of this pid");
	cr_assert(mkdir(second, 0700) == 0);
	cr_assert(trace_log_open());
	expect_text(first, "another image of this pid");
	cr_expect(process_of(fixture_trace_path(getpid(), 2))->pid == getpid());
	rmdir(second);
}

Test(shim_trace_file, a_link_is_not_followed)
{
	const char *first = own_trace(), *second = fixture_trace_path(getpid(), 1);

	put(fixture_path("victim"), "precious");
	cr_assert(symlink(fixture_path("victim"), first) == 0);
	cr_assert(symlink(fixture_path("not there yet"), second) == 0);
	cr_assert(trace_log_open());
	expect_text(fixture_path("victim"), "precious");
	cr_expect(access(fixture_path("not there yet"), F_OK) < 0);
	cr_expect(process_of(fixture_trace_path(getpid(), 2))->pid == getpid());
}

Test(shim_trace_file, a_prefix_that_is_no_directory)
{
	char name[200];

	set_log_path(fixture_path("run-7."));
	cr_assert(trace_log_open());
	snprintf(name, sizeof(name), "run-7.%s.%d.0.trace", process_names.comm, getpid());
	cr_expect(process_of(fixture_path(name))->pid == getpid());
}

Test(shim_trace_file, names_of_programs_are_made_safe)
{
	char name[200];

	memcpy(process_names.comm, "a b/../\033c", sizeof("a b/../\033c"));
	cr_assert(trace_log_open());
	snprintf(name, sizeof(name), "a_b_____c.%d.0.trace", getpid());
	cr_expect(process_of(fixture_path(name))->pid == getpid());
}

/* ---- forked children ---- */

/* Runs `act` in a child, which must succeed. */
static pid_t in_child(void (*act)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		process_wipe(); /* what the fork handler does */
		if (process_set_up())
			act();
		_exit(1);
	}
	cr_assert(waitpid(child, &status, 0) == child);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
	return child;
}

static void record_in_child(void)
{
	bool done = !trace_log_is_open() && trace_log_process()->sockets_seen == 0 && trace_log_open() &&
		    trace_log_text(TRACE_TEXT_NOTE, "child", 5);

	_exit(!done);
}

Test(shim_trace_file, a_child_has_a_file_of_its_own)
{
	pid_t child;

	cr_assert(trace_log_open());
	trace_log_text(TRACE_TEXT_NOTE, "parent", 6);
	trace_log_process()->sockets_seen = 5;
	child = in_child(record_in_child);
	cr_expect(process_of(fixture_trace_path(child, 0))->pid == child);
	cr_expect(process_of(fixture_trace_path(child, 0))->ppid == getpid());
	cr_expect(process_of(fixture_trace_path(child, 0))->coverage == 0);
	cr_expect(fixture_count(fixture_trace_path(child, 0), TRACE_TEXT, TRACE_COMMITTED) == 1);
	cr_expect(fixture_count(own_trace(), TRACE_TEXT, TRACE_COMMITTED) == 1);
	cr_expect(process_of(own_trace())->sockets_seen == 5);
	trace_log_text(TRACE_TEXT_NOTE, "parent", 6);
	cr_expect(fixture_count(own_trace(), TRACE_TEXT, TRACE_COMMITTED) == 2);
}

static void do_nothing(void)
{
	_exit(0);
}

Test(shim_trace_file, a_child_without_a_socket_makes_no_file)
{
	cr_assert(trace_log_open());
	cr_expect(access(fixture_trace_path(in_child(do_nothing), 0), F_OK) < 0);
}

static void record_beside_parent(void)
{
	set_log_path("/nonexistent/"); /* as after a chroot */
	if (!trace_log_open())
		_exit(1);
	for (int i = 0; i < 2000; i++)
		if (!trace_log_text(TRACE_TEXT_NOTE, "child", 5))
			_exit(2);
	_exit(0);
}

/* Not so much that there is no room for the child. */
static void *append_meanwhile(void *stop)
{
	intptr_t count = 0;

	while (count < 1000 || (count < 100000 && !__atomic_load_n((bool *)stop, __ATOMIC_RELAXED)))
		count += trace_log_text(TRACE_TEXT_NOTE, "the parent", 10) != 0;
	return (void *)count;
}

Test(shim_trace_file, a_child_without_a_file_shares_its_parents)
{
	struct fixture_trace trace;
	const struct trace_process *process;
	const struct trace_record *record;
	pthread_t thread;
	bool stop = false;
	void *count;
	pid_t child;

	fixture_catch_stderr();
	cr_assert(trace_log_open());
	cr_assert(pthread_create(&thread, NULL, append_meanwhile, &stop) == 0);
	child = in_child(record_beside_parent);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, &count);
	cr_expect(fixture_count(own_trace(), TRACE_TEXT, TRACE_COMMITTED) == 2000 + (size_t)(intptr_t)count);
	cr_expect(fixture_count(own_trace(), TRACE_PROCESS, TRACE_COMMITTED) == 2);
	trace = fixture_open_trace(own_trace());
	fixture_next(&trace);
	while ((record = fixture_next(&trace)) && record->type != TRACE_PROCESS)
		;
	process = (const void *)record;
	cr_assert_not_null(process);
	cr_expect(process->pid == child && process->coverage == TRACE_SHARED_FILE);
	cr_expect_str_empty(fixture_said(), "it is recorded: %s", fixture_said());
}

static void record_and_fork(void)
{
	if (!trace_log_open() || !trace_log_text(TRACE_TEXT_NOTE, "child", 5))
		_exit(1);
	in_child(record_in_child);
	_exit(trace_log_text(TRACE_TEXT_NOTE, "child", 5) == 0);
}

Test(shim_trace_file, children_of_children)
{
	DIR *directory;
	const struct dirent *entry;
	int files = 0;

	cr_assert(trace_log_open());
	in_child(record_and_fork);
	in_child(record_in_child);
	directory = opendir(fixture_directory);
	while ((entry = readdir(directory)))
		files += strstr(entry->d_name, ".trace") != NULL;
	cr_expect(files == 4, "%d", files);
}

static void fail_to_record(void)
{
	set_log_path("/nonexistent/");
	for (int i = 0; i < 3; i++)
		if (trace_log_open())
			_exit(1);
	_exit(trace_log_claim(TRACE_TEXT, 8) != NULL || trace_log_process()->lost[TRACE_LOST_NO_TRACE] != 1);
}

Test(shim_trace_file, a_child_that_can_record_nowhere)
{
	fixture_catch_stderr();
	in_child(fail_to_record);
	cr_expect(fixture_count_lines(fixture_said()) == 1);
	config.max_trace = 64 << 10;
	cr_assert(trace_log_open());
	fixture_fill(64);
	fixture_fill(sizeof(struct trace_text));
	in_child(fail_to_record);
	cr_expect(fixture_count_lines(fixture_said()) == 2, "the parent's is full: %s", fixture_said());
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

Test(shim_trace_file, is_mapped_as_it_grows)
{
	static struct trace_text *texts[1000];

	cr_assert(trace_log_open());
	cr_expect(mapped_bytes() == TRACE_FILE_STEP);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		texts[i] = trace_log_claim(TRACE_TEXT, 1000);
		cr_assert_not_null(texts[i]);
		texts[i]->length = (uint32_t)i;
		cr_assert(trace_log_at(trace_log_commit(texts[i])) == texts[i]);
		cr_assert((uintptr_t)trace_log_ref(texts[i]) % TRACE_FILE_STEP <= TRACE_FILE_STEP - 1000,
			"crosses no step");
	}
	cr_expect(mapped_bytes() == TRACE_FILE_STEP * (trace_log_ref(texts[999]) / TRACE_FILE_STEP + 1));
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		cr_assert(
			texts[i]->length == i && trace_log_find(trace_log_ref(texts[i]), TRACE_TEXT, 1000) == texts[i]);
	cr_expect(fixture_count(own_trace(), TRACE_TEXT, TRACE_COMMITTED) == COUNT_OF(texts));
	cr_expect(fixture_losses(trace_log_process()) == 0);
}

/* No room in address space: counted, and there again later. */
Test(shim_trace_file, no_room_to_map_is_counted)
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
Test(shim_trace_file, a_very_large_one)
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
