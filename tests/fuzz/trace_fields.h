/*
 * trace_fields.h: what the fields of a trace's records mean, for those who change traces without reading them.
 */
#ifndef SOCKSAN_FUZZ_TRACE_FIELDS_H
#define SOCKSAN_FUZZ_TRACE_FIELDS_H

#include <stddef.h>
#include <stdint.h>

/* What values of a field make sense. */
enum trace_field_kind {
	FIELD_SMALL, /* an enumeration, a set of flags, a count */
	FIELD_NUMBER,
	FIELD_TIME,
	FIELD_REF,
	FIELD_TEXT,
};

struct trace_field {
	uint16_t offset;
	uint16_t bytes;
	enum trace_field_kind kind;
};

/* The fields of a record's struct, its first word left out; none for a type that there is not. */
const struct trace_field *trace_fields(unsigned type, size_t *count);

/* The size of the struct, 0 for a type that there is not. Types are numbered from 1 to below TRACE_TYPES. */
#define TRACE_TYPES 7
size_t trace_struct_bytes(unsigned type);

/* The offsets of the records, as far as their sizes lead, at most `max`. Returns how many. */
size_t trace_records(const uint8_t *data, size_t size, uint32_t *offsets, size_t max);

#endif
