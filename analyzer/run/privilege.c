/*
 * privilege.c: see privilege.h. The rules are those of bprm_fill_uid() and cap_bprm_creds_from_file() in Linux.
 */
#include "analyzer/run/privilege.h"

#include <endian.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "analyzer/base/text.h"

/* The capabilities of this process that decide what a file can give: "CapInh" and "CapBnd" of /proc/self/status. */
static uint64_t own_capabilities(const char *field)
{
	FILE *status = fopen("/proc/self/status", "re");
	size_t length = strlen(field);
	uint64_t result = 0;
	char line[256];

	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, field, length) && line[length] == ':')
			result = strtoull(line + length + 1, NULL, 16);
	if (status)
		fclose(status);
	return result;
}

/* Real root is never in secure mode because of capabilities: it has them anyway. */
static bool gains_capabilities(const char *path)
{
	struct vfs_ns_cap_data data = {0};
	ssize_t length;
	uint64_t permitted;
	uint64_t inheritable;

	if (!getuid())
		return false;
	length = getxattr(path, "security.capability", &data, sizeof(data));
	if (length < (ssize_t)XATTR_CAPS_SZ_1)
		return false;
	permitted = le32toh(data.data[0].permitted);
	inheritable = le32toh(data.data[0].inheritable);
	if (length >= (ssize_t)XATTR_CAPS_SZ_2) {
		permitted |= (uint64_t)le32toh(data.data[1].permitted) << 32;
		inheritable |= (uint64_t)le32toh(data.data[1].inheritable) << 32;
	}
	return (le32toh(data.magic_etc) & VFS_CAP_FLAGS_EFFECTIVE) || (permitted & own_capabilities("CapBnd")) ||
	       (inheritable & own_capabilities("CapInh"));
}

char *privilege_gained_by(const char *path)
{
	struct statvfs mount;
	struct stat file;
	bool honoured;
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (stat(path, &file))
		return NULL;
	honoured = statvfs(path, &mount) || !(mount.f_flag & ST_NOSUID);
	if (honoured && !prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)) {
		if (file.st_mode & S_ISUID)
			uid = file.st_uid;
		/* Without the group's execute bit, set-group-ID means mandatory locking. */
		if ((file.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
			gid = file.st_gid;
	}
	if (uid != getuid())
		return text_format("set-user-ID %u", (unsigned)uid);
	if (gid != getgid())
		return text_format("set-group-ID %u", (unsigned)gid);
	if (honoured && gains_capabilities(path))
		return text_copy("file capabilities");
	return NULL;
}
