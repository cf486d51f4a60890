/* payload.c: lengths and first bytes of what a write was given, by pointers good and bad. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim/socket/payload.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* Two pages, of which the second cannot be read. `edge` is where it begins. */
static char *edge;

static void set_up(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert(pages != MAP_FAILED);
	edge = pages + page;
	cr_assert(mprotect(edge, page, PROT_NONE) == 0);
}

TestSuite(payload, .init = set_up);

static char one[] = "one", fourteen[] = "fourteen bytes";
static struct iovec parts[] = {{one, 3}, {NULL, 0}, {fourteen, 14}};

static struct msghdr message_of(struct iovec *vector, size_t count)
{
	return (struct msghdr){.msg_iov = vector, .msg_iovlen = count};
}

static void expect_first_bytes(const struct payload *payload, size_t size, const char *wanted)
{
	char bytes[64];
	size_t length;

	memset(bytes, '#', sizeof(bytes));
	length = payload_first_bytes(payload, bytes, size);
	cr_expect(length == strlen(wanted), "%zu bytes, not \"%s\"", length, wanted);
	cr_expect(!memcmp(bytes, wanted, strlen(wanted)), "\"%.*s\", not \"%s\"", (int)length, bytes, wanted);
	for (size_t i = size; i < sizeof(bytes); i++)
		cr_expect(bytes[i] == '#', "byte %zu was touched", i);
}

Test(payload, a_buffer)
{
	struct payload payload = payload_buffer(fourteen, 14);

	cr_expect(payload_length(&payload) == 14);
	expect_first_bytes(&payload, 64, "fourteen bytes");
	expect_first_bytes(&payload, 4, "four");
	expect_first_bytes(&payload, 0, "");
	payload = payload_buffer(fourteen, 0);
	cr_expect(payload_length(&payload) == 0);
	expect_first_bytes(&payload, 64, "");
}

/* sendfile and splice: the bytes are in no memory of the program. */
Test(payload, a_length_alone)
{
	struct payload payload = payload_none(4096);

	cr_expect(payload_length(&payload) == 4096);
	expect_first_bytes(&payload, 64, "");
}

Test(payload, a_vector)
{
	struct payload payload = payload_vector(parts, 3);

	cr_expect(payload_length(&payload) == 17);
	expect_first_bytes(&payload, 64, "onefourteen bytes");
	expect_first_bytes(&payload, 7, "onefour");
	payload = payload_vector(parts, 0);
	cr_expect(payload_length(&payload) == 0);
	expect_first_bytes(&payload, 64, "");
}

Test(payload, a_vector_of_any_length)
{
	static struct iovec many[3 * IOV_MAX];

	for (size_t i = 0; i < COUNT_OF(many); i++)
		many[i] = (struct iovec){one, i % 4};
	for (int count = 0; count <= IOV_MAX; count += count < 40 ? 1 : 41) {
		struct payload payload = payload_vector(many, count);
		size_t sum = 0;

		for (int i = 0; i < count; i++)
			sum += many[i].iov_len;
		cr_expect(payload_length(&payload) == sum, "%d elements", count);
	}
	/* the kernel refuses these, so it is enough not to lose oneself in them */
	struct payload payload = payload_vector(many, COUNT_OF(many));
	cr_expect(payload_length(&payload) > 0);
	payload = payload_vector(many, INT_MAX);
	payload_length(&payload);
	payload = payload_vector(many, -1);
	cr_expect(payload_length(&payload) == 0);
}

Test(payload, a_message)
{
	struct msghdr message = message_of(parts, 3);
	struct payload payload = payload_message(&message);

	cr_expect(payload_length(&payload) == 17);
	expect_first_bytes(&payload, 5, "onefo");
	message = message_of(NULL, 0);
	cr_expect(payload_length(&payload) == 0);
	expect_first_bytes(&payload, 5, "");
}

Test(payload, several_messages)
{
	struct mmsghdr messages[] = {{.msg_hdr = message_of(parts, 1)}, {.msg_hdr = message_of(parts + 2, 1)},
		{.msg_hdr = message_of(NULL, 0)}};
	struct payload payload = payload_messages(messages, 3);

	cr_expect(payload_length(&payload) == 17);
	expect_first_bytes(&payload, 64, "one");
	payload = payload_messages(messages, 1);
	cr_expect(payload_length(&payload) == 3);
	payload = payload_messages(messages, 0);
	cr_expect(payload_length(&payload) == 0);
	expect_first_bytes(&payload, 64, "");
}

/* ---- pointers that the kernel answers with EFAULT ---- */

/* Pointers to nothing that can be read: for a structure of any size and alignment. */
static void *bad_pointer(size_t i)
{
	void *const bad[] = {
		(void *)16, edge, edge + 64, (void *)-4096, (void *)0x7ffffffff000, (void *)0x8000000000000000};

	return i < COUNT_OF(bad) ? bad[i] : NULL;
}

Test(payload, bad_buffers)
{
	for (size_t i = 0; bad_pointer(i); i++) {
		struct payload payload = payload_buffer(bad_pointer(i), 100);

		cr_expect(payload_length(&payload) == 100, "what was offered, good or bad");
		expect_first_bytes(&payload, 32, "");
	}
}

Test(payload, a_buffer_that_ends_in_bad_memory)
{
	struct payload payload = payload_buffer(edge - 4, 100);

	memcpy(edge - 4, "last", 4);
	expect_first_bytes(&payload, 4, "last");
	expect_first_bytes(&payload, 5, "");
}

Test(payload, bad_vectors)
{
	for (size_t i = 0; bad_pointer(i); i++) {
		struct payload payload = payload_vector(bad_pointer(i), 3);

		cr_expect(payload_length(&payload) == 0, "%p", bad_pointer(i));
		expect_first_bytes(&payload, 32, "");
	}
}

Test(payload, a_vector_that_ends_in_bad_memory)
{
	struct iovec *vector = (struct iovec *)(void *)edge - 2;
	struct payload payload = payload_vector(vector, 3);

	vector[0] = parts[0];
	vector[1] = parts[2];
	cr_expect(payload_length(&payload) == 0);
	expect_first_bytes(&payload, 64, "onefourteen bytes");
	payload = payload_vector(vector, 2);
	cr_expect(payload_length(&payload) == 17);
}

Test(payload, a_vector_of_bad_buffers)
{
	struct iovec vector[] = {{one, 3}, {edge, 10}, {fourteen, 14}};
	struct payload payload = payload_vector(vector, 3);

	cr_expect(payload_length(&payload) == 27);
	expect_first_bytes(&payload, 64, "one");
}

Test(payload, bad_messages)
{
	for (size_t i = 0; bad_pointer(i); i++) {
		struct payload payload = payload_message(bad_pointer(i));
		struct msghdr message = message_of(bad_pointer(i), 2);

		cr_expect(payload_length(&payload) == 0);
		expect_first_bytes(&payload, 32, "");
		payload = payload_messages(bad_pointer(i), 3);
		cr_expect(payload_length(&payload) == 0);
		expect_first_bytes(&payload, 32, "");
		payload = payload_message(&message);
		cr_expect(payload_length(&payload) == 0);
		expect_first_bytes(&payload, 32, "");
	}
}

Test(payload, no_pointer_at_all)
{
	struct payload payloads[] = {
		payload_buffer(NULL, 10), payload_vector(NULL, 10), payload_message(NULL), payload_messages(NULL, 2)};

	for (size_t i = 0; i < COUNT_OF(payloads); i++) {
		cr_expect(payload_length(&payloads[i]) == (i == 0 ? 10 : 0));
		expect_first_bytes(&payloads[i], 32, "");
	}
}

Test(payload, several_messages_of_which_some_are_bad)
{
	struct mmsghdr messages[] = {{.msg_hdr = message_of(parts, 1)},
		{.msg_hdr = message_of((struct iovec *)(void *)edge, 1)}, {.msg_hdr = message_of(parts + 2, 1)}};
	struct payload payload = payload_messages(messages, 3);

	cr_expect(payload_length(&payload) == 17, "what can be read of it");
	expect_first_bytes(&payload, 64, "one");
}
