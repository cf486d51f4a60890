/*
 * python.c: the tables of CPython's layout, its location tables, and stacks read from memory that is laid out as
 * an interpreter's.
 *
 * What the real ones make of it is seen by tests/e2e/python_stacks.sh. Here stand what they do not do: lists without an
 * end, memory that is not there, versions that nobody knows, builds that this machine has not.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/stack/python_frames.h"
#include "shim/stack/python_lines.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

#define COOKIE 0x7970677562656478u /* "xdebugpy" */

/* ---- tables ---- */

/* The first word of each group, as python_layout.c has them. */
struct groups {
	uint32_t version;
	unsigned thread, frame, code, object, bytes, unicode;
};

static const struct groups python_3_13 = {0x030d00f0, 19, 28, 34, 44, 64, 67};
static const struct groups python_3_14 = {0x030e00f0, 22, 31, 39, 50, 74, 77};

static void set_group(uint64_t *table, unsigned first, const uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		table[first + i] = words[i];
}

#define SET_GROUP(table, first, ...)                                                                                   \
	set_group(table, first, (const uint64_t[]){__VA_ARGS__}, COUNT_OF(((const uint64_t[]){__VA_ARGS__})))

/* The interpreter that these tests lay out. */
struct object {
	uint64_t references;
	uint64_t type;
};

struct bytes {
	struct object object;
	int64_t length;
	int64_t hash;
	char data[64];
};

struct string {
	struct object object;
	int64_t length;
	int64_t hash;
	uint32_t state;
	uint32_t pad;
	union {
		char ascii[600];
		struct {
			uint64_t utf8[2];
			uint16_t wide[8];
		};
	};
};

struct code {
	struct object object;
	int32_t first_line;
	int32_t pad;
	struct string *file;
	struct string *name;
	struct bytes *lines;
	uint64_t *copies;
	uint16_t instructions[16];
};

struct frame {
	uint64_t code;
	struct frame *previous;
	uint16_t *instruction;
	int32_t copy;
	uint16_t pad;
	char owner;
	char rest;
};

struct thread {
	uint64_t interpreter;
	struct frame *frame;
};

static char code_type, text_type, bytes_type;

static void fill_table(uint64_t *table, const struct groups *groups, bool free_threaded)
{
	memset(table, 0, PYTHON_LAYOUT_WORDS * sizeof(*table));
	SET_GROUP(table, 0, COOKIE, groups->version, free_threaded);
	SET_GROUP(table, groups->thread, sizeof(struct thread), 0, 0, 0, offsetof(struct thread, frame));
	SET_GROUP(table, groups->unicode, sizeof(struct string), offsetof(struct string, state),
		offsetof(struct string, length), offsetof(struct string, ascii));
	SET_GROUP(table, groups->bytes, sizeof(struct bytes), offsetof(struct bytes, length),
		offsetof(struct bytes, data));
	SET_GROUP(table, groups->object, sizeof(struct object), offsetof(struct object, type));
	SET_GROUP(table, groups->code, sizeof(struct code), offsetof(struct code, file), offsetof(struct code, name), 0,
		offsetof(struct code, lines), offsetof(struct code, first_line), 0, 0, 0,
		offsetof(struct code, instructions));
	if (groups->version >= 0x030e0000)
		table[groups->code + 10] = offsetof(struct code, copies);
	SET_GROUP(table, groups->frame, sizeof(struct frame), offsetof(struct frame, previous),
		offsetof(struct frame, code), offsetof(struct frame, instruction), 0, offsetof(struct frame, owner));
	if (groups->version >= 0x030e0000)
		table[groups->frame + 7] = offsetof(struct frame, copy);
}

static struct python_frames interpreter(const struct groups *groups, bool free_threaded)
{
	struct python_frames frames = {.code_type = (uintptr_t)&code_type,
		.text_type = (uintptr_t)&text_type,
		.bytes_type = (uintptr_t)&bytes_type};
	uint64_t table[PYTHON_LAYOUT_WORDS];
	uint32_t version = 0;

	fill_table(table, groups, free_threaded);
	cr_assert(python_layout_parse(table, &frames.layout, &version) == PYTHON_LAYOUT_KNOWN);
	cr_assert(version == groups->version);
	return frames;
}

static void expect_state(uint64_t *table, enum python_layout_state wanted)
{
	struct python_layout layout;
	uint32_t version = 0;

	cr_expect(python_layout_parse(table, &layout, &version) == wanted);
	cr_expect(version == (wanted == PYTHON_LAYOUT_NONE ? 0 : (uint32_t)table[1]));
}

Test(python, versions_that_are_known)
{
	static const uint32_t unknown[] = {0x030c00f0, 0x030d00b4, 0x030e00a7, 0x031000f0, 0x040d00f0, 0};
	uint64_t table[PYTHON_LAYOUT_WORDS];

	fill_table(table, &python_3_13, false);
	expect_state(table, PYTHON_LAYOUT_KNOWN);
	table[1] = 0x030d12f0; /* 3.13.18 */
	expect_state(table, PYTHON_LAYOUT_KNOWN);
	table[1] = 0x030d00c2; /* a release candidate */
	expect_state(table, PYTHON_LAYOUT_KNOWN);
	for (size_t i = 0; i < COUNT_OF(unknown); i++) {
		table[1] = unknown[i];
		expect_state(table, PYTHON_LAYOUT_UNKNOWN);
	}
	table[0]++;
	expect_state(table, PYTHON_LAYOUT_NONE);
}

/* A member outside of its structure, or further out than a stack is worth: whatever that is, it is not what we know. */
Test(python, offsets_that_cannot_be)
{
	static const unsigned members[] = {19 + 4, 28 + 1, 28 + 5, 34 + 1, 34 + 4, 34 + 9, 44 + 1, 64 + 2, 67 + 3};
	uint64_t table[PYTHON_LAYOUT_WORDS];

	for (size_t i = 0; i < COUNT_OF(members); i++) {
		fill_table(table, &python_3_13, false);
		table[members[i]] = UINT64_MAX - 3;
		expect_state(table, PYTHON_LAYOUT_UNKNOWN);
		table[members[i]] = 100000;
		expect_state(table, PYTHON_LAYOUT_UNKNOWN);
	}
}

/* ---- lines ---- */

static long line_at(const unsigned char *table, size_t bytes, size_t instruction)
{
	struct kernel_tried tried = {0};

	return python_lines_find(&tried, (uintptr_t)table, bytes, 10, instruction);
}

/* Objects/locations.md: each kind of entry once. */
static const unsigned char every_kind[] = {
	0x80 | 0 << 3 | 1, 0x11, /* 2 instructions in line 10 */
	0x80 | 11 << 3 | 0, 0x01, 0x02, /* 1 in line 11 */
	0x80 | 13 << 3 | 2, 0x02 << 1, /* 3 in line 13 */
	0x80 | 15 << 3 | 0, /* 1 in none */
	0x80 | 14 << 3 | 0, 0x40 | 0x00, 0x02, 0x00, 0x01, 0x02, /* 1 in line 13 + 64 */
	0x80 | 14 << 3 | 0, 0x05, 0x00, 0x01, 0x02, /* 1 in line 77 - 2 */
	0x80 | 12 << 3 | 7, 0x01, 0x02, /* 8 in line 77 */
};

Test(python, lines)
{
	static const long wanted[] = {10, 10, 11, 13, 13, 13, 0, 77, 75, 77, 77, 77, 77, 77, 77, 77, 77, 0, 0};

	for (size_t i = 0; i < COUNT_OF(wanted); i++)
		cr_expect(line_at(every_kind, sizeof(every_kind), i) == wanted[i], "instruction %zu: %ld", i,
			line_at(every_kind, sizeof(every_kind), i));
}

Test(python, lines_of_a_long_table)
{
	unsigned char table[4000];

	for (size_t i = 0; i < sizeof(table); i += 2) {
		table[i] = 0x80 | 13 << 3;
		table[i + 1] = 1 << 1;
	}
	cr_expect(line_at(table, sizeof(table), 0) == 11);
	cr_expect(line_at(table, sizeof(table), 1999) == 2010);
	cr_expect(line_at(table, sizeof(table), 2000) == 0);
}

Test(python, lines_of_garbage)
{
	unsigned char table[300];

	for (unsigned first = 0; first < 256; first++) {
		for (size_t i = 0; i < sizeof(table); i++)
			table[i] = (unsigned char)(first + i * (first | 1));
		for (size_t length = 0; length < sizeof(table); length += 7)
			line_at(table, length, 1000);
	}
	memset(table, 0x7f, sizeof(table));
	cr_expect(line_at(table, sizeof(table), 0) == 0);
	cr_expect(line_at(table, SIZE_MAX, 0) == 0);
	cr_expect(line_at((const unsigned char *)16, 100, 0) == PYTHON_LINES_UNREADABLE);
}

/* ---- frames ---- */

static struct string file = {{1, 0}, .state = 1 << 2 | 1 << 5 | 1 << 6};
static struct string name = {{1, 0}, .state = 1 << 2 | 1 << 5 | 1 << 6};
static struct bytes lines;
static struct code code;
static struct frame inner, outer;
static struct thread thread;
static char text[4096];

static void set_string(struct string *string, const char *ascii)
{
	string->object.type = (uint64_t)&text_type;
	string->length = (int64_t)strlen(ascii);
	snprintf(string->ascii, sizeof(string->ascii), "%s", ascii);
}

/* Two frames of one function, one in line 11 and the one that called it in line 10. */
static void set_up(void)
{
	set_string(&file, "/srv/app.py");
	set_string(&name, "reply");
	lines = (struct bytes){{1, (uint64_t)&bytes_type}, .length = sizeof(every_kind)};
	memcpy(lines.data, every_kind, sizeof(every_kind));
	code = (struct code){
		{1, (uint64_t)&code_type}, .first_line = 10, .file = &file, .name = &name, .lines = &lines};
	inner = (struct frame){(uint64_t)&code, &outer, &code.instructions[2], .owner = 0};
	outer = (struct frame){(uint64_t)&code, NULL, &code.instructions[0], .owner = 1};
	thread.frame = &inner;
}

TestSuite(python, .init = set_up);

#define READS(frames, size, whole, wanted)                                                                             \
	do {                                                                                                           \
		bool is_whole_;                                                                                        \
		uint32_t length_ = python_frames_text(frames, (uintptr_t)&thread, text, size, &is_whole_);             \
                                                                                                                       \
		cr_expect(                                                                                             \
			length_ == strlen(wanted) && !memcmp(text, wanted, length_), "\"%.*s\"", (int)length_, text);  \
		cr_expect(is_whole_ == (whole));                                                                       \
	} while (0)

#define IN_LINE(line) "  File \"/srv/app.py\", line " #line " in reply\n"

Test(python, a_stack)
{
	struct python_frames old = interpreter(&python_3_13, false), new = interpreter(&python_3_14, false);

	READS(&old, sizeof(text), true, IN_LINE(11) IN_LINE(10));
	inner.code |= 1; /* a borrowed reference */
	READS(&new, sizeof(text), true, IN_LINE(11) IN_LINE(10));
	thread.frame = NULL;
	READS(&new, sizeof(text), true, "");
}

/* Entries from C stand between; an instruction before the first is of a function that has not begun. */
Test(python, frames_that_are_no_functions)
{
	struct python_frames frames = interpreter(&python_3_14, false);
	struct frame entry = {(uint64_t)&code, &outer, &code.instructions[0], .owner = 3};

	inner.previous = &entry;
	outer.instruction = (uint16_t *)&code;
	READS(&frames, sizeof(text), true, IN_LINE(11) IN_LINE(10));
	entry.owner = 0;
	entry.code = (uint64_t)&thread; /* None, say */
	READS(&frames, sizeof(text), true, IN_LINE(11) IN_LINE(10));
}

/* In a free-threaded build each thread runs a copy of the code; the state of a str begins with a byte there. */
Test(python, a_copy_for_each_thread)
{
	struct python_frames frames = interpreter(&python_3_14, true);
	uint16_t copy[16];
	uint64_t copies[] = {2, (uint64_t)code.instructions, (uint64_t)copy};

	file.state = name.state = 1 << 8 | 1 << 11 | 1 << 12;
	code.copies = copies;
	inner.copy = 1;
	inner.instruction = &copy[3];
	READS(&frames, sizeof(text), true, IN_LINE(13) IN_LINE(10));
}

Test(python, a_stack_without_end)
{
	struct python_frames frames = interpreter(&python_3_13, false);
	bool whole;
	uint32_t length;

	outer.previous = &inner;
	length = python_frames_text(&frames, (uintptr_t)&thread, text, sizeof(text), &whole);
	cr_expect(length > 3900 && length < sizeof(text) && text[length - 1] == '\n');
	outer.owner = inner.owner = 4; /* so that no text ends it */
	READS(&frames, sizeof(text), true, "");
}

/* A line that does not fit is left out whole. */
Test(python, a_stack_that_is_cut)
{
	struct python_frames frames = interpreter(&python_3_13, false);
	const size_t one = strlen(IN_LINE(11));

	READS(&frames, (uint32_t)(2 * one + 1), true, IN_LINE(11) IN_LINE(10));
	READS(&frames, (uint32_t)(2 * one), true, IN_LINE(11));
	READS(&frames, (uint32_t)(one + 1), true, IN_LINE(11));
	READS(&frames, 12, true, "");
	READS(&frames, 1, true, "");
}

Test(python, memory_that_is_not_there)
{
	struct python_frames frames = interpreter(&python_3_13, false);
	char *hole = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert(hole != MAP_FAILED);
	inner.previous = (struct frame *)(void *)hole;
	READS(&frames, sizeof(text), false, IN_LINE(11));
	inner.previous = &outer;
	inner.code = (uint64_t)hole;
	READS(&frames, sizeof(text), false, IN_LINE(10));
	inner.code = (uint64_t)&code;
	code.name = (struct string *)(void *)hole;
	READS(&frames, sizeof(text), false,
		"  File \"/srv/app.py\", line 11 in ???\n  File \"/srv/app.py\", line 10 in ???\n");
	code.name = &name;
	code.lines = (struct bytes *)(void *)hole;
	outer.owner = 4;
	READS(&frames, sizeof(text), false, "  File \"/srv/app.py\", line 0 in reply\n");
	thread.frame = (struct frame *)(void *)hole;
	READS(&frames, sizeof(text), false, "");
}

Test(python, names_beyond_ascii)
{
	struct python_frames frames = interpreter(&python_3_13, false);

	static const uint16_t wide[] = {0x00e4, 0x20ac, '\n', 0xdcff, 'z'};

	outer.owner = 4;
	name.state = 2 << 2 | 1 << 5;
	name.length = COUNT_OF(wide);
	memcpy(name.wide, wide, sizeof(wide));
	READS(&frames, sizeof(text), true, "  File \"/srv/app.py\", line 11 in \xc3\xa4\xe2\x82\xac??z\n");
	name.state = 0; /* what no str has */
	READS(&frames, sizeof(text), true, "  File \"/srv/app.py\", line 11 in ???\n");
	name.object.type++;
	READS(&frames, sizeof(text), true, "  File \"/srv/app.py\", line 11 in ???\n");
}

Test(python, a_long_name)
{
	struct python_frames frames = interpreter(&python_3_13, false);
	char long_name[590];
	char wanted[1000];

	outer.owner = 4;
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	set_string(&name, long_name);
	snprintf(wanted, sizeof(wanted), "  File \"/srv/app.py\", line 11 in %.500s...\n", long_name);
	READS(&frames, sizeof(text), true, wanted);
}
