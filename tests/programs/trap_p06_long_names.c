/*
 * Names are looked up when the report is made, not in the process: one of 300 characters is whole, and one that several
 * functions share in different files, or that the linker knows nothing of (it is static), is the right one.
 */
#include "tests/programs/support.h"

/* clang-format off */
#define TEN_TIMES(name) name##name##name##name##name##name##name##name##name##name
/* clang-format on */
#define LONG_NAME TEN_TIMES(thirty_characters_and_no_less_)

SITE void LONG_NAME(int fd)
{
	CHECK_FAILS(send(fd, "late", 4, MSG_NOSIGNAL), EPIPE);
}

int main(void)
{
	struct ends ends = ends_open("pair");

	CHECK(close(ends.theirs) == 0);
	LONG_NAME(ends.ours);
	return 0;
}
