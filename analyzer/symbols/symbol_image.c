/*
 * symbol_image.c: the only user of libdw. See symbol_image.h.
 */
#include "analyzer/symbols/symbol_image.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/base/regular_file.h"
#include "analyzer/base/text.h"
#include "analyzer/symbols/demangle.h"
#include "analyzer/symbols/symbol_files.h"
#include "analyzer/symbols/unit_ranges.h"

/* Clocks of file systems are coarse. */
#define FILE_TIME_NS 10000000

/* How far from a symbol without a size an address may lie to be named after it. */
#define SIZELESS_BYTES 512

struct symbol_image {
	Dwfl *dwfl;
	Dwfl_Module *module; /* NULL: nothing is known of this image */
	struct unit_ranges *ranges; /* NULL: not needed so far */
};

static Dwfl *begin(void)
{
	Dwfl *dwfl = dwfl_begin(&symbol_files_callbacks);

	if (!dwfl)
		text_out_of_memory();
	dwfl_report_begin(dwfl);
	return dwfl;
}

/* Whether the file that libdwfl has for the module is the one with the recorded build-id. */
static bool has_build_id(Dwfl_Module *found, const struct module *module)
{
	const unsigned char *bits;
	GElf_Addr address;
	int length = dwfl_module_build_id(found, &bits, &address);

	return length > 0 && length == module->build_id_length && !memcmp(bits, module->build_id, (size_t)length);
}

static bool unchanged_since(const struct stat *status, int64_t wall_ns)
{
	int64_t changed = status->st_mtim.tv_sec * INT64_C(1000000000) + status->st_mtim.tv_nsec;

	return changed <= wall_ns + FILE_TIME_NS;
}

/* The file that the trace names, where it is still the same one. */
static bool open_file(struct symbol_image *image, const struct module *module, int64_t started_wall_ns)
{
	struct stat status;
	Dwfl_Module *found;
	GElf_Addr bias;
	int descriptor = regular_file_open(module->path, 0, &status);

	if (descriptor < 0)
		return false;
	if (!module->build_id_length && !unchanged_since(&status, started_wall_ns)) {
		close(descriptor);
		return false;
	}
	image->dwfl = begin();
	found = dwfl_report_elf(image->dwfl, module->path, module->path, descriptor, 0, true);
	if (!found)
		close(descriptor);
	dwfl_report_end(image->dwfl, NULL, NULL);
	if (found && dwfl_module_getelf(found, &bias) && (!module->build_id_length || has_build_id(found, module))) {
		image->module = found;
		return true;
	}
	dwfl_end(image->dwfl);
	image->dwfl = NULL;
	return false;
}

/* The file with that build-id from wherever libdwfl finds it. */
static void find_by_build_id(struct symbol_image *image, const struct module *module)
{
	Dwfl_Module *found;
	GElf_Addr bias;

	if (!module->build_id_length || module->end <= module->start || module->start < module->bias)
		return;
	image->dwfl = begin();
	found = dwfl_report_module(image->dwfl, module->path, module->start - module->bias, module->end - module->bias);
	if (found && dwfl_module_report_build_id(found, module->build_id, module->build_id_length, 0))
		found = NULL;
	dwfl_report_end(image->dwfl, NULL, NULL);
	if (found && dwfl_module_getelf(found, &bias) && has_build_id(found, module))
		image->module = found;
}

struct symbol_image *symbol_image_open(const struct module *module, int64_t started_wall_ns)
{
	struct symbol_image *image = text_allocate(sizeof(*image));

	if (!open_file(image, module, started_wall_ns))
		find_by_build_id(image, module);
	return image;
}

void symbol_image_close(struct symbol_image *image)
{
	if (image->ranges)
		unit_ranges_free(image->ranges);
	if (image->dwfl)
		dwfl_end(image->dwfl);
	free(image);
}

uint64_t symbol_image_bytes(const struct symbol_image *image)
{
	const char *names[2] = {NULL, NULL};
	struct stat status;
	uint64_t bytes = 0;

	if (image->module)
		dwfl_module_info(image->module, NULL, NULL, NULL, NULL, NULL, &names[0], &names[1]);
	for (size_t i = 0; i < 2; i++)
		if (names[i] && !stat(names[i], &status))
			bytes += (uint64_t)status.st_size;
	return bytes;
}

static char *function_name(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
		dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		name = dwarf_formstring(&attribute);
	if (!name)
		name = dwarf_diename(die);
	return name ? demangle(name) : NULL;
}

/* Where an inlined function was called from. */
static void set_call_site(struct symbol_line *line, Dwarf_Die *inlined)
{
	Dwarf_Attribute attribute;
	Dwarf_Files *files;
	Dwarf_Word number;
	Dwarf_Die unit;

	if (!dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &number))
		line->line = (int)number;
	if (!dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &number) &&
		dwarf_diecu(inlined, &unit, NULL, NULL) && !dwarf_getsrcfiles(&unit, &files, NULL))
		line->file = dwarf_filesrc(files, number, NULL, NULL);
}

static bool is_function(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	return tag == DW_TAG_inlined_subroutine || tag == DW_TAG_subprogram;
}

/*
 * Split debugging information (.dwo): what the unit in the executable is the skeleton of, where that file is at hand.
 */
static Dwarf_Die whole_unit(Dwarf_Die *unit)
{
	Dwarf_Die split = {0};

	dwarf_cu_info(unit->cu, NULL, NULL, NULL, &split, NULL, NULL, NULL);
	return split.addr ? split : *unit;
}

/* The innermost function at `address`; false where DWARF knows none. */
static bool find_function(Dwarf_Die *unit, Dwarf_Addr address, Dwarf_Die *function)
{
	Dwarf_Die whole = whole_unit(unit);
	Dwarf_Die *scopes = NULL;
	int count = dwarf_getscopes(&whole, address, &scopes);
	bool found = false;

	for (int i = 0; i < count && !found; i++) {
		found = is_function(&scopes[i]);
		*function = scopes[i];
	}
	if (count > 0)
		free(scopes);
	return found;
}

/*
 * The chain of inlined functions, out to the one that really was called. dwarf_getscopes leads from an inlined function
 * to where it was defined; dwarf_getscopes_die leads to where it was inlined, which is what is wanted here.
 */
static size_t read_functions(Dwarf_Die *unit, Dwarf_Addr address, struct symbol_line lines[SYMBOL_LINES])
{
	Dwarf_Die function;
	Dwarf_Die *scopes = NULL;
	Dwarf_Die *inlined = NULL;
	size_t filled = 0;
	int count;

	if (!find_function(unit, address, &function))
		return 0;
	count = dwarf_getscopes_die(&function, &scopes);
	for (int i = 0; i < count && filled < SYMBOL_LINES; i++) {
		if (!is_function(&scopes[i]))
			continue;
		lines[filled] = (struct symbol_line){
			.function = function_name(&scopes[i]),
			.inlined = dwarf_tag(&scopes[i]) == DW_TAG_inlined_subroutine,
		};
		if (inlined)
			set_call_site(&lines[filled], inlined);
		filled++;
		if (dwarf_tag(&scopes[i]) != DW_TAG_inlined_subroutine)
			break;
		inlined = &scopes[i];
	}
	if (count > 0)
		free(scopes);
	return filled;
}

/* A name from the symbol table, where the address lies inside the symbol. */
static char *symbol_name(struct symbol_image *image, uint64_t address)
{
	GElf_Off offset;
	GElf_Sym symbol;
	const char *name = dwfl_module_addrinfo(image->module, address, &offset, &symbol, NULL, NULL, NULL);

	if (!name || offset >= (symbol.st_size ? symbol.st_size : SIZELESS_BYTES))
		return NULL;
	return demangle(name);
}

static bool is_signal_frame(struct symbol_image *image, uint64_t address)
{
	Dwarf_Addr bias;
	Dwarf_CFI *cfi = dwfl_module_eh_cfi(image->module, &bias);
	Dwarf_Frame *frame = NULL;
	bool signal_frame = false;

	if (cfi && !dwarf_cfi_addrframe(cfi, address - bias, &frame)) {
		dwarf_frame_info(frame, NULL, NULL, &signal_frame);
		free(frame);
	}
	return signal_frame;
}

/* The unit that covers `address`, and what was added to the addresses that DWARF counts. */
static bool find_unit(struct symbol_image *image, uint64_t address, Dwarf_Die *unit, Dwarf_Addr *bias)
{
	Dwarf_Die *found = dwfl_module_addrdie(image->module, address, bias);
	Dwarf *dwarf;

	if (found) {
		*unit = *found;
		return true;
	}
	dwarf = dwfl_module_getdwarf(image->module, bias);
	if (!dwarf)
		return false;
	if (!image->ranges)
		image->ranges = unit_ranges_read(dwarf);
	return unit_ranges_find(image->ranges, address - *bias, unit);
}

static void set_source(struct symbol_line *line, Dwarf_Die *unit, Dwarf_Addr address)
{
	Dwarf_Line *source = dwarf_getsrc_die(unit, address);

	if (!source)
		return;
	line->file = dwarf_linesrc(source, NULL, NULL);
	dwarf_lineno(source, &line->line);
}

size_t symbol_image_lookup(
	struct symbol_image *image, uint64_t address, struct symbol_line lines[SYMBOL_LINES], bool *signal_frame)
{
	Dwarf_Addr bias;
	Dwarf_Die unit;
	bool has_unit;
	size_t count = 0;

	*signal_frame = false;
	if (!image->module)
		return 0;
	*signal_frame = is_signal_frame(image, address);
	has_unit = find_unit(image, address, &unit, &bias);
	if (has_unit)
		count = read_functions(&unit, address - bias, lines);
	if (count == 0)
		lines[count++] = (struct symbol_line){.function = symbol_name(image, address)};
	if (has_unit)
		set_source(&lines[0], &unit, address - bias);
	return count;
}
