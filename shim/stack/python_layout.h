/*
 * python_layout.h: where CPython keeps what a stack is read from, as the interpreter itself declares it.
 *
 * From 3.13 on the exported _PyRuntime begins with a table for debuggers: the text "xdebugpy", the version
 * (PY_VERSION_HEX), whether the build is free-threaded, and 64-bit numbers, in groups: the size of a structure, then
 * offsets of its members (Include/internal/pycore_debug_offsets.h; in 3.13 pycore_runtime.h). Groups grow and move
 * between versions and not within one.
 */
#ifndef SOCKSAN_PYTHON_LAYOUT_H
#define SOCKSAN_PYTHON_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#define PYTHON_LAYOUT_WORDS 96 /* of the table, as many as any version needs */

/* Offsets in bytes. */
struct python_layout {
	uint16_t thread_frame; /* PyThreadState: the innermost frame */
	uint16_t frame_bytes; /* _PyInterpreterFrame: as much as is read */
	uint16_t frame_previous;
	uint16_t frame_code;
	uint16_t frame_instruction;
	uint16_t frame_owner;
	uint16_t frame_copy; /* the number of the thread's copy of the code; 0 where threads have none */
	uint16_t code_bytes; /* PyCodeObject: as much as is read */
	uint16_t code_file;
	uint16_t code_name;
	uint16_t code_lines;
	uint16_t code_first_line;
	uint16_t code_instructions;
	uint16_t code_copies; /* an array of the threads' copies; 0 where there are none */
	uint16_t object_type;
	uint16_t bytes_head; /* PyBytesObject: as much as is read to know what it holds */
	uint16_t bytes_length;
	uint16_t bytes_data;
	uint16_t text_head; /* PyUnicodeObject, likewise */
	uint16_t text_state;
	uint16_t text_length;
	uint16_t text_data; /* of ASCII text */
	uint8_t text_kind_shift; /* bits of the state below the width of a character */
};

/* What a table says. */
enum python_layout_state {
	PYTHON_LAYOUT_KNOWN,
	PYTHON_LAYOUT_UNKNOWN, /* a version that this one of socksan does not know */
	PYTHON_LAYOUT_NONE, /* no such table: an older interpreter, or none */
};

/* What is read of a structure lies within this many bytes, or its version counts as unknown. */
#define PYTHON_LAYOUT_FRAME_MAX 128
#define PYTHON_LAYOUT_CODE_MAX 256
#define PYTHON_LAYOUT_OBJECT_MAX 64

/*
 * Takes a table apart. `*layout` is filled in where it is known; `*version` (PY_VERSION_HEX) unless there is none.
 * Pure.
 */
enum python_layout_state python_layout_parse(
	const uint64_t table[PYTHON_LAYOUT_WORDS], struct python_layout *layout, uint32_t *version);

#endif
