/*
 * Does not know liburing when it starts.
 *
 * uring_loader plugin     loads a library that needs liburing, for itself alone, and sends to a peer that is gone
 * uring_loader ok         the same while the peer is there
 * uring_loader by_hand    loads liburing and calls it by pointers, which pass no hook: the report says so
 */
#include "tests/programs/uring_support.h"
#include <dlfcn.h>

static int (*plugin_function(const char *program))(int fd)
{
	char path[4096];
	void *plugin;
	const char *slash = strrchr(program, '/');

	snprintf(path, sizeof path, "%.*s/uring_plugin", slash ? (int)(slash - program) : 1, slash ? program : ".");
	plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CHECK(plugin);
	return (int (*)(int))dlsym(plugin, "plugin_send");
}

static void call_by_hand(int fd)
{
	void *library = dlopen("liburing.so.2", RTLD_NOW | RTLD_LOCAL);
	int (*init)(unsigned, struct io_uring *, unsigned) =
		(int (*)(unsigned, struct io_uring *, unsigned))dlsym(library, "io_uring_queue_init");
	int (*submit)(struct io_uring *, unsigned) =
		(int (*)(struct io_uring *, unsigned))dlsym(library, "io_uring_submit_and_wait");
	struct io_uring ring;

	CHECK(library && init && submit);
	CHECK(init(URING_ENTRIES, &ring, 0) == 0);
	io_uring_prep_send(uring_entry(&ring, 1), fd, "never mind", 10, 0);
	CHECK(submit(&ring, 1) == 1);
}

static void skip_where_forbidden(void)
{
	struct io_uring_params parameters = {0};
	long fd = syscall(__NR_io_uring_setup, 0, &parameters); /* no entries: -EINVAL where it is allowed */

	if (fd == -1 && (errno == ENOSYS || errno == EPERM))
		uring_skip("io_uring is not allowed here", -errno);
}

int main(int argc, char **argv)
{
	const char *how = argument(argc, argv, 1);
	struct ends ends = ends_open("tcp4");

	skip_where_forbidden();
	if (same(how, "by_hand")) {
		call_by_hand(ends.ours);
		return 0;
	}
	if (same(how, "plugin"))
		peer_closes(ends, "tcp4");
	CHECK(plugin_function(argv[0])(ends.ours) == 10);
	return 0;
}
