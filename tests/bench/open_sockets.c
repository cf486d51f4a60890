/*
 * open_sockets.c: what memory a program takes that has many connections open at once.
 *
 *	open_sockets COUNT
 *
 * Opens two sockets, then more until there are COUNT, all of them TCP connections over loopback with both ends in this
 * process, each with one byte sent and received so that it is more than a table entry to everybody. Prints the resident
 * bytes after the first two, and after all: every page counts, be it anonymous or of a mapped file.
 */
#include <sys/resource.h>

#include "tests/programs/support.h"

static long resident_bytes(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	long kilobytes = -1;

	CHECK(file != NULL);
	while (fgets(line, sizeof line, file))
		if (strncmp(line, "Rss:", 4) == 0)
			kilobytes = strtol(line + 4, NULL, 10);
	fclose(file);
	CHECK(kilobytes >= 0);
	return kilobytes * 1024;
}

static void use(int from, int to)
{
	char byte = 'x';

	CHECK(write(from, &byte, 1) == 1);
	CHECK(read(to, &byte, 1) == 1);
}

/* Two sockets more. They stay open until the end of the process. */
static void open_two(int listener)
{
	int client = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(client >= 0);
	CHECK(connect_to(client, listener) == 0);

	int server = accept(listener, NULL, NULL);

	CHECK(server >= 0);
	use(client, server);
	use(server, client);
}

int main(int argc, char **argv)
{
	long count = strtol(argument(argc, argv, 1), NULL, 10);
	struct rlimit limit;

	if (count < 2) {
		fprintf(stderr, "usage: open_sockets COUNT\n");
		return 2;
	}
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = (rlim_t)count + 64;
	if (limit.rlim_max < limit.rlim_cur)
		limit.rlim_max = limit.rlim_cur;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);

	int listener = listener_open("tcp4", 16);

	open_two(listener);
	/* Asked for once before it counts: the first answer pays for stdio's own buffers. */
	resident_bytes();

	long first = resident_bytes();

	for (long i = 2; i < count; i += 2)
		open_two(listener);
	printf("%ld %ld\n", first, resident_bytes());
	return 0;
}
