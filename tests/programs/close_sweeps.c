/*
 * Closes numbers that it has closed before, by customs that are no mistake: whatever there is goes, so that nothing is
 * left open. It had fifty connections first, so that many of the numbers are ones that were sockets.
 *
 * close_sweeps WAY [some]
 *   ascending     from 3 to 1023
 *   descending    from 1023 to 3
 *   range         by close_range, twice
 *   from          by closefrom, twice
 *   over          puts other descriptors on the numbers with dup2, and closes those
 *   listed        those that /proc/self/fd lists
 *   vforked       in a vforked child, ascending, by close_range and by dup2
 *   forked        in a forked child, ascending, descending and by closefrom
 *   some          every other connection is still open
 */
#include "tests/programs/support.h"
#include <dirent.h>
#include <fcntl.h>

enum { CONNECTIONS = 50, HIGHEST = 1023 };

static struct ends connections[CONNECTIONS];

static void close_ascending(void)
{
	for (int fd = 3; fd <= HIGHEST; fd++)
		close(fd);
}

static void close_descending(void)
{
	for (int fd = HIGHEST; fd >= 3; fd--)
		close(fd);
}

static void put_others_on_numbers(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	CHECK(null >= 0);
	for (int i = 0; i < CONNECTIONS; i++) {
		if (connections[i].ours == null)
			continue;
		CHECK(dup2(null, connections[i].ours) == connections[i].ours);
		CHECK(write(connections[i].ours, "into nothing", 12) == 12);
		CHECK(close(connections[i].ours) == 0);
		CHECK(dup3(null, connections[i].ours, O_CLOEXEC) == connections[i].ours);
		CHECK(close(connections[i].ours) == 0);
		CHECK_FAILS(dup2(HIGHEST, connections[i].ours), EBADF);
		CHECK_FAILS(fcntl(connections[i].ours, F_GETFD), EBADF);
	}
	CHECK(close(null) == 0);
}

static void close_listed(void)
{
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;

	CHECK(directory != NULL);
	while ((entry = readdir(directory))) {
		int fd = atoi(entry->d_name);

		if (fd >= 3 && fd != dirfd(directory))
			CHECK(close(fd) == 0);
	}
	CHECK(closedir(directory) == 0);
}

/* Calls that no vforked child should make, and that work. */
static void sweep_in_vforked_child(void)
{
	static char *const command[] = {"/bin/true", NULL};
	pid_t child = vfork();

	if (child == 0) {
		int number = connections[0].ours;

		if (dup2(2, number) == number)
			close(number);
		close_ascending();
		close_range(3, ~0U, 0);
		execv(command[0], command);
		_exit(127);
	}
	child_succeeds(child);
}

static void sweep_in_forked_child(void)
{
	pid_t child = fork();

	if (child == 0) {
		CHECK_FAILS(close(connections[1].ours), EBADF);
		close_ascending();
		close_descending();
		closefrom(3);
		/* its own life begins */
		struct ends ends = ends_open("tcp4");

		CHECK(write(ends.ours, "hello", 5) == 5);
		CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
		close_ascending();
		exit(0);
	}
	child_succeeds(child);
}

static void sweep(const char *way)
{
	if (same(way, "ascending"))
		close_ascending();
	else if (same(way, "descending"))
		close_descending();
	else if (same(way, "range"))
		CHECK(close_range(3, HIGHEST, 0) == 0 && close_range(3, ~0U, 0) == 0);
	else if (same(way, "from"))
		closefrom(3), closefrom(3);
	else if (same(way, "over"))
		put_others_on_numbers();
	else if (same(way, "listed"))
		close_listed();
	else if (same(way, "vforked"))
		sweep_in_vforked_child();
	else
		sweep_in_forked_child();
}

int main(int argc, char **argv)
{
	const char *way = argument(argc, argv, 1);
	bool some = same(argument(argc, argv, 2), "some");

	for (int i = 0; i < CONNECTIONS; i++)
		connections[i] = ends_open("tcp4");
	for (int i = some; i < CONNECTIONS; i += 1 + some)
		CHECK(close(connections[i].ours) == 0 && close(connections[i].theirs) == 0);
	sweep(way);
	/* Life goes on. */
	struct ends ends = ends_open("tcp4");

	CHECK(write(ends.ours, "hello", 5) == 5);
	CHECK(close(ends.ours) == 0 && close(ends.theirs) == 0);
	sweep(way);
	return 0;
}
