/*
 * roster.c: see roster.h.
 *
 * The entries of one process are read as a conversation: "I am about to become X", "no, that failed", "X is here".
 * Those of a parent and of the child that it spawned may stand in either order, since the child can be the faster
 * one.
 */
#include "analyzer/run/roster.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#include "analyzer/base/text.h"
#include "analyzer/run/executable.h"
#include "analyzer/trace/liveness.h"
#include "shim/trace_format.h"

/* What is known of one pid so far. */
struct member {
	pid_t pid;
	bool signed_in;
	bool unannounced; /* signed in, and nobody had said that it would */
	uint64_t signed_in_ns;
	char *announced; /* the image that is expected to sign in, or NULL */
	UT_hash_handle hh;
};

/* A roster while it is read. */
struct reading {
	struct roster *roster;
	struct member *members; /* hash by pid, in the order of appearance */
	uint64_t damaged_bytes;
};

static struct member *get_member(struct reading *reading, pid_t pid)
{
	struct member *member;

	HASH_FIND_INT(reading->members, &pid, member);
	if (!member) {
		member = text_allocate(sizeof(*member));
		member->pid = pid;
		HASH_ADD_INT(reading->members, pid, member);
	}
	return member;
}

static void announce(struct member *member, const char *path)
{
	free(member->announced);
	member->announced = path ? text_copy(path) : NULL;
}

static void sign_in(struct member *member, uint64_t t_ns)
{
	if (!member->announced)
		member->unannounced = true;
	announce(member, NULL);
	if (!member->signed_in)
		member->signed_in_ns = t_ns;
	member->signed_in = true;
}

void roster_add_trouble(struct roster *roster, char *text)
{
	roster->troubles = text_grow(roster->troubles, roster->trouble_count, sizeof(*roster->troubles));
	roster->troubles[roster->trouble_count++] = text;
}

/* The library names an error by its number alone. */
static char *in_words(const char *why)
{
	static const char before[] = ": errno ";
	const char *found = strstr(why, before);
	char *end = NULL;
	long number = found ? strtol(found + sizeof(before) - 1, &end, 10) : 0;

	return found && !*end && number > 0 && number < 4096
		       ? text_format("%.*s: %s", (int)(found - why), why, strerror((int)number))
		       : text_copy(why);
}

static void note_untraced(struct roster *roster, pid_t pid, const char *why)
{
	char *words = in_words(why);

	roster_add_trouble(roster, text_format("pid %d: no trace: %s", (int)pid, words));
	roster->untraced++;
	free(words);
}

static void read_entry(struct reading *reading, const struct trace_roster_entry *entry)
{
	struct member *member = get_member(reading, entry->pid);
	char path[sizeof(entry->path) + 1] = "";

	memcpy(path, entry->path, sizeof(entry->path));
	switch (entry->type) {
	case TRACE_ROSTER_SIGNED_IN: sign_in(member, entry->t_ns); break;
	case TRACE_ROSTER_EXEC: announce(member, path); break;
	case TRACE_ROSTER_EXEC_FAILED: announce(member, NULL); break;
	case TRACE_ROSTER_SPAWNED:
		/* A child that had signed in already may have announced its next image meanwhile. */
		if (!member->unannounced)
			announce(member, path);
		member->unannounced = false;
		break;
	case TRACE_ROSTER_NO_TRACE: note_untraced(reading->roster, entry->pid, path); break;
	}
}

/* Every whole entry; what stands between them (an append that met a full disk) is skipped byte by byte. */
static void read_entries(struct reading *reading, FILE *file)
{
	struct trace_roster_entry entry;
	char *bytes = (char *)&entry;
	size_t have = 0;

	for (;;) {
		have += fread(bytes + have, 1, sizeof(entry) - have, file);
		if (have < sizeof(entry))
			break;
		if (entry.magic == TRACE_ROSTER_MAGIC) {
			read_entry(reading, &entry);
			have = 0;
		} else {
			memmove(bytes, bytes + 1, --have);
			reading->damaged_bytes++;
		}
	}
	reading->damaged_bytes += have;
}

/* Opens a plain file and nothing else: others may be able to write in the directory of --log-dir. */
static FILE *open_roster(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat status;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) || !S_ISREG(status.st_mode)) {
		close(fd);
		errno = EINVAL;
		return NULL;
	}
	return fdopen(fd, "r");
}

/*
 * Why the image `path` did not sign in, as far as its file tells now. A relative name with a slash cannot be found
 * again, nor one that did not fit into its entry.
 */
static char *explain(const char *path, const struct elf_image *shim)
{
	size_t length = strlen(path);
	struct executable executable;
	char *reason = NULL;

	if (length < sizeof(((struct trace_roster_entry *)NULL)->path) && (*path == '/' || !strchr(path, '/'))) {
		executable_examine(&executable, path, shim);
		if (executable.verdict == EXECUTABLE_UNAUDITABLE)
			reason = text_copy(executable.reason);
		else if (executable.verdict == EXECUTABLE_AUDITABLE)
			reason = text_copy("not seen to be audited: LD_PRELOAD was missing from its environment, "
					   "another socksan audits it, or it ended too soon");
		executable_free(&executable);
	}
	return reason ? reason : text_copy("not seen to be audited");
}

static void add_escaped(struct roster *roster, const struct member *member, const struct elf_image *shim)
{
	roster->escaped = text_grow(roster->escaped, roster->escaped_count, sizeof(*roster->escaped));
	roster->escaped[roster->escaped_count++] = (struct escaped_process){
		.pid = member->pid, .path = text_copy(member->announced), .reason = explain(member->announced, shim)};
}

static void add_process(struct roster *roster, const struct member *member)
{
	roster->processes = text_grow(roster->processes, roster->process_count, sizeof(*roster->processes));
	roster->processes[roster->process_count++] =
		(struct roster_process){.pid = member->pid, .t_ns = member->signed_in_ns};
}

static void free_members(struct member *members)
{
	struct member *member = members;

	HASH_CLEAR(hh, members); /* frees the table; the members stay in their list */
	while (member) {
		struct member *next = member->hh.next;

		free(member->announced);
		free(member);
		member = next;
	}
}

void roster_read(struct roster *roster, const char *path, pid_t pid, const char *command, const struct elf_image *shim)
{
	struct reading reading = {.roster = roster};
	FILE *file = open_roster(path);
	struct member *member;

	*roster = (struct roster){0};
	/* socksan announces the command, which then has to sign in like any other. */
	announce(get_member(&reading, pid), command);
	if (file)
		read_entries(&reading, file);
	if (!file || ferror(file))
		roster_add_trouble(roster, text_format("cannot read %s: %s", path, strerror(errno)));
	if (file)
		fclose(file);
	if (reading.damaged_bytes)
		roster_add_trouble(roster,
			text_format("%s: %llu damaged bytes skipped", path, (unsigned long long)reading.damaged_bytes));
	for (member = reading.members; member; member = member->hh.next) {
		if (member->announced)
			add_escaped(roster, member, shim);
		if (member->signed_in)
			add_process(roster, member);
	}
	free_members(reading.members);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool roster_process_runs(const struct roster_process *process)
{
	static const char any_image[256] = "";
	uint64_t age_ns = now_ns(CLOCK_MONOTONIC) - process->t_ns;

	return liveness_check(process->pid, any_image, process->t_ns, (int64_t)(now_ns(CLOCK_REALTIME) - age_ns));
}

void roster_free(struct roster *roster)
{
	for (size_t i = 0; i < roster->escaped_count; i++) {
		free((char *)roster->escaped[i].path);
		free((char *)roster->escaped[i].reason);
	}
	for (size_t i = 0; i < roster->trouble_count; i++)
		free((char *)roster->troubles[i]);
	free(roster->escaped);
	free(roster->troubles);
	free(roster->processes);
	*roster = (struct roster){0};
}
