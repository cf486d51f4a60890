/* python_frames.c: see python_frames.h. */
#include "shim/stack/python_frames.h"

#include <string.h>

#include "shim/base/kernel.h"
#include "shim/base/line.h"
#include "shim/stack/python_lines.h"

#define MOST_FRAMES 200 /* a list that leads back to itself ends here */
#define MOST_CHARACTERS 500 /* of a name: as many as the interpreter prints */
#define CHUNK 256
#define LARGEST_UTF8 4
#define UNKNOWN "???" /* what the interpreter prints for a name that it cannot */

/*
 * Frames with this owner or a higher one are no functions: entries from C (enum _frameowner, 3 in 3.13, 3 and 4 in
 * 3.14).
 */
#define FIRST_OWNER_IN_C 3

/* Low bits of a reference that are no part of the address (_PyStackRef, since 3.14). */
#define REFERENCE_TAGS ((uintptr_t)3)

struct reading {
	struct kernel_tried tried;
	const struct python_frames *python;
	char *at; /* what was written ends here, with a NUL */
	char *end;
	bool full;
	bool whole;
};

static uint64_t word_at(const char *bytes, size_t offset)
{
	uint64_t word;

	memcpy(&word, bytes + offset, sizeof(word));
	return word;
}

static uint32_t half_at(const char *bytes, size_t offset)
{
	uint32_t half;

	memcpy(&half, bytes + offset, sizeof(half));
	return half;
}

static bool read_memory(struct reading *reading, uintptr_t address, char *into, size_t size)
{
	bool done = kernel_try_copy(&reading->tried, into, address, size);

	reading->whole &= done;
	return done;
}

/* Reads what lies at the beginning of an object; false where it is none of that type. */
static bool read_object(struct reading *reading, uintptr_t object, uintptr_t type, char *into, size_t size)
{
	uint16_t offset = reading->python->layout.object_type;

	return read_memory(reading, object, into, size) && word_at(into, offset) == type;
}

/* ---- text ---- */

static void put_bytes(struct reading *reading, const char *bytes, size_t length)
{
	if (length >= (size_t)(reading->end - reading->at)) {
		reading->full = true;
		return;
	}
	memcpy(reading->at, bytes, length);
	reading->at += length;
}

static void put(struct reading *reading, const char *text)
{
	put_bytes(reading, text, strlen(text));
}

static void put_number(struct reading *reading, unsigned long value)
{
	char digits[24];

	line_append_number(digits, digits + sizeof(digits), value);
	put(reading, digits);
}

/* A character as UTF-8; what would break the line or is no character becomes a question mark. */
static void put_character(struct reading *reading, uint32_t character)
{
	char bytes[LARGEST_UTF8];
	size_t length = 1;

	if (character < ' ' || character == 0x7f || character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
		character = '?';
	if (character < 0x80) {
		bytes[0] = (char)character;
	} else if (character < 0x800) {
		length = 2;
		bytes[0] = (char)(0xc0 | character >> 6);
		bytes[1] = (char)(0x80 | (character & 0x3f));
	} else if (character < 0x10000) {
		length = 3;
		bytes[0] = (char)(0xe0 | character >> 12);
		bytes[1] = (char)(0x80 | (character >> 6 & 0x3f));
		bytes[2] = (char)(0x80 | (character & 0x3f));
	} else {
		length = 4;
		bytes[0] = (char)(0xf0 | character >> 18);
		bytes[1] = (char)(0x80 | (character >> 12 & 0x3f));
		bytes[2] = (char)(0x80 | (character >> 6 & 0x3f));
		bytes[3] = (char)(0x80 | (character & 0x3f));
	}
	put_bytes(reading, bytes, length);
}

static uint32_t character_at(const char *bytes, size_t index, unsigned kind)
{
	uint32_t character = 0;

	memcpy(&character, bytes + index * kind, kind);
	return character;
}

/* Puts the first bytes, as far as they are plain ASCII: most names are that from end to end. Returns how many. */
static size_t put_plain(struct reading *reading, const char *bytes, size_t count)
{
	size_t length = 0;

	while (length < count && bytes[length] >= ' ' && bytes[length] < 0x7f)
		length++;
	put_bytes(reading, bytes, length);
	return length;
}

/* Puts `count` characters of `kind` bytes each. */
static bool put_characters(struct reading *reading, uintptr_t data, size_t count, unsigned kind)
{
	char chunk[CHUNK];

	for (size_t done = 0; done < count;) {
		size_t some = count - done < CHUNK / kind ? count - done : CHUNK / kind;

		if (!read_memory(reading, data + done * kind, chunk, some * kind))
			return false;
		for (size_t i = kind == 1 ? put_plain(reading, chunk, some) : 0; i < some; i++)
			put_character(reading, character_at(chunk, i, kind));
		done += some;
	}
	return true;
}

/*
 * Puts a str. Its state says of how many bytes a character is (3 bits), then whether the characters lie in the object
 * itself, which all do that the compiler makes, and whether they are ASCII: else their UTF-8 form's address and length
 * lie before them.
 */
static void put_text(struct reading *reading, uintptr_t object)
{
	const struct python_layout *layout = &reading->python->layout;
	char head[PYTHON_LAYOUT_OBJECT_MAX];
	uint32_t state;
	uint64_t length;
	unsigned kind;

	if (!read_object(reading, object, reading->python->text_type, head, layout->text_head)) {
		put(reading, UNKNOWN);
		return;
	}
	state = half_at(head, layout->text_state) >> layout->text_kind_shift;
	length = word_at(head, layout->text_length);
	kind = state & 7;
	object += layout->text_data + (state & 16 ? 0 : 2 * sizeof(uint64_t));
	if ((kind != 1 && kind != 2 && kind != 4) || !(state & 8) ||
		!put_characters(reading, object, length < MOST_CHARACTERS ? (size_t)length : MOST_CHARACTERS, kind))
		put(reading, UNKNOWN);
	if (length > MOST_CHARACTERS)
		put(reading, "...");
}

/* ---- frames ---- */

/* Where the instructions begin that a frame runs: in its code object, or in its thread's copy of them. */
static uintptr_t instructions_of(struct reading *reading, const char *frame, uintptr_t code, const char *code_bytes)
{
	const struct python_layout *layout = &reading->python->layout;
	char entry[sizeof(uint64_t)];
	uint32_t copy = layout->code_copies ? half_at(frame, layout->frame_copy) : 0;

	/*
	 * a _PyCodeArray is a number and that many addresses, of which the first is that of the code object's own
	 * (cpython/code.h)
	 */
	if (!copy)
		return code + layout->code_instructions;
	if (!read_memory(reading, word_at(code_bytes, layout->code_copies) + (1 + (uintptr_t)copy) * sizeof(entry),
		    entry, sizeof(entry)))
		return 0;
	return word_at(entry, 0);
}

static long line_of(struct reading *reading, const char *frame, uintptr_t code, const char *code_bytes)
{
	const struct python_layout *layout = &reading->python->layout;
	uintptr_t instruction = word_at(frame, layout->frame_instruction);
	uintptr_t first = instructions_of(reading, frame, code, code_bytes);
	uintptr_t table = word_at(code_bytes, layout->code_lines);
	long first_line = (int32_t)half_at(code_bytes, layout->code_first_line);
	char head[PYTHON_LAYOUT_OBJECT_MAX];
	long line;

	if (!first || instruction < first)
		return first_line;
	if (!read_object(reading, table, reading->python->bytes_type, head, layout->bytes_head))
		return 0;
	line = python_lines_find(&reading->tried, table + layout->bytes_data, word_at(head, layout->bytes_length),
		first_line, (instruction - first) / 2);
	if (line != PYTHON_LINES_UNREADABLE)
		return line;
	reading->whole = false;
	return 0;
}

static void put_frame(struct reading *reading, const char *frame)
{
	const struct python_layout *layout = &reading->python->layout;
	uintptr_t code = word_at(frame, layout->frame_code) & ~REFERENCE_TAGS;
	char bytes[PYTHON_LAYOUT_CODE_MAX];
	char *start = reading->at;

	if (!read_object(reading, code, reading->python->code_type, bytes, layout->code_bytes))
		return;
	put(reading, "  File \"");
	put_text(reading, word_at(bytes, layout->code_file));
	put(reading, "\", line ");
	put_number(reading, (unsigned long)line_of(reading, frame, code, bytes));
	put(reading, " in ");
	put_text(reading, word_at(bytes, layout->code_name));
	put(reading, "\n");
	if (reading->full)
		reading->at = start;
}

uint32_t python_frames_text(
	const struct python_frames *frames, uintptr_t thread, char *text, uint32_t size, bool *whole)
{
	const struct python_layout *layout = &frames->layout;
	struct reading reading = {.python = frames, .at = text, .end = text + size, .whole = true};
	char bytes[PYTHON_LAYOUT_FRAME_MAX];
	uintptr_t frame = 0;

	if (read_memory(&reading, thread + layout->thread_frame, bytes, sizeof(uint64_t)))
		frame = word_at(bytes, 0);
	for (int i = 0; frame && i < MOST_FRAMES && !reading.full; i++) {
		if (!read_memory(&reading, frame, bytes, layout->frame_bytes))
			break;
		frame = word_at(bytes, layout->frame_previous);
		if ((unsigned char)bytes[layout->frame_owner] < FIRST_OWNER_IN_C)
			put_frame(&reading, bytes);
	}
	*whole = reading.whole;
	return (uint32_t)(reading.at - text);
}
