/*
 * fuzz_roster.c: any bytes as the roster of a run.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/run/roster.h"
#include "tests/fuzz/input.h"

static volatile size_t sum;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_image shim = {.elf_class = ELFCLASS64, .byte_order = ELFDATA2LSB, .machine = EM_X86_64};
	struct roster roster;

	roster_read(&roster, input_file("roster", data, size), 7, "./no such program", &shim);
	for (size_t i = 0; i < roster.escaped_count; i++)
		sum += strlen(roster.escaped[i].path) + strlen(roster.escaped[i].reason);
	for (size_t i = 0; i < roster.trouble_count; i++)
		sum += strlen(roster.troubles[i]);
	for (size_t i = 0; i < roster.process_count; i++)
		sum += (size_t)roster.processes[i].t_ns;
	roster_free(&roster);
	return 0;
}
