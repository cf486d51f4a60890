/*
 * elf_image.c: see elf_image.h. libelf does the reading; a file may be of any class and byte order.
 */
#include "analyzer/symbols/elf_image.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/base/text.h"

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258 /* glibc 2.35 */
#endif

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

/* Where in the file the byte stands that is mapped at `address`; -1 where none does. */
static int64_t file_offset(Elf *elf, size_t segment_count, GElf_Addr address)
{
	GElf_Phdr segment;

	for (size_t i = 0; i < segment_count; i++) {
		if (!gelf_getphdr(elf, (int)i, &segment) || segment.p_type != PT_LOAD)
			continue;
		if (address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz)
			return (int64_t)(segment.p_offset + (address - segment.p_vaddr));
	}
	return -1;
}

static const char *dynamic_string(const Elf_Data *strings, GElf_Xword offset)
{
	const char *text = strings->d_buf;

	if (offset >= strings->d_size || !memchr(text + offset, '\0', strings->d_size - offset))
		return NULL;
	return text + offset;
}

static void set_text(char **place, const char *text)
{
	free(*place);
	*place = text_copy(text);
}

static bool read_dynamic_entries(struct elf_image *image, Elf_Data *entries, const Elf_Data *strings)
{
	GElf_Dyn entry;

	for (int i = 0; gelf_getdyn(entries, i, &entry) && entry.d_tag != DT_NULL; i++) {
		const char *text;

		if (entry.d_tag != DT_NEEDED && entry.d_tag != DT_SONAME)
			continue;
		text = dynamic_string(strings, entry.d_un.d_val);
		if (!text)
			return false;
		if (entry.d_tag == DT_SONAME) {
			set_text(&image->soname, text);
			continue;
		}
		image->needs_libc |= starts_with(text, "libc.so.");
		image->needs_asan |= elf_image_is_asan_runtime(text);
	}
	return true;
}

static bool read_dynamic(struct elf_image *image, Elf *elf, size_t segment_count, const GElf_Phdr *segment)
{
	Elf_Data *entries;
	Elf_Data *strings;
	GElf_Addr address = 0;
	GElf_Xword bytes = 0;
	GElf_Dyn entry;
	int64_t offset;

	if (!segment->p_filesz)
		return true;
	entries = elf_getdata_rawchunk(elf, (int64_t)segment->p_offset, segment->p_filesz, ELF_T_DYN);
	if (!entries)
		return false;
	for (int i = 0; gelf_getdyn(entries, i, &entry) && entry.d_tag != DT_NULL; i++) {
		if (entry.d_tag == DT_STRTAB)
			address = entry.d_un.d_ptr;
		else if (entry.d_tag == DT_STRSZ)
			bytes = entry.d_un.d_val;
	}
	if (!bytes) /* a program that needs no library may have no names */
		return true;
	offset = file_offset(elf, segment_count, address);
	if (offset < 0)
		return false;
	strings = elf_getdata_rawchunk(elf, offset, bytes, ELF_T_BYTE);
	return strings && read_dynamic_entries(image, entries, strings);
}

static bool read_interpreter(struct elf_image *image, Elf *elf, const GElf_Phdr *segment)
{
	Elf_Data *data = elf_getdata_rawchunk(elf, (int64_t)segment->p_offset, segment->p_filesz, ELF_T_BYTE);

	if (!data || !data->d_size || !memchr(data->d_buf, '\0', data->d_size))
		return false;
	set_text(&image->interpreter, data->d_buf);
	return true;
}

/* The Go linker leaves a note with the owner "Go", with its own and with an external linker alike. */
static void read_notes(struct elf_image *image, Elf *elf, const GElf_Phdr *segment)
{
	Elf_Data *data = elf_getdata_rawchunk(
		elf, (int64_t)segment->p_offset, segment->p_filesz, segment->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
	static const char owner[] = "Go";
	size_t offset = 0;
	size_t name_offset;
	size_t text_offset;
	GElf_Nhdr note;

	while (data && (offset = gelf_getnote(data, offset, &note, &name_offset, &text_offset)) > 0)
		image->go |= note.n_namesz >= sizeof(owner) &&
			     memcmp((const char *)data->d_buf + name_offset, owner, sizeof(owner)) == 0;
}

static void read_section_names(struct elf_image *image, Elf *elf)
{
	Elf_Scn *section = NULL;
	size_t names;
	GElf_Shdr header;

	if (elf_getshdrstrndx(elf, &names))
		return;
	while ((section = elf_nextscn(elf, section))) {
		const char *name = gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;

		image->go |= name && !strcmp(name, ".go.buildinfo");
	}
}

static bool read_segments(struct elf_image *image, Elf *elf)
{
	size_t count;
	GElf_Phdr segment;

	if (elf_getphdrnum(elf, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		bool good = true;

		if (!gelf_getphdr(elf, (int)i, &segment))
			return false;
		if (segment.p_type == PT_INTERP)
			good = read_interpreter(image, elf, &segment);
		else if (segment.p_type == PT_DYNAMIC)
			good = read_dynamic(image, elf, count, &segment);
		else if (segment.p_type == PT_NOTE)
			read_notes(image, elf, &segment);
		if (!good)
			return false;
	}
	read_section_names(image, elf);
	return true;
}

static enum elf_image_result read_elf(struct elf_image *image, Elf *elf)
{
	GElf_Ehdr header;

	if (elf_kind(elf) != ELF_K_ELF)
		return ELF_IMAGE_NOT_ELF;
	if (!gelf_getehdr(elf, &header))
		return ELF_IMAGE_DAMAGED;
	image->elf_class = header.e_ident[EI_CLASS];
	image->byte_order = header.e_ident[EI_DATA];
	image->machine = header.e_machine;
	image->type = header.e_type;
	return read_segments(image, elf) ? ELF_IMAGE_READ : ELF_IMAGE_DAMAGED;
}

enum elf_image_result elf_image_read(const char *path, struct elf_image *image)
{
	enum elf_image_result result;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char magic[SELFMAG] = "";
	Elf *elf;

	*image = (struct elf_image){0};
	if (fd < 0)
		return ELF_IMAGE_UNREADABLE;
	if (pread(fd, magic, sizeof(magic), 0) < 0) {
		int error = errno;

		close(fd);
		errno = error;
		return ELF_IMAGE_UNREADABLE;
	}
	if (memcmp(magic, ELFMAG, SELFMAG)) {
		close(fd);
		return ELF_IMAGE_NOT_ELF;
	}
	elf_version(EV_CURRENT);
	/* Not mapped: a file that shrinks meanwhile must be an error, not a SIGBUS. */
	elf = elf_begin(fd, ELF_C_READ, NULL);
	result = elf ? read_elf(image, elf) : ELF_IMAGE_DAMAGED;
	/* A file too short for libelf to take it for one. */
	if (result == ELF_IMAGE_NOT_ELF)
		result = ELF_IMAGE_DAMAGED;
	elf_end(elf);
	close(fd);
	if (result != ELF_IMAGE_READ)
		elf_image_free(image);
	return result;
}

void elf_image_free(struct elf_image *image)
{
	free(image->interpreter);
	free(image->soname);
	*image = (struct elf_image){0};
}

bool elf_image_is_asan_runtime(const char *name)
{
	/* GCC's and clang's names. */
	return starts_with(name, "libasan.so") || starts_with(name, "libclang_rt.asan");
}

const char *elf_image_machine_name(const struct elf_image *image)
{
	static const struct {
		uint16_t machine;
		const char *name;
	} names[] = {
		{EM_386, "i386"},
		{EM_X86_64, "x86-64"},
		{EM_ARM, "Arm"},
		{EM_AARCH64, "AArch64"},
		{EM_RISCV, "RISC-V"},
		{EM_PPC, "PowerPC"},
		{EM_PPC64, "PowerPC 64"},
		{EM_S390, "S/390"},
		{EM_MIPS, "MIPS"},
		{EM_LOONGARCH, "LoongArch"},
		{EM_SPARCV9, "SPARC V9"},
	};
	static char text[64];
	const char *bits = image->elf_class == ELFCLASS64 ? "64-bit" : "32-bit";

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (names[i].machine != image->machine)
			continue;
		snprintf(text, sizeof(text), "%s %s", bits, names[i].name);
		return text;
	}
	snprintf(text, sizeof(text), "%s ELF machine %u", bits, image->machine);
	return text;
}
