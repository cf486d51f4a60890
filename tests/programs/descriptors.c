/*
 * Counts its descriptors, at start, around an incident and at its limit: an audit must hold none of them, and the
 * numbers that the kernel gives must be the same. Prints what it counts, which the runner compares.
 *
 * descriptors bad    with a write after the peer closed
 * descriptors ok     without
 */
#include "tests/programs/support.h"
#include <dirent.h>
#include <sys/resource.h>

static int open_count(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	CHECK(directory != NULL);
	while (readdir(directory) != NULL)
		count++;
	CHECK(closedir(directory) == 0);
	return count - 3; /* the two dots, and the directory itself */
}

SITE void write_to_closed_peer(int fd)
{
	CHECK(write(fd, "hello?", 6) == 6);
}

static int sockets_up_to_limit(void)
{
	int count = 0;

	CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){16, 16}) == 0);
	while (socket(AF_INET, SOCK_STREAM, 0) >= 0)
		count++;
	CHECK(errno == EMFILE);
	return count;
}

int main(int argc, char **argv)
{
	printf("at start %d\n", open_count());
	struct ends ends = ends_open("tcp4");

	printf("numbers %d %d\n", ends.ours, ends.theirs);
	if (same(argument(argc, argv, 1), "bad")) {
		peer_closes(ends, "tcp4");
		write_to_closed_peer(ends.ours);
		printf("afterwards %d\n", open_count());
	}
	printf("up to the limit %d\n", sockets_up_to_limit());
	return 0;
}
