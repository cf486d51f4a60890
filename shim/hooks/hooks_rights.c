/*
 * hooks_rights.c: calls by which a process gives up rights. What it does afterwards goes into its trace, and it may not
 * be able to make one then: a process without a socket so far gets its trace now.
 */
#include <unistd.h>

#include "shim/audit/audit_sandbox.h"
#include "shim/base/hook.h"

HOOK(int, chroot, const char *path)
{
	audit_rights_go();
	return REAL(chroot)(path);
}

HOOK(int, setuid, uid_t uid)
{
	audit_rights_go();
	return REAL(setuid)(uid);
}

HOOK(int, seteuid, uid_t uid)
{
	audit_rights_go();
	return REAL(seteuid)(uid);
}

HOOK(int, setreuid, uid_t ruid, uid_t euid)
{
	audit_rights_go();
	return REAL(setreuid)(ruid, euid);
}

HOOK(int, setresuid, uid_t ruid, uid_t euid, uid_t suid)
{
	audit_rights_go();
	return REAL(setresuid)(ruid, euid, suid);
}

HOOK(int, setgid, gid_t gid)
{
	audit_rights_go();
	return REAL(setgid)(gid);
}

HOOK(int, setegid, gid_t gid)
{
	audit_rights_go();
	return REAL(setegid)(gid);
}

HOOK(int, setregid, gid_t rgid, gid_t egid)
{
	audit_rights_go();
	return REAL(setregid)(rgid, egid);
}

HOOK(int, setresgid, gid_t rgid, gid_t egid, gid_t sgid)
{
	audit_rights_go();
	return REAL(setresgid)(rgid, egid, sgid);
}
