/*
 * hooks_stdio_stream.c: the calls of libc that flush a stream, or end it, or flush it on the way to something else;
 * and the flush that nobody calls, at exit.
 */
#undef __OPTIMIZE__ /* no inline bodies of the names that are defined here */

#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>

#include "shim/audit/audit_close.h"
#include "shim/audit/audit_process.h"
#include "shim/base/hook.h"
#include "shim/stdio/audit_flush_all.h"
#include "shim/stdio/audit_stdio.h"

/* ---- flush ---- */

HOOK(int, fflush, FILE *stream);

static int flush_one(const struct hook *hook, int (*real)(FILE *), FILE *stream)
{
	struct audit_output output;
	int result;

	if (audit_stream_is_other(stream) || !audit_flush_begin(&output, hook, stream))
		return real(stream);
	result = real(stream);
	audit_output_end(&output, 0, result == EOF);
	return result;
}

static int flush_all(const struct hook *hook, int (*real)(FILE *))
{
	struct audit_flush_all all;
	int result;

	audit_flush_all_begin(&all, hook);
	result = real(NULL);
	audit_flush_all_end(&all, result == EOF);
	return result;
}

int fflush(FILE *stream)
{
	return stream ? flush_one(&fflush_hook, REAL(fflush), stream) : flush_all(&fflush_hook, REAL(fflush));
}
HOOK_ALIAS(fflush, _IO_fflush);

HOOK(int, fflush_unlocked, FILE *stream)
{
	return stream ? flush_one(&fflush_unlocked_hook, REAL(fflush_unlocked), stream)
		      : flush_all(&fflush_unlocked_hook, REAL(fflush_unlocked));
}

/* Flushes all streams; for all its name it closes none. */
HOOK(int, fcloseall, void)
{
	struct audit_flush_all all;
	int result;

	audit_flush_all_begin(&all, &fcloseall_hook);
	result = REAL(fcloseall)();
	audit_flush_all_end(&all, result == EOF);
	return result;
}

/* ---- close ---- */

/*
 * A close of a stream writes what is in its buffer, then closes the descriptor. The first is done here, by a flush,
 * so that what became of it can be asked for while there is a socket to ask. What could not be written is thrown
 * away, as the close would do. Returns what the close has to say of it, with errno.
 */
static int flush_before_close(const struct hook *hook, FILE *stream)
{
	struct audit_output output;
	int saved = errno;
	int result;

	if (audit_stream_is_other(stream) || !audit_flush_begin(&output, hook, stream))
		return 0;
	result = REAL(fflush)(stream);
	if (result == EOF) {
		saved = errno;
		__fpurge(stream);
		errno = saved;
	}
	audit_output_end(&output, 0, result == EOF);
	errno = saved;
	return result;
}

HOOK(int, fclose, FILE *stream)
{
	struct audit_close close;
	int flushed = flush_before_close(&fclose_hook, stream);
	int flush_error = errno;
	int result;

	audit_close_by_libc_begin(&close, "fclose", stream->_fileno);
	result = audit_close_by_libc_end(&close, REAL(fclose)(stream));
	if (result == 0 && flushed == EOF) {
		errno = flush_error;
		return EOF;
	}
	return result;
}
HOOK_ALIAS(fclose, _IO_fclose);

/*
 * The stream's descriptor is closed, and its number then used for the file: that it was a socket is over. libc does so
 * even where the file cannot be opened.
 */
static void reopen_begin(struct audit_close *close, const struct hook *hook, FILE *stream)
{
	flush_before_close(hook, stream);
	audit_close_by_libc_begin(close, hook->name, stream->_fileno);
}

static FILE *reopen_end(struct audit_close *close, FILE *result)
{
	int saved = errno;

	if (result)
		audit_duplicated(-1, close->fd, socket_table_now());
	socket_release(&close->hold);
	errno = saved;
	return result;
}

HOOK(FILE *, freopen, const char *filename, const char *modes, FILE *stream)
{
	struct audit_close close;

	if (audit_stream_is_other(stream) || stream->_fileno < 0)
		return REAL(freopen)(filename, modes, stream);
	reopen_begin(&close, &freopen_hook, stream);
	return reopen_end(&close, REAL(freopen)(filename, modes, stream));
}

HOOK(FILE *, freopen64, const char *filename, const char *modes, FILE *stream)
{
	struct audit_close close;

	if (audit_stream_is_other(stream) || stream->_fileno < 0)
		return REAL(freopen64)(filename, modes, stream);
	reopen_begin(&close, &freopen64_hook, stream);
	return reopen_end(&close, REAL(freopen64)(filename, modes, stream));
}

/* ---- flushing on the way: the stream is to read, or to have another buffer ---- */

static bool way_begin(struct audit_output *output, const struct hook *hook, FILE *stream)
{
	return !audit_stream_is_other(stream) && audit_flush_begin(output, hook, stream);
}

/* A socket has no position: after a flush that went well these fail with ESPIPE, as they must. */
static int seek_end(struct audit_output *output, int result)
{
	audit_output_end(output, 0, result != 0 && errno != ESPIPE);
	return result;
}

HOOK(int, fseek, FILE *stream, long off, int whence)
{
	struct audit_output output;

	if (!way_begin(&output, &fseek_hook, stream))
		return REAL(fseek)(stream, off, whence);
	return seek_end(&output, REAL(fseek)(stream, off, whence));
}

HOOK(int, fseeko, FILE *stream, off_t off, int whence)
{
	struct audit_output output;

	if (!way_begin(&output, &fseeko_hook, stream))
		return REAL(fseeko)(stream, off, whence);
	return seek_end(&output, REAL(fseeko)(stream, off, whence));
}

HOOK(int, fsetpos, FILE *stream, const fpos_t *pos)
{
	struct audit_output output;

	if (!way_begin(&output, &fsetpos_hook, stream))
		return REAL(fsetpos)(stream, pos);
	return seek_end(&output, REAL(fsetpos)(stream, pos));
}
HOOK_ALIAS(fsetpos, _IO_fsetpos);

#if __SIZEOF_POINTER__ == 8 /* off_t is off64_t, and fpos_t is fpos64_t: one function under two names */
HOOK_ALIAS(fseeko, fseeko64);
extern SOCKSAN_EXPORT __attribute__((alias("fsetpos"))) int fsetpos64(FILE *stream, const fpos64_t *pos);
#endif

HOOK(int, setvbuf, FILE *stream, char *buf, int modes, size_t n)
{
	struct audit_output output;
	int result;

	if (!way_begin(&output, &setvbuf_hook, stream))
		return REAL(setvbuf)(stream, buf, modes, n);
	result = REAL(setvbuf)(stream, buf, modes, n);
	audit_output_end(&output, 0, result != 0);
	return result;
}
HOOK_ALIAS(setvbuf, _IO_setvbuf);

/* Those that follow return nothing: whether the flush failed shows in errno alone. */
struct mute_way {
	struct audit_output output;
	bool audited;
	int saved; /* errno before the call */
};

/* Returns errno as it was. */
static int clear_errno(void)
{
	int saved = errno;

	errno = 0;
	return saved;
}

static void mute_begin(struct mute_way *way, const struct hook *hook, FILE *stream)
{
	way->audited = way_begin(&way->output, hook, stream);
	if (way->audited)
		way->saved = clear_errno();
}

static void mute_end(struct mute_way *way)
{
	if (!way->audited)
		return;
	audit_output_end(&way->output, 0, errno && errno != ESPIPE);
	if (!errno)
		errno = way->saved;
}

HOOK(void, rewind, FILE *stream)
{
	struct mute_way way;

	mute_begin(&way, &rewind_hook, stream);
	REAL(rewind)(stream);
	mute_end(&way);
}

HOOK(void, setbuf, FILE *stream, char *buf)
{
	struct mute_way way;

	mute_begin(&way, &setbuf_hook, stream);
	REAL(setbuf)(stream, buf);
	mute_end(&way);
}

HOOK(void, setbuffer, FILE *stream, char *buf, size_t size)
{
	struct mute_way way;

	mute_begin(&way, &setbuffer_hook, stream);
	REAL(setbuffer)(stream, buf, size);
	mute_end(&way);
}
HOOK_ALIAS(setbuffer, _IO_setbuffer);

HOOK(void, setlinebuf, FILE *stream)
{
	struct mute_way way;

	mute_begin(&way, &setlinebuf_hook, stream);
	REAL(setlinebuf)(stream);
	mute_end(&way);
}

HOOK(void, _flushlbf, void)
{
	struct audit_flush_all all;
	int saved;

	audit_flush_all_begin(&all, &_flushlbf_hook);
	saved = clear_errno();
	REAL(_flushlbf)();
	audit_flush_all_end(&all, errno != 0);
	if (!errno)
		errno = saved;
}
HOOK_ALIAS(_flushlbf, _IO_flush_all_linebuffered);

/* ---- exit ---- */

/*
 * The last thing that exit() does is to flush all streams, by a call of libc's own. Just before it, behind all
 * destructors, come the handlers that were registered before the program began and belong to no library: this one. A
 * stream that libc is about to flush is flushed here, where it makes no difference to anybody; where it might (it
 * would kill the process, it would wait, somebody else is using it) the flush stays announced, and its end unknown.
 */
static void flush_at_exit(int status, void *unused)
{
	static const struct hook named_exit = {"exit", 0};
	struct audit_flush_all all;
	bool fatal = false;

	(void)status;
	(void)unused;
	audit_flush_all_begin(&all, &named_exit);
	for (unsigned i = 0; i < all.count; i++) {
		struct audit_output *output = &all.outputs[i];

		if (audit_flush_claim(output)) {
			audit_output_end(output, 0, REAL(fflush_unlocked)(output->stream) == EOF);
			funlockfile(output->stream);
		} else if (audit_flush_is_fatal(output)) {
			fatal = true;
		}
	}
	if (all.count)
		audit_process_ends(!fatal);
}

__attribute__((constructor)) static void watch_exit(void)
{
	on_exit(flush_at_exit, NULL);
}
