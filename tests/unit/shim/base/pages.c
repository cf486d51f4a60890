/* pages.c: memory of the library's own: what is remembered of it, and that it is not locked. */
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "shim/base/pages.h"
#include "tests/unit/shim/fixture.h"

TestSuite(pages);

struct search {
	uintptr_t at;
	size_t bytes;
};

static void look(uintptr_t at, size_t bytes, void *data)
{
	struct search *search = data;

	if (at == search->at)
		search->bytes = bytes;
}

/* How many bytes are remembered from here on. */
static size_t remembered(const void *at)
{
	struct search search = {(uintptr_t)at, 0};

	pages_each(look, &search);
	return search.bytes;
}

Test(pages, are_zeroed_and_remembered)
{
	const size_t bytes = 3 * 4096 + 100;
	char *at = pages_map(bytes);

	cr_assert_not_null(at);
	for (size_t i = 0; i < bytes; i++)
		cr_assert(at[i] == 0);
	cr_expect(remembered(at) == bytes);
	pages_unmap(at, bytes);
	cr_expect(remembered(at) == 0);
	cr_expect(msync(at, 4096, MS_ASYNC) < 0 && errno == ENOMEM, "unmapped");
}

Test(pages, many)
{
	enum { MANY = 1000 };
	static char *at[MANY];

	for (int i = 0; i < MANY; i++) {
		at[i] = pages_map(4096);
		cr_assert_not_null(at[i]);
		*at[i] = (char)i;
	}
	for (int i = 0; i < MANY; i += 2)
		pages_unmap(at[i], 4096);
	for (int i = 0; i < MANY; i++)
		cr_assert(remembered(at[i]) == (i % 2 ? 4096 : 0));
	for (int i = 1; i < MANY; i += 2)
		cr_assert(*at[i] == (char)i);
}

Test(pages, are_replaced_one_by_one)
{
	char *at = pages_map(3 * 4096);

	memset(at, 'x', 3 * 4096);
	cr_expect(pages_replace(at + 4096, 4096));
	cr_expect(at[0] == 'x' && at[4095] == 'x' && at[4096] == 0 && at[8191] == 0 && at[8192] == 'x');
	cr_expect(remembered(at) == 3 * 4096);
}

static long locked_kib(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[200];
	long kib = -1;

	while (kib < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, "VmLck:", 6))
			kib = atol(line + 6);
	fclose(file);
	return kib;
}

/* An ordinary user has locked the last page that it may. */
Test(pages, are_there_where_nothing_more_may_be_locked)
{
	const struct rlimit limit = {1 << 20, 1 << 20};
	long before;
	char *at;

	cr_assert_not_null(pages_map(4096));
	cr_assert(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	if (geteuid() == 0)
		cr_assert(setresuid(65534, 65534, 65534) == 0);
	cr_assert(mlockall(MCL_FUTURE) == 0);
	while (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		;
	before = locked_kib();
	at = pages_map(1 << 20);
	if (!at)
		cr_skip_test("the kernel has no MREMAP_DONTUNMAP (Linux 5.7)");
	cr_expect(remembered(at) == 1 << 20);
	memset(at, 'x', 1 << 20);
	cr_expect(locked_kib() == before, "%ld KiB, not %ld", locked_kib(), before);
}
