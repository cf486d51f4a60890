/*
 * Names are looked up when the report is made, not in the process: one of 300 characters is whole, and one that several functions
 * share in different files, or that the linker knows nothing of (it is static), is the right one.
 */
#include "tests/programs/support.h"

#define LONG_NAME                                                                                                      \
	a_name_of_three_hundred_characters_which_goes_on_and_on_for_no_better_reason_than_that_some_people_write_c_plus_plus_and_their_compilers_make_such_names_of_nested_templates_with_default_arguments_in_namespaces_within_namespaces_and_libunwind_gives_up_on_a_name_like_this_one_as_it_has_no_room_for_it_anywhere

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
