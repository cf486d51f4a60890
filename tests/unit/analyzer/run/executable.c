/* executable.c: which programs can be audited, told from small ELF files and scripts that are made here. */
#include <criterion/criterion.h>
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/run/executable.h"

/* Something that every machine has and that is no script. */
#define LOADER "/proc/self/exe"

static char directory[PATH_MAX];
static struct elf_image shim;

/* What a made-up program is like. */
struct program {
	const char *interpreter;
	const char *soname;
	const char *needed;
	uint16_t machine; /* 0: the shim's */
	uint16_t type; /* 0: ET_DYN */
	bool go;
};

static void set_up(void)
{
	snprintf(directory, sizeof(directory), "%s/socksan-test-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(elf_image_read("/proc/self/exe", &shim), ELF_IMAGE_READ);
	setenv("PATH", directory, 1);
}

static void tear_down(void)
{
	char command[PATH_MAX + 16];

	elf_image_free(&shim);
	snprintf(command, sizeof(command), "/bin/rm -rf '%s'", directory);
	cr_assert_eq(system(command), 0);
}

TestSuite(executable, .init = set_up, .fini = tear_down);

/* The path of `name` in the test's directory, in a static buffer. */
static const char *in_directory(const char *name)
{
	static char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void make_file(const char *name, const void *bytes, size_t length, mode_t mode)
{
	FILE *file = fopen(in_directory(name), "we");

	cr_assert_not_null(file);
	cr_assert_eq(fwrite(bytes, 1, length, file), length);
	cr_assert_eq(fchmod(fileno(file), mode), 0);
	fclose(file);
}

static void make_script(const char *name, const char *text)
{
	make_file(name, text, strlen(text), 0755);
}

/* The parts of a made-up program, each at a fixed place; the file is mapped where it stands. */
struct layout {
	Elf64_Ehdr header;
	Elf64_Phdr segments[4];
	Elf64_Dyn dynamic[6];
	struct {
		Elf64_Nhdr header;
		char owner[4];
		char text[4];
	} note;
	char interpreter[256];
	char strings[256];
};

static Elf64_Phdr segment(uint32_t type, size_t offset, size_t bytes)
{
	return (Elf64_Phdr){.p_type = type,
		.p_offset = offset,
		.p_vaddr = offset,
		.p_filesz = bytes,
		.p_memsz = bytes,
		.p_align = 4};
}

static void make_elf(const char *name, struct program program)
{
	struct layout file = {0};
	Elf64_Dyn *dynamic = file.dynamic;
	size_t used = 1;

	memcpy(file.header.e_ident, ELFMAG, SELFMAG);
	file.header.e_ident[EI_CLASS] = ELFCLASS64;
	file.header.e_ident[EI_DATA] = shim.byte_order;
	file.header.e_ident[EI_VERSION] = EV_CURRENT;
	file.header.e_type = program.type ? program.type : ET_DYN;
	file.header.e_machine = program.machine ? program.machine : shim.machine;
	file.header.e_version = EV_CURRENT;
	file.header.e_ehsize = sizeof(file.header);
	file.header.e_phoff = offsetof(struct layout, segments);
	file.header.e_phentsize = sizeof(file.segments[0]);
	file.header.e_phnum = 4;
	file.segments[0] = segment(PT_LOAD, 0, sizeof(file));
	file.segments[1] = segment(PT_DYNAMIC, offsetof(struct layout, dynamic), sizeof(file.dynamic));
	if (program.interpreter) {
		snprintf(file.interpreter, sizeof(file.interpreter), "%s", program.interpreter);
		file.segments[2] =
			segment(PT_INTERP, offsetof(struct layout, interpreter), strlen(program.interpreter) + 1);
	}
	if (program.go) {
		file.note.header = (Elf64_Nhdr){.n_namesz = 4, .n_descsz = 4, .n_type = 4};
		memcpy(file.note.owner, "Go\0", 4);
		file.segments[3] = segment(PT_NOTE, offsetof(struct layout, note), sizeof(file.note));
	}
	if (program.soname) {
		*dynamic++ = (Elf64_Dyn){.d_tag = DT_SONAME, .d_un.d_val = used};
		snprintf(file.strings + used, sizeof(file.strings) - used, "%s", program.soname);
		used += strlen(program.soname) + 1;
	}
	if (program.needed) {
		*dynamic++ = (Elf64_Dyn){.d_tag = DT_NEEDED, .d_un.d_val = used};
		snprintf(file.strings + used, sizeof(file.strings) - used, "%s", program.needed);
	}
	*dynamic++ = (Elf64_Dyn){.d_tag = DT_STRTAB, .d_un.d_ptr = offsetof(struct layout, strings)};
	*dynamic++ = (Elf64_Dyn){.d_tag = DT_STRSZ, .d_un.d_val = sizeof(file.strings)};
	make_file(name, &file, sizeof(file), 0755);
}

/* Examines a file of the test's directory and checks the verdict, and that the reason holds `words`. */
static void expect(const char *name, enum executable_verdict verdict, const char *words)
{
	struct executable executable;

	executable_examine(&executable, name, &shim);
	cr_expect_eq(executable.verdict, verdict, "%s: verdict %d: %s", name, (int)executable.verdict,
		executable.reason ? executable.reason : "no reason");
	if (words) {
		cr_assert_not_null(executable.reason);
		cr_expect_not_null(strstr(executable.reason, words), "%s", executable.reason);
	} else {
		cr_expect_null(executable.reason);
	}
	executable_free(&executable);
}

Test(executable, takes_dynamic_programs)
{
	make_elf("dynamic", (struct program){.interpreter = LOADER, .needed = "libc.so.6"});
	expect("dynamic", EXECUTABLE_AUDITABLE, NULL);
	expect(in_directory("dynamic"), EXECUTABLE_AUDITABLE, NULL);
	expect("/proc/self/exe", EXECUTABLE_AUDITABLE, NULL);
}

Test(executable, refuses_static_programs)
{
	make_elf("static", (struct program){.type = ET_EXEC});
	make_elf("static-pie", (struct program){.type = ET_DYN});
	expect("static", EXECUTABLE_UNAUDITABLE, "it is statically linked");
	expect("static-pie", EXECUTABLE_UNAUDITABLE, "it is statically linked");
}

Test(executable, takes_the_loader_itself)
{
	make_elf("loader", (struct program){.soname = "ld-linux-x86-64.so.2"});
	expect("loader", EXECUTABLE_AUDITABLE, NULL);
}

Test(executable, tells_go_programs_apart)
{
	struct executable executable;

	make_elf("go-static", (struct program){.go = true});
	make_elf("go-dynamic", (struct program){.go = true, .interpreter = LOADER, .needed = "libm.so.6"});
	make_elf("go-libc", (struct program){.go = true, .interpreter = LOADER, .needed = "libc.so.6"});
	expect("go-static", EXECUTABLE_UNAUDITABLE, "Go program");
	expect("go-dynamic", EXECUTABLE_UNAUDITABLE, "Go program");
	executable_examine(&executable, "go-libc", &shim);
	cr_expect_eq(executable.verdict, EXECUTABLE_AUDITABLE);
	cr_assert_not_null(executable.caution);
	cr_expect_not_null(strstr(executable.caution, "only its C code"));
	executable_free(&executable);
}

Test(executable, refuses_other_c_libraries)
{
	make_elf("musl", (struct program){.interpreter = "/lib/ld-musl-x86_64.so.1"});
	expect("musl", EXECUTABLE_UNAUDITABLE, "it is linked against musl");
}

Test(executable, refuses_other_machines)
{
	make_elf("foreign", (struct program){.interpreter = LOADER, .machine = EM_SPARCV9});
	expect("foreign", EXECUTABLE_UNAUDITABLE, "64-bit SPARC V9 program, and libsocksan.so is");
}

Test(executable, misses_a_loader)
{
	make_elf("homeless", (struct program){.interpreter = "/nonexistent/ld-linux.so.2"});
	expect("homeless", EXECUTABLE_NOT_FOUND, "it needs the loader /nonexistent/ld-linux.so.2");
}

Test(executable, sees_the_runtime_of_address_sanitizer)
{
	struct executable executable;

	make_elf("asan", (struct program){.interpreter = LOADER, .needed = "libasan.so.8"});
	executable_examine(&executable, "asan", &shim);
	cr_expect_eq(executable.verdict, EXECUTABLE_AUDITABLE);
	cr_expect(executable.needs_asan);
	executable_free(&executable);
}

Test(executable, follows_scripts)
{
	char text[PATH_MAX + 32];

	make_elf("static", (struct program){.type = ET_EXEC});
	make_elf("env", (struct program){.interpreter = LOADER});
	snprintf(text, sizeof(text), "#! \t%s/static -x\nbody\n", directory);
	make_script("direct", text);
	snprintf(text, sizeof(text), "#!%s/direct\n", directory);
	make_script("indirect", text);
	snprintf(text, sizeof(text), "#!%s/env static\n", directory);
	make_script("through-env", text);
	snprintf(text, sizeof(text), "#!%s/env -S A=1 static -x", directory);
	make_script("split", text);
	snprintf(text, sizeof(text), "#!%s/env nonexistent\n", directory);
	make_script("env-says-it", text);
	expect("direct", EXECUTABLE_UNAUDITABLE, "/static is statically linked");
	expect("indirect", EXECUTABLE_UNAUDITABLE, "its interpreter");
	expect("through-env", EXECUTABLE_UNAUDITABLE, "/static is statically linked");
	expect("split", EXECUTABLE_UNAUDITABLE, "/static is statically linked");
	expect("env-says-it", EXECUTABLE_AUDITABLE, NULL);
}

Test(executable, survives_odd_scripts)
{
	char text[PATH_MAX + 32];

	make_script("missing", "#!/nonexistent/interpreter\n");
	make_script("no-line", "echo shell\n");
	make_script("empty", "");
	make_script("bare", "#!");
	snprintf(text, sizeof(text), "#!%s/circle\n", directory);
	make_script("circle", text);
	make_file("plain", "text", 4, 0644);
	expect("missing", EXECUTABLE_NOT_FOUND, "it needs the interpreter /nonexistent/interpreter");
	expect("no-line", EXECUTABLE_AUDITABLE, NULL);
	expect("empty", EXECUTABLE_AUDITABLE, NULL);
	expect("bare", EXECUTABLE_AUDITABLE, NULL);
	expect("circle", EXECUTABLE_AUDITABLE, NULL); /* the kernel says ELOOP */
	expect("plain", EXECUTABLE_CANNOT_EXECUTE, "Permission denied");
}

Test(executable, finds_as_a_shell_does)
{
	expect("nonexistent", EXECUTABLE_NOT_FOUND, "command not found");
	expect("./nonexistent", EXECUTABLE_NOT_FOUND, "No such file");
	expect("", EXECUTABLE_NOT_FOUND, "command not found");
	expect("/", EXECUTABLE_CANNOT_EXECUTE, "Is a directory");
	expect("/proc/self/exe/x", EXECUTABLE_NOT_FOUND, "Not a directory");
	cr_assert_eq(mkdir(in_directory("directory"), 0755), 0);
	expect("directory", EXECUTABLE_NOT_FOUND, "command not found");
	make_file("x", "", 0, 0644);
	expect("x", EXECUTABLE_CANNOT_EXECUTE, "Permission denied");
	unsetenv("PATH");
	expect("sh", EXECUTABLE_AUDITABLE, NULL);
}

Test(executable, says_who_gains_privileges)
{
	if (getuid())
		cr_skip_test("only root can give a file to another user");
	make_elf("privileged", (struct program){.interpreter = LOADER});
	cr_assert_eq(chown(in_directory("privileged"), 1, 1), 0);
	cr_assert_eq(chmod(in_directory("privileged"), 04755), 0);
	expect("privileged", EXECUTABLE_UNAUDITABLE, "set-user-ID 1");
	cr_assert_eq(chmod(in_directory("privileged"), 02755), 0);
	expect("privileged", EXECUTABLE_UNAUDITABLE, "set-group-ID 1");
	cr_assert_eq(chmod(in_directory("privileged"), 02745), 0);
	expect("privileged", EXECUTABLE_AUDITABLE, NULL);
	/* What it would become is what we are. */
	cr_assert_eq(chown(in_directory("privileged"), 0, 0), 0);
	cr_assert_eq(chmod(in_directory("privileged"), 06755), 0);
	expect("privileged", EXECUTABLE_AUDITABLE, NULL);
}

/* Every prefix and every flipped byte of a good file: any verdict, no crash. */
Test(executable, survives_damage)
{
	struct layout good;
	struct executable executable;
	FILE *file;

	make_elf("good", (struct program){.go = true, .interpreter = LOADER, .needed = "libc.so.6", .soname = "x"});
	file = fopen(in_directory("good"), "re");
	cr_assert_not_null(file);
	cr_assert_eq(fread(&good, 1, sizeof(good), file), sizeof(good));
	fclose(file);
	for (size_t length = 0; length < sizeof(good); length += 7) {
		make_file("cut", &good, length, 0755);
		executable_examine(&executable, "cut", &shim);
		executable_free(&executable);
	}
	for (size_t at = SELFMAG; at < offsetof(struct layout, interpreter); at++) {
		struct layout bad = good;

		((unsigned char *)&bad)[at] ^= 0xff;
		make_file("bad", &bad, sizeof(bad), 0755);
		executable_examine(&executable, "bad", &shim);
		executable_free(&executable);
	}
	make_file("short", ELFMAG, SELFMAG, 0755);
	expect("short", EXECUTABLE_CANNOT_EXECUTE, "it is a damaged ELF file");
}
