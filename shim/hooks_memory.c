/* hooks_memory.c: the call that locks all memory, ours included. */
#include <sys/mman.h>

#include "shim/backtrace.h"
#include "shim/hook.h"
#include "shim/locked_memory.h"

HOOK(int, mlockall, int flags)
{
	int result = locked_memory_lock_all(REAL(mlockall), flags);

	if (result == 0 && flags & MCL_FUTURE)
		backtrace_save_memory();
	return result;
}
