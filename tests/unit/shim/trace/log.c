/* log.c: the crash-safe log: what is appended, by how many at once, and what is done without room. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "tests/unit/shim/fixture.h"

enum { TRACE_BYTES = 8 << 20 };

static void set_up(void)
{
	fixture_begin(TRACE_BYTES);
}

TestSuite(trace_log, .init = set_up, .fini = fixture_end);

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

/* ---- one record after another ---- */

Test(trace_log, nothing_is_made_before_it_is_asked_for)
{
	cr_expect_not(trace_log_is_open());
	cr_expect_null(trace_log_claim(TRACE_TEXT, 100));
	cr_expect(trace_log_text(TRACE_TEXT_NOTE, "a", 1) == 0);
	cr_expect(trace_log_fill() == 0);
	cr_expect(access(own_trace(), F_OK) < 0);
	trace_log_lost(TRACE_LOST_FD_RANGE);
	trace_log_process()->coverage |= TRACE_SECCOMP;
	trace_log_process()->sockets_seen += 3;
	cr_assert(trace_log_open());
	/* what was counted before there was a file is in the file now */
	cr_expect(process_of(own_trace())->lost[TRACE_LOST_NO_TRACE] == 2);
	cr_expect(process_of(own_trace())->lost[TRACE_LOST_FD_RANGE] == 1);
	cr_expect(process_of(own_trace())->coverage == TRACE_SECCOMP);
	cr_expect(process_of(own_trace())->sockets_seen == 3);
}

Test(trace_log, a_file_of_its_own)
{
	const struct trace_process *process;
	struct stat status;

	errno = 77;
	cr_assert(trace_log_open());
	cr_expect(errno == 77);
	cr_expect(trace_log_is_open() && trace_log_open(), "once is enough");
	cr_assert(stat(own_trace(), &status) == 0);
	cr_expect(S_ISREG(status.st_mode) && (status.st_mode & 07777) == 0600, "mode %o", status.st_mode);
	cr_expect(status.st_size == TRACE_BYTES);
	cr_expect(status.st_blocks * 512 <= 256 << 10, "its blocks are reserved as they are needed");
	cr_expect(access(fixture_trace_path(getpid(), 1), F_OK) < 0);
	process = process_of(own_trace());
	cr_expect(process->pid == getpid() && process->ppid == getppid());
	cr_expect(process->started_ns && process->ended == TRACE_RUNNING && process->ended_ns == 0);
	cr_expect(process->coverage == 0 && fixture_losses(process) == 0);
	cr_expect(process->argv_length == sizeof("program\0an argument"));
	cr_expect(!memcmp(process->argv, "program\0an argument", sizeof("program\0an argument")));
	cr_expect_str_eq(process->exe, process_names.exe);
	cr_expect(!strncmp(process->comm, "log", 15));
	cr_expect(fixture_open_trace(own_trace()).size == TRACE_BYTES);
}

Test(trace_log, no_descriptor_stays_open)
{
	int before = dup(0), after;

	close(before);
	cr_assert(trace_log_open());
	after = dup(0);
	cr_expect(after == before, "%d, not %d", after, before);
}

Test(trace_log, claim_commit_void)
{
	struct trace_text *claimed, *committed, *given_up;
	uint64_t *words;

	cr_assert(trace_log_open());
	claimed = trace_log_claim(TRACE_TEXT, sizeof(*claimed) + 1);
	committed = trace_log_claim(TRACE_TEXT, sizeof(*committed) + 8);
	given_up = trace_log_claim(TRACE_TEXT, sizeof(*given_up) + 9);
	cr_assert(claimed && committed && given_up);
	cr_expect(claimed->record.size == 24 && committed->record.size == 24 && given_up->record.size == 32);
	cr_expect((char *)committed == (char *)claimed + 24 && (char *)given_up == (char *)committed + 24);
	words = (uint64_t *)(void *)claimed;
	cr_expect(words[1] == 0 && words[2] == 0, "all but the first word is 0");
	cr_expect(trace_log_commit(committed) == trace_log_ref(committed));
	trace_log_void(given_up);
	cr_expect(fixture_count(own_trace(), TRACE_TEXT, TRACE_CLAIMED) == 1);
	cr_expect(fixture_count(own_trace(), TRACE_TEXT, TRACE_COMMITTED) == 1);
	cr_expect(fixture_count(own_trace(), TRACE_TEXT, TRACE_VOID) == 1);
}

Test(trace_log, references)
{
	static const char outside;
	trace_ref ref;

	cr_expect_null(trace_log_at(0));
	cr_expect(trace_log_ref(NULL) == 0);
	cr_expect(trace_log_ref(&outside) == 0);
	cr_assert(trace_log_open());
	ref = trace_log_text(TRACE_TEXT_LABEL, "test\0id", 7);
	cr_expect(ref > TRACE_HEADER_BYTES && ref % 8 == 0);
	cr_expect(trace_log_ref(trace_log_at(ref)) == ref);
	cr_expect(!memcmp(((struct trace_text *)trace_log_at(ref))->text, "test\0id", 7));
	cr_expect_null(trace_log_at(0));
	cr_expect(trace_log_ref(NULL) == 0);
	cr_expect(trace_log_ref(&outside) == 0);
	cr_expect(trace_log_ref(trace_log_process()) == TRACE_HEADER_BYTES);
}

Test(trace_log, an_empty_text)
{
	trace_ref ref;

	cr_assert(trace_log_open());
	ref = trace_log_text(TRACE_TEXT_NOTE, "", 0);
	cr_expect(((struct trace_text *)trace_log_at(ref))->length == 0);
	cr_expect(((struct trace_text *)trace_log_at(ref))->record.size == sizeof(struct trace_text));
}

Test(trace_log, losses_are_counted_in_the_file)
{
	cr_assert(trace_log_open());
	for (int why = TRACE_LOST_LOG_FULL; why <= TRACE_LOST_NO_TRACE; why++)
		for (int i = 0; i <= why; i++)
			trace_log_lost((enum trace_loss)why);
	for (int why = TRACE_LOST_LOG_FULL; why <= TRACE_LOST_NO_TRACE; why++)
		cr_expect(process_of(own_trace())->lost[why] == (uint64_t)why + 1);
}

/* ---- from several threads ---- */

enum { THREADS = 8, APPENDS = 4000 };

/* Records of different sizes, that tell who wrote them; every 16th is given up, every 64th left claimed. */
static void *append(void *argument)
{
	uint32_t thread = (uint32_t)(intptr_t)argument;

	for (uint32_t i = 0; i < APPENDS; i++) {
		uint32_t length = 8 + (i * 7 + thread * 13) % 90;
		struct trace_text *text = trace_log_claim(TRACE_TEXT, (uint32_t)sizeof(*text) + length);

		if (!text)
			return argument;
		text->kind = thread;
		text->length = length;
		memset(text->text, (int)(i % 251), length);
		memcpy(text->text, &i, sizeof(i));
		if (i % 16 == 3)
			trace_log_void(text);
		else if (i % 64 != 5)
			trace_log_commit(text);
		if (i % 128 == 0)
			sched_yield();
	}
	return NULL;
}

static void expect_text_whole(const struct trace_text *text, uint32_t number)
{
	cr_assert(text->length == 8 + (number * 7 + text->kind * 13) % 90);
	for (uint32_t i = sizeof(number); i < text->length; i++)
		cr_assert((uint8_t)text->text[i] == number % 251, "thread %u, record %u", text->kind, number);
}

Test(trace_log, appends_from_eight_threads, .timeout = 600)
{
	static uint8_t seen[THREADS][APPENDS];
	pthread_t threads[THREADS];
	struct fixture_trace trace;
	const struct trace_record *record;

	cr_assert(trace_log_open());
	for (intptr_t i = 0; i < THREADS; i++)
		cr_assert(pthread_create(&threads[i], NULL, append, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		cr_assert_null(failed);
	}
	trace = fixture_open_trace(own_trace());
	fixture_next(&trace);
	while ((record = fixture_next(&trace))) {
		const struct trace_text *text = (const void *)record;
		uint32_t number;

		memcpy(&number, text->text, sizeof(number));
		cr_assert(record->type == TRACE_TEXT && text->kind < THREADS && number < APPENDS);
		cr_assert(seen[text->kind][number] == 0, "twice");
		seen[text->kind][number] = (uint8_t)record->state;
		expect_text_whole(text, number);
	}
	for (int i = 0; i < THREADS; i++)
		for (int j = 0; j < APPENDS; j++)
			cr_assert(seen[i][j] == (j % 16 == 3          ? TRACE_VOID
							: j % 64 == 5 ? TRACE_CLAIMED
								      : TRACE_COMMITTED));
	cr_expect(fixture_losses(trace_log_process()) == 0);
}

static uint32_t opened;

static void *open_at_once(void *argument)
{
	(void)argument;
	while (!trace_log_open())
		sched_yield();
	__atomic_fetch_add(&opened, trace_log_claim(TRACE_TEXT, 64) != NULL, __ATOMIC_RELAXED);
	return NULL;
}

Test(trace_log, one_file_however_many_threads_open_it)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		cr_assert(pthread_create(&threads[i], NULL, open_at_once, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	cr_expect(opened == THREADS);
	cr_expect(fixture_count(own_trace(), TRACE_TEXT, TRACE_CLAIMED) == THREADS);
	cr_expect(access(fixture_trace_path(getpid(), 1), F_OK) < 0);
}

/* ---- limits ---- */

Test(trace_log, a_full_log_is_counted)
{
	size_t count;

	config.max_trace = 128 << 10;
	cr_assert(trace_log_open());
	count = fixture_fill(1008);
	/* none crosses from one step to the next */
	cr_expect(count == (TRACE_FILE_STEP - TRACE_HEADER_BYTES - sizeof(struct trace_process)) / 1008 +
				   TRACE_FILE_STEP / 1008,
		"%zu", count);
	cr_expect(trace_log_fill() >= 253);
	cr_expect_null(trace_log_claim(TRACE_TEXT, 1008));
	cr_expect(process_of(own_trace())->lost[TRACE_LOST_LOG_FULL] == 2);
	cr_expect(fixture_fill(sizeof(struct trace_text)) > 0, "what is smaller still fits");
	cr_expect(trace_log_fill() == 256);
	cr_expect(fixture_count(own_trace(), TRACE_TEXT, TRACE_COMMITTED) > count);
	cr_expect(process_of(own_trace())->lost[TRACE_LOST_LOG_FULL] == 3 && fixture_losses(trace_log_process()) == 3);
}

Test(trace_log, a_full_log_from_several_threads)
{
	pthread_t threads[THREADS];

	config.max_trace = 128 << 10;
	cr_assert(trace_log_open());
	for (intptr_t i = 0; i < THREADS; i++)
		cr_assert(pthread_create(&threads[i], NULL, append, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	cr_expect(fixture_count(own_trace(), TRACE_TEXT, TRACE_COMMITTED) > 1000);
	cr_expect(process_of(own_trace())->lost[TRACE_LOST_LOG_FULL] == THREADS);
}

static void limit_file_size(rlim_t bytes)
{
	cr_assert(setrlimit(RLIMIT_FSIZE, &(struct rlimit){bytes, RLIM_INFINITY}) == 0);
}

Test(trace_log, the_limit_of_file_sizes_is_kept)
{
	limit_file_size(200000); /* beyond it SIGXFSZ would end the program */
	cr_assert(trace_log_open());
	cr_expect(fixture_open_trace(own_trace()).size == 196608);
	fixture_fill(1000);
	cr_expect(process_of(own_trace())->lost[TRACE_LOST_LOG_FULL] == 1);
	cr_expect(process_of(own_trace())->lost[TRACE_LOST_NO_SPACE] == 0);
}

Test(trace_log, a_limit_that_leaves_no_room)
{
	struct stat status;

	fixture_catch_stderr();
	limit_file_size(60000);
	cr_expect_not(trace_log_open());
	cr_expect_not(trace_log_open());
	cr_expect(fixture_count_lines(fixture_said()) == 1);
	cr_expect_not_null(strstr(fixture_said(), "RLIMIT_FSIZE"));
	/* an empty file can be made all the same, and tells that there was a process */
	cr_assert(stat(own_trace(), &status) == 0);
	cr_expect(status.st_size == 0);
	cr_expect(access(fixture_trace_path(getpid(), 1), F_OK) < 0, "once is enough");
	limit_file_size(RLIM_INFINITY);
	cr_expect(trace_log_open());
}

/* Mounts a file system of this size on the directory, in a name space of our own. */
static void mount_small(const char *size)
{
	char options[64];

	snprintf(options, sizeof(options), "size=%s,mode=0700", size);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("none", fixture_directory, "tmpfs", 0, options) < 0)
		cr_skip_test("no right to mount a small file system");
}

Test(trace_log, a_full_disk_is_counted_and_no_fault)
{
	const char *path = own_trace();
	size_t count;

	mount_small("512k");
	cr_assert(trace_log_open());
	count = fixture_fill(1000);
	cr_expect(count > 256, "%zu", count);
	cr_expect(trace_log_process()->lost[TRACE_LOST_NO_SPACE] == 1);
	cr_expect(trace_log_process()->lost[TRACE_LOST_LOG_FULL] == 0);
	cr_expect(fixture_count(path, TRACE_TEXT, TRACE_COMMITTED) == count);
	cr_assert(mount("none", fixture_directory, "tmpfs", MS_REMOUNT, "size=2m") == 0);
	cr_expect(fixture_fill(1000) > 256, "there is room again");
	cr_expect(trace_log_process()->lost[TRACE_LOST_NO_SPACE] == 2);
	umount2(fixture_directory, MNT_DETACH);
}

Test(trace_log, a_disk_that_is_full_from_the_start)
{
	fixture_catch_stderr();
	mount_small("48k");
	cr_expect_not(trace_log_open());
	cr_expect(access(own_trace(), F_OK) < 0, "the file that could not be is taken away");
	umount2(fixture_directory, MNT_DETACH);
	cr_expect(fixture_count_lines(fixture_said()) == 1);
	cr_expect_not_null(strstr(fixture_said(), "no space left"), "%s", fixture_said());
}
