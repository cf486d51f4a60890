/*
 * trace_trim.c: see trace_trim.h.
 */
#include "analyzer/trace/trace_trim.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "analyzer/trace/reader.h"

/*
 * A lease for reading is given only while nobody has the file open for writing, and a shared mapping counts as that: it
 * holds the open file. Nobody opens a trace that exists for writing, and a mapping is only ever inherited, so once
 * nobody can write to it, nobody will.
 */
static bool is_written_to(int descriptor)
{
	/* Should somebody break the lease all the same: by a signal that does nothing, where the usual one would end us. */
	if (fcntl(descriptor, F_SETSIG, SIGURG) || fcntl(descriptor, F_SETLEASE, F_RDLCK))
		return true;
	fcntl(descriptor, F_SETLEASE, F_UNLCK);
	return false;
}

/* Where the log ends; 0 where that is not certain. */
static uint64_t end_of_log(struct reader *reader)
{
	struct reader_walk walk;
	trace_ref ref;
	uint64_t end;

	reader_walk_begin(&walk, reader, true);
	while (reader_walk_next(&walk, &ref))
		;
	/* What the writer had noted lies behind it where blocks were lost. */
	end = walk.damaged || reader->header.log_end > walk.offset ? 0 : walk.offset;
	reader_walk_end(&walk);
	return end;
}

bool trace_trim(const char *path)
{
	struct reader reader;
	bool trimmed = false;
	char name[40];
	uint64_t end;

	if (!reader_open(&reader, path, true))
		return false;
	if (!is_written_to(reader.descriptor)) {
		end = end_of_log(&reader);
		/* By its descriptor: whatever the name stands for by now. */
		snprintf(name, sizeof(name), "/proc/self/fd/%d", reader.descriptor);
		trimmed = end && !truncate(name, (off_t)end);
	}
	reader_close(&reader);
	return trimmed;
}
