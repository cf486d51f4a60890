/*
 * fuzz_executable.c: any bytes as a program that is to be audited: ELF of every kind, or a script.
 */
#include <elf.h>
#include <string.h>

#include "analyzer/run/executable.h"
#include "tests/fuzz/input.h"

static volatile size_t sum;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_image shim = {.elf_class = ELFCLASS64, .byte_order = ELFDATA2LSB, .machine = EM_X86_64};
	struct elf_image image;
	struct executable executable;
	const char *path = input_file("program", data, size);

	executable_examine(&executable, path, &shim);
	sum += executable.reason ? strlen(executable.reason) : 0;
	sum += executable.caution ? strlen(executable.caution) : 0;
	executable_free(&executable);
	if (elf_image_read(path, &image) == ELF_IMAGE_READ)
		sum += strlen(elf_image_machine_name(&image));
	elf_image_free(&image);
	return 0;
}
