/*
 * hooks_read.c: every call of libc that reads from a descriptor, since reading is how a program is told. The fortified
 * forms are in no public header: their prototypes stand here.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <stdarg.h>
#include <unistd.h>

#include "shim/audit/audit_read.h"
#include "shim/audit/audit_socket.h"
#include "shim/audit/audit_told.h"
#include "shim/base/hook.h"
#include "shim/base/older_headers.h"
#include "shim/base/thread.h"
#include "shim/socket/socket_table.h"
#include "shim/stack/backtrace_answers.h"

ssize_t __read_chk(int fd, void *buf, size_t nbytes, size_t buflen);
ssize_t __recv_chk(int fd, void *buf, size_t n, size_t buflen, int flags);
ssize_t __recvfrom_chk(
	int fd, void *buf, size_t n, size_t buflen, int flags, struct sockaddr *addr, socklen_t *addr_len);

HOOK_IN_TWO(ssize_t, read, int fd, void *buf, size_t nbytes)
{
	return socket_table_is_other(fd) ? REAL(read)(fd, buf, nbytes) : read_audited(fd, buf, nbytes);
}

static ssize_t read_audited(int fd, void *buf, size_t nbytes)
{
	struct audit_read read_;

	if (__builtin_expect(fd < 0 && thread_is_unwinding(), 0))
		return backtrace_answer_read();
	if (!audit_read_begin(&read_, &read_hook, fd, nbytes == 0, 0))
		return REAL(read)(fd, buf, nbytes);
	return audit_read_end(&read_, REAL(read)(fd, buf, nbytes));
}
HOOK_ALIAS(read, __read);

HOOK(ssize_t, __read_chk, int fd, void *buf, size_t nbytes, size_t buflen)
{
	struct audit_read read_;

	if (!audit_read_begin(&read_, &read_hook, fd, nbytes == 0, 0))
		return REAL(__read_chk)(fd, buf, nbytes, buflen);
	return audit_read_end(&read_, REAL(__read_chk)(fd, buf, nbytes, buflen));
}

/* Whether a vector has no room: it is looked at after the kernel has accepted it. */
static bool is_empty(const struct iovec *iovec, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (iovec[i].iov_len)
			return false;
	return true;
}

HOOK(ssize_t, readv, int fd, const struct iovec *iovec, int count)
{
	struct audit_read read_;
	ssize_t result;

	if (!audit_read_begin(&read_, &readv_hook, fd, false, 0))
		return REAL(readv)(fd, iovec, count);
	result = REAL(readv)(fd, iovec, count);
	read_.empty = result == 0 && is_empty(iovec, (size_t)count);
	return audit_read_end(&read_, result);
}

HOOK(ssize_t, preadv2, int fd, const struct iovec *iovec, int count, off_t offset, int flags)
{
	struct audit_read read_;
	ssize_t result;

	if (!audit_read_begin(&read_, &preadv2_hook, fd, false, 0))
		return REAL(preadv2)(fd, iovec, count, offset, flags);
	result = REAL(preadv2)(fd, iovec, count, offset, flags);
	read_.empty = result == 0 && is_empty(iovec, (size_t)count);
	return audit_read_end(&read_, result);
}
#if __SIZEOF_POINTER__ == 8
HOOK_ALIAS(preadv2, preadv64v2);
#endif

HOOK(ssize_t, recv, int fd, void *buf, size_t len, int flags)
{
	struct audit_read read_;

	if (!audit_read_begin(&read_, &recv_hook, fd, len == 0, flags))
		return REAL(recv)(fd, buf, len, flags);
	return audit_read_end(&read_, REAL(recv)(fd, buf, len, flags));
}
HOOK_ALIAS(recv, __recv);

HOOK(ssize_t, __recv_chk, int fd, void *buf, size_t n, size_t buflen, int flags)
{
	struct audit_read read_;

	if (!audit_read_begin(&read_, &recv_hook, fd, n == 0, flags))
		return REAL(__recv_chk)(fd, buf, n, buflen, flags);
	return audit_read_end(&read_, REAL(__recv_chk)(fd, buf, n, buflen, flags));
}

HOOK(ssize_t, recvfrom, int fd, void *buf, size_t n, int flags, struct sockaddr *addr, socklen_t *addr_len)
{
	struct audit_read read_;

	if (!audit_read_begin(&read_, &recvfrom_hook, fd, n == 0, flags))
		return REAL(recvfrom)(fd, buf, n, flags, addr, addr_len);
	return audit_read_end(&read_, REAL(recvfrom)(fd, buf, n, flags, addr, addr_len));
}

HOOK(ssize_t, __recvfrom_chk, int fd, void *buf, size_t n, size_t buflen, int flags, struct sockaddr *addr,
	socklen_t *addr_len)
{
	struct audit_read read_;

	if (!audit_read_begin(&read_, &recvfrom_hook, fd, n == 0, flags))
		return REAL(__recvfrom_chk)(fd, buf, n, buflen, flags, addr, addr_len);
	return audit_read_end(&read_, REAL(__recvfrom_chk)(fd, buf, n, buflen, flags, addr, addr_len));
}

HOOK(ssize_t, recvmsg, int fd, struct msghdr *message, int flags)
{
	struct audit_read read_;
	ssize_t result;

	if (!audit_read_begin(&read_, &recvmsg_hook, fd, false, flags))
		return REAL(recvmsg)(fd, message, flags);
	result = REAL(recvmsg)(fd, message, flags);
	if (result >= 0)
		audit_received_message(message);
	read_.empty = result == 0 && is_empty(message->msg_iov, message->msg_iovlen);
	return audit_read_end(&read_, result);
}

HOOK(int, recvmmsg, int fd, struct mmsghdr *vmessages, unsigned int vlen, int flags, OLDER_RECVMMSG_TIMEOUT *tmo)
{
	const struct msghdr *last = NULL;
	struct audit_read read_;
	ssize_t bytes = 0;
	int result;

	if (!audit_read_begin(&read_, &recvmmsg_hook, fd, false, flags))
		return REAL(recvmmsg)(fd, vmessages, vlen, flags, tmo);
	result = REAL(recvmmsg)(fd, vmessages, vlen, flags, tmo);
	for (int i = 0; i < result; i++) {
		audit_received_message(&vmessages[i].msg_hdr);
		bytes += (ssize_t)vmessages[i].msg_len;
		last = &vmessages[i].msg_hdr;
	}
	read_.empty = result == 0 || (bytes == 0 && result > 0 &&
					     is_empty(vmessages[0].msg_hdr.msg_iov, vmessages[0].msg_hdr.msg_iovlen));
	if (bytes && !vmessages[result - 1].msg_len && !is_empty(last->msg_iov, last->msg_iovlen)) {
		audit_read_result(&read_, bytes); /* the last bytes, and the end behind them */
		bytes = 0;
	}
	audit_read_end(&read_, result < 0 ? -1 : bytes);
	return result;
}

HOOK(int, ioctl, int fd, unsigned long request, ...)
{
	va_list arguments;
	void *argument;
	uint64_t turn;
	int result;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	turn = request == FIONREAD ? socket_table_now() : 0;
	result = REAL(ioctl)(fd, request, argument);
	if (request == FIONREAD && result == 0)
		audit_counted_readable(&ioctl_hook, fd, *(int *)argument, turn);
	return result;
}

HOOK(int, getsockopt, int fd, int level, int optname, void *optval, socklen_t *optlen)
{
	bool tells = level == SOL_SOCKET && optname == SO_ERROR;
	uint64_t turn = tells ? audit_before(fd) : 0;
	int result = REAL(getsockopt)(fd, level, optname, optval, optlen);

	if (tells && result == 0 && *optlen == sizeof(int))
		audit_read_error(&getsockopt_hook, fd, *(int *)optval, turn);
	return result;
}
