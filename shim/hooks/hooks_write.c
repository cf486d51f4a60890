/*
 * hooks_write.c: every call of libc that writes to a descriptor. Each is one definition: look before, call, look after.
 */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim/audit/audit_kept.h"
#include "shim/audit/audit_open.h"
#include "shim/audit/audit_read.h"
#include "shim/audit/audit_write.h"
#include "shim/base/hook.h"
#include "shim/base/older_headers.h"
#include "shim/base/thread.h"
#include "shim/runtime/runtime_channel.h"
#include "shim/socket/payload.h"
#include "shim/socket/socket_table.h"
#include "shim/stack/backtrace_answers.h"
#include "shim/stack/python_stack.h"

/*
 * Descriptors that are none: what the unwinder and the interpreter write while we use them, and what a runtime tells
 * us.
 */
static ssize_t write_nowhere(int fd, const void *bytes, size_t count)
{
	if (thread_is_unwinding())
		return backtrace_answer_write(bytes);
	if (thread_state.dump)
		return python_stack_take(bytes, count);
	if (fd == RUNTIME_CHANNEL && !thread_is_inside())
		return runtime_channel_take((void *)(uintptr_t)bytes, count);
	errno = EBADF;
	return -1;
}

/* Two functions, so that a write to a file needs no more than a look into the table and a jump. */
HOOK_IN_TWO(ssize_t, write, int fd, const void *buf, size_t count)
{
	return socket_table_is_other(fd) ? REAL(write)(fd, buf, count) : write_audited(fd, buf, count);
}

static ssize_t write_audited(int fd, const void *buf, size_t count)
{
	struct audit_write write_;

	if (__builtin_expect(fd < 0, 0))
		return write_nowhere(fd, buf, count);
	if (!audit_write_begin(&write_, &write_hook, fd, payload_buffer(buf, count), 0))
		return REAL(write)(fd, buf, count);
	return audit_write_end(&write_, REAL(write)(fd, buf, count));
}
HOOK_ALIAS(write, __write);

HOOK(ssize_t, send, int fd, const void *buf, size_t len, int flags)
{
	struct audit_write write_;

	if (!audit_write_begin(&write_, &send_hook, fd, payload_buffer(buf, len), flags))
		return REAL(send)(fd, buf, len, flags);
	return audit_write_end(&write_, REAL(send)(fd, buf, len, flags));
}
HOOK_ALIAS(send, __send);

HOOK(ssize_t, sendto, int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addr_len)
{
	struct audit_write write_;
	ssize_t result;

	if (!audit_write_begin(&write_, &sendto_hook, fd, payload_buffer(buf, len), flags))
		return REAL(sendto)(fd, buf, len, flags, addr, addr_len);
	result = REAL(sendto)(fd, buf, len, flags, addr, addr_len);
	audit_connected_by_send(&write_, addr, addr_len, result);
	return audit_write_end(&write_, result);
}

HOOK(ssize_t, sendmsg, int fd, const struct msghdr *message, int flags)
{
	struct audit_write write_;
	ssize_t result;

	if (audit_passes_kept(message)) {
		errno = EBADF;
		return -1;
	}
	if (!audit_write_begin(&write_, &sendmsg_hook, fd, payload_message(message), flags))
		return REAL(sendmsg)(fd, message, flags);
	result = REAL(sendmsg)(fd, message, flags);
	if (result >= 0)
		audit_sent_message(message);
	if (result >= 0 || errno == EINPROGRESS)
		audit_connected_by_send(&write_, message->msg_name, message->msg_namelen, result);
	return audit_write_end(&write_, result);
}

HOOK(int, sendmmsg, int fd, struct mmsghdr *vmessages, unsigned int vlen, int flags)
{
	struct audit_write write_;
	ssize_t bytes = 0;
	int result;

	if (!audit_write_begin(&write_, &sendmmsg_hook, fd, payload_messages(vmessages, vlen), flags))
		return REAL(sendmmsg)(fd, vmessages, vlen, flags);
	result = REAL(sendmmsg)(fd, vmessages, vlen, flags);
	for (int i = 0; i < result; i++) {
		bytes += (ssize_t)vmessages[i].msg_len;
		audit_sent_message(&vmessages[i].msg_hdr);
	}
	audit_write_end(&write_, result < 0 ? -1 : bytes);
	return result;
}
HOOK_ALIAS(sendmmsg, __sendmmsg);

HOOK(ssize_t, writev, int fd, const struct iovec *iovec, int count)
{
	struct audit_write write_;

	if (!audit_write_begin(&write_, &writev_hook, fd, payload_vector(iovec, count), 0))
		return REAL(writev)(fd, iovec, count);
	return audit_write_end(&write_, REAL(writev)(fd, iovec, count));
}

/*
 * The p-forms fail with ESPIPE on a socket, but for pwritev2 at offset -1; on a closed number they fail like the
 * others.
 */
HOOK(ssize_t, pwrite, int fd, const void *buf, size_t nbytes, off_t offset)
{
	struct audit_write write_;

	if (!audit_write_begin(&write_, &pwrite_hook, fd, payload_buffer(buf, nbytes), 0))
		return REAL(pwrite)(fd, buf, nbytes, offset);
	return audit_write_end(&write_, REAL(pwrite)(fd, buf, nbytes, offset));
}

HOOK(ssize_t, pwritev, int fd, const struct iovec *iovec, int count, off_t offset)
{
	struct audit_write write_;

	if (!audit_write_begin(&write_, &pwritev_hook, fd, payload_vector(iovec, count), 0))
		return REAL(pwritev)(fd, iovec, count, offset);
	return audit_write_end(&write_, REAL(pwritev)(fd, iovec, count, offset));
}

HOOK(ssize_t, pwritev2, int fd, const struct iovec *iodev, int count, off_t offset, int flags)
{
	struct audit_write write_;

	if (!audit_write_begin(&write_, &pwritev2_hook, fd, payload_vector(iodev, count), 0))
		return REAL(pwritev2)(fd, iodev, count, offset, flags);
	return audit_write_end(&write_, REAL(pwritev2)(fd, iodev, count, offset, flags));
}

#if __SIZEOF_POINTER__ == 8 /* off_t is off64_t: one function under two names */
HOOK_ALIAS(pwrite, pwrite64);
HOOK_ALIAS(pwrite, __pwrite64);
HOOK_ALIAS(pwritev, pwritev64);
HOOK_ALIAS(pwritev2, pwritev64v2);
#endif

HOOK(ssize_t, sendfile, int out_fd, int in_fd, off_t *offset, size_t count)
{
	struct audit_write write_;

	if (!audit_write_begin(&write_, &sendfile_hook, out_fd, payload_none(count), 0))
		return REAL(sendfile)(out_fd, in_fd, offset, count);
	return audit_write_end(&write_, REAL(sendfile)(out_fd, in_fd, offset, count));
}
#if __SIZEOF_POINTER__ == 8
HOOK_ALIAS(sendfile, sendfile64);
#endif

/* Reads from one descriptor and writes to another; either can be the socket. */
HOOK(ssize_t, splice, int fdin, off64_t *offin, int fdout, off64_t *offout, size_t len, unsigned int flags)
{
	struct audit_write write_;
	struct audit_read read_;
	bool writes = audit_write_begin(&write_, &splice_hook, fdout, payload_none(len), 0);
	bool reads = audit_read_begin(&read_, &splice_hook, fdin, len == 0, 0);
	ssize_t result = REAL(splice)(fdin, offin, fdout, offout, len, flags);

	if (reads)
		audit_read_end(&read_, result);
	if (writes)
		audit_write_end(&write_, result);
	return result;
}

HOOK(ssize_t, vmsplice, int fdout, const struct iovec *iov, size_t count, unsigned int flags)
{
	struct audit_write write_;

	if (!audit_write_begin(&write_, &vmsplice_hook, fdout, payload_vector(iov, (int)count), 0))
		return REAL(vmsplice)(fdout, iov, count, flags);
	return audit_write_end(&write_, REAL(vmsplice)(fdout, iov, count, flags));
}

HOOK(ssize_t, tee, int fdin, int fdout, size_t len, unsigned int flags)
{
	struct audit_write write_;

	if (!audit_write_begin(&write_, &tee_hook, fdout, payload_none(len), 0))
		return REAL(tee)(fdin, fdout, len, flags);
	return audit_write_end(&write_, REAL(tee)(fdin, fdout, len, flags));
}

HOOK(ssize_t, copy_file_range, int infd, off64_t *pinoff, int outfd, off64_t *poutoff, size_t length,
	unsigned int flags)
{
	struct audit_write write_;

	if (!audit_write_begin(&write_, &copy_file_range_hook, outfd, payload_none(length), 0))
		return REAL(copy_file_range)(infd, pinoff, outfd, poutoff, length, flags);
	return audit_write_end(&write_, REAL(copy_file_range)(infd, pinoff, outfd, poutoff, length, flags));
}

/* libc's own thread makes the write later. What can be said is what the kernel knew when it was handed over. */
HOOK(int, aio_write, struct aiocb *aiocbp)
{
	struct audit_write write_;

	if (!audit_write_begin(&write_, &aio_write_hook, aiocbp->aio_fildes, payload_none(aiocbp->aio_nbytes), 0))
		return REAL(aio_write)(aiocbp);
	return (int)audit_write_end(&write_, REAL(aio_write)(aiocbp));
}

HOOK(int, aio_write64, struct aiocb64 *aiocbp)
{
	struct audit_write write_;

	if (!audit_write_begin(&write_, &aio_write64_hook, aiocbp->aio_fildes, payload_none(aiocbp->aio_nbytes), 0))
		return REAL(aio_write64)(aiocbp);
	return (int)audit_write_end(&write_, REAL(aio_write64)(aiocbp));
}
