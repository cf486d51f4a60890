/*
 * sanitizer_defaults.c: lets programs that are built with AddressSanitizer run under the preload.
 *
 * Its runtime refuses to start where another library comes before it ("ASan runtime does not come first in initial
 * library list"), and a preload always does. The order matters to it for malloc and the like, of which we define none.
 * A program that defines this function itself keeps its own: the executable's definition comes first.
 */
#include "shim/base/hook.h"

SOCKSAN_EXPORT const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "verify_asan_link_order=0";
}
