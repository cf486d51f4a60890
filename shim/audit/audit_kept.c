/*
 * audit_kept.c: what the program must see of a number in the quarantine: that it is closed. Most calls fail on the
 * placeholder as they do on a closed number; the few that do not are answered with the help of what stands here. And
 * where the program runs out of numbers, or is about to list them, there must be no more of ours in its way.
 */
#include "shim/audit/audit_kept.h"

#include <errno.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>

#include "shim/base/process.h"
#include "shim/base/thread.h"
#include "shim/socket/payload.h"
#include "shim/socket/quarantine.h"
#include "shim/socket/socket.h"
#include "shim/socket/socket_hold.h"

#define PASSED_MAX 253 /* descriptors in one message (SCM_MAX_FD, include/net/scm.h) */

bool audit_is_kept(int fd)
{
	return quarantine_holds(fd);
}

static bool may_give_back(void)
{
	return !thread_is_inside() && process_generation() != 0 && !process_is_borrowed();
}

bool audit_made_room(int error)
{
	return error == EMFILE && may_give_back() && quarantine_give_back();
}

static bool lists_descriptors(const char *path)
{
	static const char proc[] = "/proc/";

	if (!strncmp(path, "/dev/fd", 7))
		return true;
	return !strncmp(path, proc, sizeof(proc) - 1) && strstr(path, "/fd");
}

void audit_opened_path(const char *path)
{
	int saved = errno;

	if (quarantine_is_used() && lists_descriptors(path) && may_give_back())
		quarantine_give_back_all();
	errno = saved;
}

/*
 * The kernel finds the placeholder "ready" (EPOLLNVAL counts as such in fs/select.c), where it refuses a closed number.
 */
bool audit_select_meets_kept(int limit, const void *readable, const void *writable, const void *exceptional)
{
	const fd_set *const sets[] = {readable, writable, exceptional};

	if (!quarantine_is_used())
		return false;
	for (int fd = 0; fd < limit; fd++)
		for (int i = 0; i < 3; i++)
			if (sets[i] && FD_ISSET(fd, sets[i]) && quarantine_holds(fd))
				return true;
	return false;
}

/* Calls `visit` for each descriptor that the message is to carry, until it returns true. */
static bool for_each_passed(const struct msghdr *message, bool (*visit)(int fd))
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(PASSED_MAX * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct msghdr copy = {.msg_control = &control};

	copy.msg_controllen = payload_control(message, &control, sizeof(control));
	for (struct cmsghdr *part = CMSG_FIRSTHDR(&copy); part; part = CMSG_NXTHDR(&copy, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(int) <= part->cmsg_len; at += sizeof(int)) {
			int fd;

			memcpy(&fd, (const char *)part + at, sizeof(fd));
			if (visit(fd))
				return true;
		}
	}
	return false;
}

bool audit_passes_kept(const struct msghdr *message)
{
	return quarantine_is_used() && for_each_passed(message, quarantine_holds);
}

static bool is_shared_now(int fd)
{
	struct socket_hold hold;

	if (socket_hold_open(&hold, fd))
		__atomic_fetch_or(&hold.socket->state, SOCKET_SHARED, __ATOMIC_RELAXED);
	socket_release(&hold);
	return false;
}

void audit_sent_message(const struct msghdr *message)
{
	int saved = errno;

	if (message->msg_controllen && !thread_is_inside() && process_generation() != 0 && !process_is_borrowed())
		for_each_passed(message, is_shared_now);
	errno = saved;
}
