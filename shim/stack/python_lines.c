/* python_lines.c: see python_lines.h. */
#include "shim/stack/python_lines.h"

#include <stdbool.h>

#define CHUNK 256
#define TABLE_MAX (1u << 20)

/* A table that is read in pieces. */
struct table {
	struct kernel_tried *tried;
	uintptr_t at;
	size_t left; /* bytes that were not read yet */
	bool unreadable;
	size_t next; /* in the piece */
	size_t filled;
	unsigned char piece[CHUNK];
};

enum { ENTRY = 0x80, NO_MORE = -1 };

/* The kinds that say something of lines. All below stay in the line. */
enum { ONE_LINE_0 = 10, ONE_LINE_2 = 12, LINE_ALONE = 13, LONG = 14, NO_LINE = 15 };

/* The next byte, left where it is; NO_MORE at the end. */
static int look(struct table *table)
{
	if (table->next == table->filled) {
		table->filled = table->left < CHUNK ? table->left : CHUNK;
		table->next = 0;
		table->unreadable |=
			table->filled && !kernel_try_copy(table->tried, table->piece, table->at, table->filled);
		if (table->unreadable)
			table->left = table->filled = 0;
		if (!table->filled)
			return NO_MORE;
		table->at += table->filled;
		table->left -= table->filled;
	}
	return table->piece[table->next];
}

/* The rest of an entry. */
static void skip(struct table *table)
{
	int byte;

	while ((byte = look(table)) != NO_MORE && !(byte & ENTRY))
		table->next++;
}

/* A number in pieces of 6 bits, the lowest first; bit 6 says that more follow. Its own lowest bit is the sign. */
static long take_signed(struct table *table)
{
	unsigned long value = 0;
	int byte = 0x40;

	for (unsigned shift = 0; byte & 0x40 && shift < 36; shift += 6) {
		byte = look(table);
		if (byte == NO_MORE || byte & ENTRY)
			break;
		table->next++;
		value |= (unsigned long)(byte & 0x3f) << shift;
	}
	return value & 1 ? -(long)(value >> 1) : (long)(value >> 1);
}

static long line_change(struct table *table, int kind)
{
	if (kind == LINE_ALONE || kind == LONG)
		return take_signed(table);
	return kind >= ONE_LINE_0 && kind <= ONE_LINE_2 ? kind - ONE_LINE_0 : 0;
}

long python_lines_find(struct kernel_tried *tried, uintptr_t at, size_t bytes, long first_line, size_t instruction)
{
	struct table table = {.tried = tried, .at = at, .left = bytes <= TABLE_MAX ? bytes : 0};
	size_t covered = 0;
	long line = first_line;
	int byte;

	skip(&table);
	while ((byte = look(&table)) != NO_MORE) {
		int kind = byte >> 3 & 15;

		table.next++;
		line += line_change(&table, kind);
		covered += (size_t)(byte & 7) + 1;
		if (instruction < covered)
			return kind == NO_LINE || line < 0 ? 0 : line;
		skip(&table);
	}
	return table.unreadable ? PYTHON_LINES_UNREADABLE : 0;
}
