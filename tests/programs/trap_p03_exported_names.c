/*
 * Prints which object each name of the unwinders comes from, before and after incidents: an audit that brings an
 * unwinder of its own must not put it in the place of the program's. Bare and audited the words must be the same.
 */
#include "tests/programs/support.h"
#include <dlfcn.h>
#include <execinfo.h>

static const char *const names[] = {"backtrace", "backtrace_symbols", "_Unwind_Backtrace", "_Unwind_RaiseException",
	"_Unwind_Resume", "_Unwind_ForcedUnwind", "_Unwind_FindEnclosingFunction", "__gcc_personality_v0",
	"unw_backtrace", "_ULx86_64_step", "unw_get_proc_name", "lzma_code", "process_page", "thread_state",
	"socksan_hooks", "__start_socksan_hooks", "config", "kernel_forbidden"};

SITE void write_to_closed_peer(int fd)
{
	CHECK_FAILS(send(fd, "late", 4, MSG_NOSIGNAL), EPIPE);
}

static void print_homes(void)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		void *place = dlsym(RTLD_DEFAULT, names[i]);
		Dl_info info = {.dli_fname = "nowhere"};

		if (place)
			CHECK(dladdr(place, &info) != 0);
		printf("%s: %s\n", names[i], info.dli_fname);
	}
}

int main(void)
{
	struct ends ends = ends_open("pair");
	void *frames[8];

	CHECK(close(ends.theirs) == 0);
	print_homes();
	write_to_closed_peer(ends.ours);
	print_homes();
	CHECK(backtrace(frames, 8) > 0); /* libc loads libgcc_s now */
	write_to_closed_peer(ends.ours);
	print_homes();
	return 0;
}
