/*
 * The standard streams are a connection, as inetd and service managers have it, and the peer goes.
 *
 * stdio_standard closed CALL       over TCP: the bytes are lost
 * stdio_standard broken CALL       over AF_UNIX: they are refused
 * stdio_standard ok CALL           the peer reads them
 * stdio_standard exit FAMILY [HOW] main returns; what is left in the buffers goes nowhere
 *     HOW: fatal (by default, SIGPIPE ends the process), ignored, well (the peer reads it), _exit (it is not written at
 *     all)
 * stdio_standard fork              the child, too, writes at its exit what the parent had left in the buffer
 */
#include "tests/programs/support.h"
#include <err.h>
#include <stdarg.h>

SITE bool write_by_puts(void)
{
	int result = puts("012345678");

	CHECK(result >= 0 || errno == EPIPE);
	return result >= 0;
}

SITE bool write_by_printf(void)
{
	int result = printf("%s%d\n", "0123", 45678);

	CHECK(result == 10 || errno == EPIPE);
	return result == 10;
}

SITE bool write_by_vprintf(const char *format, ...)
{
	va_list arguments;
	int result;

	va_start(arguments, format);
	result = vprintf(format, arguments);
	va_end(arguments);
	CHECK(result == 10 || errno == EPIPE);
	return result == 10;
}

static bool vprintf_of_ten(void)
{
	return write_by_vprintf("%s%d\n", "0123", 45678);
}

SITE bool write_by_putchar(void)
{
	for (int i = 0; i < 9; i++)
		CHECK(putchar('0' + i) == '0' + i);
	int result = putchar('\n');

	CHECK(result == '\n' || errno == EPIPE);
	return result == '\n';
}

SITE bool write_by_perror(void)
{
	errno = ENOENT;
	perror("0123456");
	return errno != EPIPE;
}

SITE bool write_by_warn(void)
{
	errno = ENOENT;
	warn("%s", "0123456");
	return !ferror(stderr);
}

SITE bool write_by_warnx(void)
{
	warnx("%s", "0123456");
	return !ferror(stderr);
}

static const struct {
	const char *name;
	bool (*write)(void);
	int length;
} calls[] = {
	{"puts", write_by_puts, 10},
	{"printf", write_by_printf, 10},
	{"vprintf", vprintf_of_ten, 10},
	{"putchar", write_by_putchar, 10},
	{"perror", write_by_perror, 35},
	{"warn", write_by_warn, 51},
	{"warnx", write_by_warnx, 24},
};

static void expect_input(int fd, int bytes)
{
	char buffer[64];

	CHECK(recv(fd, buffer, (size_t)bytes, MSG_WAITALL) == bytes);
}

static void write_by(const char *call, const char *how, int theirs)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		if (!same(calls[i].name, call))
			continue;
		CHECK(calls[i].write() == !same(how, "broken"));
		if (same(how, "ok"))
			expect_input(theirs, calls[i].length);
		return;
	}
	CHECK(!"a known call");
}

static void become_standard(int fd)
{
	CHECK(dup2(fd, STDOUT_FILENO) == STDOUT_FILENO && dup2(fd, STDERR_FILENO) == STDERR_FILENO);
	CHECK(close(fd) == 0);
}

static void fork_with_output(int theirs)
{
	CHECK(printf("%s", "0123456789") == 10);
	pid_t child = fork();

	if (child == 0)
		exit(0);
	child_succeeds(child);
	CHECK(fflush(stdout) == 0);
	expect_input(theirs, 20);
}

/* Returns, or ends the process itself. */
static void leave_output(const char *family, const char *how, struct ends ends)
{
	static int gone;

	if (same(how, "ignored"))
		signal(SIGPIPE, SIG_IGN);
	CHECK(printf("%s", "0123456789") == 10);
	if (same(how, "_exit"))
		_exit(0);
	gone = ends.theirs;
	if (same(how, "well"))
		return;
	CHECK(close(gone) == 0);
	if (is_tcp(family))
		wait_for_tcp_state(STDOUT_FILENO, TCP_CLOSE_WAIT);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	const char *word = argument(argc, argv, 2);
	const char *family = same(how, "exit") ? word : same(how, "broken") ? "pair" : "tcp4";
	struct ends ends = ends_open(family);

	become_standard(ends.ours);
	ends.ours = STDOUT_FILENO;
	if (same(how, "exit")) {
		leave_output(family, argument(argc, argv, 3), ends);
		return 0;
	}
	setlinebuf(stdout);
	signal(SIGPIPE, SIG_IGN);
	if (same(how, "fork")) {
		setvbuf(stdout, NULL, _IOFBF, 4096);
		fork_with_output(ends.theirs);
		return 0;
	}
	if (!same(how, "ok"))
		peer_closes(ends, family);
	write_by(word, how, ends.theirs);
	return 0;
}
