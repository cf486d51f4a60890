/* hooks_memory.c: the call that locks all memory, ours included. */
#include <sys/mman.h>

#include "shim/audit/audit_sandbox.h"
#include "shim/base/hook.h"
#include "shim/base/locked_memory.h"

HOOK(int, mlockall, int flags)
{
	if (flags & MCL_FUTURE)
		audit_memory_locks();
	return locked_memory_lock_all(REAL(mlockall), flags);
}
