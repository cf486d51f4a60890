/* late_child.h: a forked child that at once misuses a connection of its own. */
#ifndef SOCKSAN_TEST_LATE_CHILD_H
#define SOCKSAN_TEST_LATE_CHILD_H

#include "tests/programs/support.h"

SITE void write_in_child(int fd)
{
	CHECK_FAILS(send(fd, "child", 5, MSG_NOSIGNAL), EPIPE);
}

static inline void be_late_child(void)
{
	struct ends ends = ends_open("pair");

	alarm(10); /* one that waits for ever shall not be waited for */
	CHECK(close(ends.theirs) == 0);
	write_in_child(ends.ours);
	_exit(0);
}

#endif
