/* python_layout.c: one row for each version of CPython whose table is known. */
#include "shim/stack/python_layout.h"

#include <stddef.h>
#include <string.h>

/* The first words of every table. */
enum { TABLE_COOKIE, TABLE_VERSION, TABLE_FREE_THREADED };

/* Members of a group, counted from its first word, which is the structure's size. */
enum { THREAD_CURRENT_FRAME = 4 };
enum { FRAME_PREVIOUS = 1, FRAME_EXECUTABLE, FRAME_INSTR_PTR, FRAME_OWNER = 5, FRAME_TLBC_INDEX = 7 };
enum {
	CODE_FILENAME = 1,
	CODE_NAME,
	CODE_LINETABLE = 4,
	CODE_FIRSTLINENO,
	CODE_CO_CODE_ADAPTIVE = 9,
	CODE_CO_TLBC,
};
enum { OBJECT_OB_TYPE = 1 };
enum { BYTES_OB_SIZE = 1, BYTES_OB_SVAL };
enum { UNICODE_STATE = 1, UNICODE_LENGTH, UNICODE_ASCIIOBJECT_SIZE };

/*
 * PY_VERSION_HEX: major, minor, micro, then four bits of how far it is (0xa alpha, 0xb beta, 0xc candidate, 0xf final),
 * serial.
 */
#define MINOR_OF(version) ((version) >> 16)
#define RELEASE_OF(version) ((version) >> 4 & 0xf)
#define CANDIDATE 0xc /* the layouts of earlier ones changed from one to the next */

/* Where each group begins. */
struct known {
	uint16_t minor;
	uint8_t thread;
	uint8_t frame;
	uint8_t code;
	uint8_t object;
	uint8_t bytes;
	uint8_t unicode;
	bool has_copies; /* each thread of a free-threaded build runs a copy of the code (gh-115999) */
	/*
	 * Of a free-threaded build: `interned` has a byte of its own there since 3.14, else two bits
	 * (cpython/unicodeobject.h).
	 */
	uint8_t free_kind_shift;
};

static const struct known versions[] = {
	{0x030d, .thread = 19, .frame = 28, .code = 34, .object = 44, .bytes = 64, .unicode = 67, .free_kind_shift = 2},
	{0x030e, .thread = 22, .frame = 31, .code = 39, .object = 50, .bytes = 74, .unicode = 77, .has_copies = true,
		.free_kind_shift = 8},
	{0x030f, .thread = 22, .frame = 39, .code = 47, .object = 58, .bytes = 86, .unicode = 89, .has_copies = true,
		.free_kind_shift = 8},
};

static const struct known *find_version(uint32_t version)
{
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (versions[i].minor == MINOR_OF(version) && RELEASE_OF(version) >= CANDIDATE)
			return &versions[i];
	return NULL;
}

/* One group of a table, while members are taken out of it. */
struct group {
	const uint64_t *words;
	uint64_t limit; /* how far out a member may lie */
	uint64_t reach; /* how far out the members lie that were taken */
	bool fits; /* all of them lie in their structure, and not beyond the limit */
};

static struct group group_at(const uint64_t *words, uint64_t limit)
{
	return (struct group){.words = words, .limit = limit < words[0] ? limit : words[0], .fits = true};
}

/* The offset of a member of that many bytes. */
static uint16_t take(struct group *group, unsigned member, uint64_t bytes)
{
	uint64_t offset = group->words[member];

	if (offset > group->limit || offset + bytes > group->limit)
		group->fits = false;
	else if (offset + bytes > group->reach)
		group->reach = offset + bytes;
	return (uint16_t)offset;
}

static bool take_frame(struct python_layout *layout, const uint64_t *words, bool copies)
{
	struct group frame = group_at(words, PYTHON_LAYOUT_FRAME_MAX);

	layout->frame_previous = take(&frame, FRAME_PREVIOUS, 8);
	layout->frame_code = take(&frame, FRAME_EXECUTABLE, 8);
	layout->frame_instruction = take(&frame, FRAME_INSTR_PTR, 8);
	layout->frame_owner = take(&frame, FRAME_OWNER, 1);
	layout->frame_copy = copies ? take(&frame, FRAME_TLBC_INDEX, 4) : 0;
	layout->frame_bytes = (uint16_t)frame.reach;
	return frame.fits;
}

static bool take_code(struct python_layout *layout, const uint64_t *words, bool copies)
{
	struct group code = group_at(words, PYTHON_LAYOUT_CODE_MAX);
	struct group instructions = group_at(words, UINT16_MAX);

	layout->code_file = take(&code, CODE_FILENAME, 8);
	layout->code_name = take(&code, CODE_NAME, 8);
	layout->code_lines = take(&code, CODE_LINETABLE, 8);
	layout->code_first_line = take(&code, CODE_FIRSTLINENO, 4);
	layout->code_copies = copies ? take(&code, CODE_CO_TLBC, 8) : 0;
	layout->code_bytes = (uint16_t)code.reach;
	layout->code_instructions = take(&instructions, CODE_CO_CODE_ADAPTIVE, 1);
	return code.fits && instructions.fits;
}

/* What every object begins with, then the lengths and contents of bytes and text. */
static bool take_objects(struct python_layout *layout, const uint64_t *table, const struct known *known)
{
	struct group object = group_at(table + known->object, PYTHON_LAYOUT_OBJECT_MAX);
	struct group bytes = group_at(table + known->bytes, PYTHON_LAYOUT_OBJECT_MAX);
	struct group unicode = group_at(table + known->unicode, PYTHON_LAYOUT_OBJECT_MAX);

	layout->object_type = take(&object, OBJECT_OB_TYPE, 8);
	layout->bytes_length = take(&bytes, BYTES_OB_SIZE, 8);
	layout->bytes_head = (uint16_t)bytes.reach;
	layout->bytes_data = take(&bytes, BYTES_OB_SVAL, 1);
	layout->text_state = take(&unicode, UNICODE_STATE, 4);
	layout->text_length = take(&unicode, UNICODE_LENGTH, 8);
	layout->text_head = (uint16_t)unicode.reach;
	layout->text_data = take(&unicode, UNICODE_ASCIIOBJECT_SIZE, 0);
	layout->text_kind_shift = table[TABLE_FREE_THREADED] ? known->free_kind_shift : 2;
	return object.fits && bytes.fits && unicode.fits;
}

static bool fill_in(struct python_layout *layout, const struct known *known, const uint64_t *table)
{
	struct group thread = group_at(table + known->thread, UINT16_MAX);
	bool copies = table[TABLE_FREE_THREADED] && known->has_copies;

	layout->thread_frame = take(&thread, THREAD_CURRENT_FRAME, 8);
	return thread.fits && take_frame(layout, table + known->frame, copies) &&
	       take_code(layout, table + known->code, copies) && take_objects(layout, table, known);
}

enum python_layout_state python_layout_parse(
	const uint64_t table[PYTHON_LAYOUT_WORDS], struct python_layout *layout, uint32_t *version)
{
	const struct known *known;

	if (memcmp(&table[TABLE_COOKIE], "xdebugpy", sizeof(table[0])) != 0)
		return PYTHON_LAYOUT_NONE;
	*version = (uint32_t)table[TABLE_VERSION];
	known = find_version(*version);
	return known && fill_in(layout, known, table) ? PYTHON_LAYOUT_KNOWN : PYTHON_LAYOUT_UNKNOWN;
}
