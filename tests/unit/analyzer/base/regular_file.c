/* regular_file.c: what is opened by a name from outside, and what is not. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "analyzer/base/regular_file.h"
#include "tests/unit/trace_builder.h"

static char *directory;
static struct stat status;

static void set_up(void)
{
	int fd;

	directory = builder_directory();
	cr_assert_eq(chdir(directory), 0);
	fd = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_eq(write(fd, "words", 5), 5);
	close(fd);
	cr_assert_eq(mkdir("sub", 0700), 0);
	cr_assert_eq(link("file", "sub/file"), 0);
	cr_assert_eq(symlink("../file", "sub/link"), 0);
	cr_assert_eq(symlink("sub", "folder"), 0);
}

static void tear_down(void)
{
	cr_assert_eq(chdir("/"), 0);
	builder_remove(directory);
}

TestSuite(regular_file, .init = set_up, .fini = tear_down, .timeout = 600);

static void expect_words(int fd)
{
	size_t got;
	char *words = regular_file_read(fd, (size_t)status.st_size, &got);

	cr_assert_eq(got, 5);
	cr_assert_str_eq(words, "words");
	free(words);
}

static void expect_refused(int fd, int error)
{
	cr_assert_eq(fd, -1);
	cr_assert_eq(errno, error, "%s", strerror(errno));
}

Test(regular_file, a_file_is_read)
{
	expect_words(regular_file_open("file", 0, &status));
	expect_words(regular_file_open("sub/link", 0, &status));
	expect_refused(regular_file_open("sub/link", O_NOFOLLOW, &status), ELOOP);
	expect_refused(regular_file_open("missing", 0, &status), ENOENT);
	expect_refused(regular_file_open(".", 0, &status), EISDIR);
}

/* To open a FIFO is seen by who waits for a reader; here nobody may have been there. */
Test(regular_file, a_fifo_is_never_opened)
{
	int writer;

	cr_assert_eq(mkfifo("pipe", 0600), 0);
	writer = open("pipe", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	expect_refused(regular_file_open("pipe", 0, &status), EINVAL);
	close(writer);
	expect_refused(regular_file_open("pipe", 0, &status), EINVAL);
}

Test(regular_file, a_device_and_a_socket_are_not_opened)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	expect_refused(regular_file_open("socket", 0, &status), EINVAL);
	expect_refused(regular_file_open("/dev/null", 0, &status), EINVAL);
	close(listener);
}

Test(regular_file, below_a_directory_means_without_links)
{
	expect_words(regular_file_open_below(directory, "sub/file", &status));
	expect_words(regular_file_open_below(directory, "sub//file", &status));
	expect_refused(regular_file_open_below(directory, "sub/../file", &status), EXDEV);
	expect_refused(regular_file_open_below(directory, "sub/link", &status), ELOOP);
	expect_refused(regular_file_open_below(directory, "folder/file", &status), ENOTDIR);
	expect_refused(regular_file_open_below(directory, "sub", &status), EISDIR);
}
