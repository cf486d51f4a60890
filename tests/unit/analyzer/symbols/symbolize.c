/* symbolize.c: names and lines of this very program, and none where the file is another one. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "analyzer/base/limits.h"
#include "analyzer/base/text.h"
#include "analyzer/symbols/symbolize.h"
#include "analyzer/trace/lifecycle.h"
#include "tests/unit/trace_builder.h"

static struct builder builder;
static char *directory;
static struct lifecycle *lifecycle;
static struct symbolizer *symbolizer;
static struct stack stack;
static enum limit used_up; /* an allowance that a test does without; LIMITS: none */

static void set_up(void)
{
	directory = builder_directory();
	builder_init(&builder);
	builder_process(&builder);
	used_up = LIMITS;
	limits_reset();
	symbolizer = symbolizer_new();
}

static void tear_down(void)
{
	symbolize_free(&stack);
	symbolizer_free(symbolizer);
	if (lifecycle)
		lifecycle_free(lifecycle);
	builder_free(&builder);
	builder_remove(directory);
}

TestSuite(symbolize, .init = set_up, .fini = tear_down);

/* Symbolises `frames` as a trace with the modules added so far has them. */
static void symbolize(const uint64_t *frames, uint32_t count, const char *python)
{
	trace_ref text = python ? builder_text(&builder, TRACE_TEXT_PYTHON_STACK, python, strlen(python)) : 0;
	trace_ref ref = builder_stack(&builder, frames, count, text);
	char *path = builder_path(directory, "a.trace");
	struct raw_stack raw;

	builder_write(&builder, path);
	lifecycle = lifecycle_read(&path, 1, NULL);
	if (used_up < LIMITS)
		limits_set(used_up, 0);
	lifecycle_load_stack(lifecycle, 0, ref, &raw);
	cr_assert_eq(raw.count, count);
	symbolize_stack(symbolizer, lifecycle_space(lifecycle, 0), &raw, &stack);
	lifecycle_stack_free(&raw);
	free(path);
}

/* The stores after the calls keep the compiler from making tail calls of them. */
static volatile int after;

static __attribute__((noinline)) uint64_t return_address(void)
{
	return (uint64_t)(uintptr_t)__builtin_return_address(0);
}

static inline __attribute__((always_inline)) uint64_t inlined_function(void)
{
	uint64_t address = return_address();

	after = 1;
	return address;
}

static __attribute__((noinline)) uint64_t outer_function(void)
{
	uint64_t address = inlined_function();

	after = 2;
	return address;
}

Test(symbolize, names_inlined_functions_and_what_holds_them)
{
	uint64_t frame = outer_function();

	builder_own_modules(&builder);
	symbolize(&frame, 1, NULL);
	if (!stack.frames[0].line)
		cr_skip_test("built without debugging information");
	cr_assert_eq(stack.count, 2);
	cr_assert_str_eq(stack.frames[0].function, "inlined_function");
	cr_assert(stack.frames[0].inlined);
	cr_assert_str_eq(text_basename(stack.frames[0].file), "symbolize.c");
	cr_assert_str_eq(stack.frames[1].function, "outer_function");
	cr_assert_not(stack.frames[1].inlined);
	cr_assert_gt(stack.frames[1].line, stack.frames[0].line);
	cr_assert_eq(strlen(stack.frames[0].build_id), 40);
}

/*
 * A library of one function inlined into another, which returns where the inner one was; the function, or NULL: it
 * cannot be made so.
 */
static void *load_library(const char *compile)
{
	static const char source[] = "__attribute__((noinline)) unsigned long where(void)\n"
				     "{ return (unsigned long)__builtin_return_address(0); }\n"
				     "static inline __attribute__((always_inline)) unsigned long inlined_one(void)\n"
				     "{ unsigned long at = where(); __asm__ volatile(\"\"); return at; }\n"
				     "unsigned long outer_one(void)\n"
				     "{ unsigned long at = inlined_one(); __asm__ volatile(\"\"); return at; }\n";
	char *path = builder_path(directory, "library.c");
	FILE *file = fopen(path, "we");
	char *command = text_format("cd '%s' && { %s; } >/dev/null 2>&1", directory, compile);
	char *library = builder_path(directory, "library.so");
	void *handle;

	fputs(source, file);
	fclose(file);
	handle = system(command) == 0 ? dlopen(library, RTLD_NOW | RTLD_LOCAL) : NULL;
	free(path);
	free(command);
	free(library);
	return handle ? dlsym(handle, "outer_one") : NULL;
}

static void expect_library_names(const char *compile)
{
	uint64_t (*outer_one)(void) = load_library(compile);
	uint64_t frame;

	if (!outer_one)
		cr_skip_test("no library by: %s", compile);
	frame = outer_one();
	builder_own_modules(&builder);
	symbolize(&frame, 1, NULL);
	cr_assert_eq(stack.count, 2);
	cr_assert_str_eq(stack.frames[0].function, "inlined_one");
	cr_assert_str_eq(text_basename(stack.frames[0].file), "library.c");
	cr_assert_eq(stack.frames[0].line, 4);
	cr_assert_str_eq(stack.frames[1].function, "outer_one");
	cr_assert_eq(stack.frames[1].line, 6);
}

Test(symbolize, a_library_by_clang_has_lines)
{
	expect_library_names("clang -g -O1 -shared -fPIC -Wl,--build-id -o library.so library.c");
}

Test(symbolize, units_are_found_without_an_address_index)
{
	expect_library_names("gcc -g -O1 -shared -fPIC -Wl,--build-id -o whole.so library.c && "
			     "objcopy --remove-section=.debug_aranges whole.so library.so");
}

Test(symbolize, units_with_several_ranges_are_found)
{
	expect_library_names("gcc -g -O1 -ffunction-sections -shared -fPIC -o whole.so library.c && "
			     "objcopy --remove-section=.debug_aranges whole.so library.so");
}

Test(symbolize, another_build_gets_no_names)
{
	uint64_t frame = outer_function();
	uint8_t *build_id;
	trace_ref module = (trace_ref)builder.length;

	builder_own_modules(&builder);
	build_id = ((struct trace_module *)builder_at(&builder, module))->build_id;
	build_id[0] ^= 0xff;
	symbolize(&frame, 1, NULL);
	cr_assert_eq(stack.count, 1);
	cr_assert_str_eq(stack.frames[0].function, "");
	cr_assert_str_eq(text_basename(stack.frames[0].module), "symbolize");
	cr_assert_neq(stack.frames[0].offset, 0);
}

Test(symbolize, a_file_without_build_id_that_changed_since_gets_no_names)
{
	uint64_t frame = outer_function();
	trace_ref module = (trace_ref)builder.length;

	builder_own_modules(&builder); /* the fixture's process started years ago */
	((struct trace_module *)builder_at(&builder, module))->build_id_length = 0;
	symbolize(&frame, 1, NULL);
	cr_assert_eq(stack.count, 1);
	cr_assert_str_eq(stack.frames[0].function, "");
}

Test(symbolize, of_overlapping_modules_the_one_before_the_stack_counts)
{
	uint64_t frame = 0x7000100;

	builder_module(&builder, "/nonexistent/old.so", 0x7000000, 0x7001000, NULL, 0);
	builder_module(&builder, "/nonexistent/current.so", 0x7000000, 0x7001000, NULL, 0);
	symbolize(&frame, 1, NULL);
	cr_assert_str_eq(stack.frames[0].module, "/nonexistent/current.so");
	cr_assert_eq(stack.frames[0].offset, 0xff);
}

Test(symbolize, a_module_loaded_later_does_not_count)
{
	uint64_t frame = 0x7000100;
	trace_ref ref;
	struct raw_stack raw;
	char *path = builder_path(directory, "a.trace");

	builder_module(&builder, "/nonexistent/current.so", 0x7000000, 0x7001000, NULL, 0);
	ref = builder_stack(&builder, &frame, 1, 0);
	builder_module(&builder, "/nonexistent/later.so", 0x7000000, 0x7001000, NULL, 0);
	builder_write(&builder, path);
	lifecycle = lifecycle_read(&path, 1, NULL);
	lifecycle_load_stack(lifecycle, 0, ref, &raw);
	symbolize_stack(symbolizer, lifecycle_space(lifecycle, 0), &raw, &stack);
	cr_assert_str_eq(stack.frames[0].module, "/nonexistent/current.so");
	lifecycle_stack_free(&raw);
	free(path);
}

Test(symbolize, python_frames_stand_before_the_interpreter)
{
	static const uint64_t frames[] = {0x100010, 0x200010, 0x200020};
	static const char python[] = "Stack (most recent call first):\n"
				     "  File \"/usr/lib/python3.11/socket.py\", line 40 in send\n"
				     "  File \"/srv/a \", line 7 in b.py\", line 12 in <lambda>\n"
				     "  ...\n";

	builder_module(&builder, "/opt/ext.so", 0x100000, 0x101000, NULL, 0);
	builder_module(&builder, "/nonexistent/python3.11", 0x200000, 0x201000, NULL, 0);
	symbolize(frames, 3, python);
	cr_assert_eq(stack.count, 5);
	cr_assert_str_eq(stack.frames[0].module, "/opt/ext.so");
	cr_assert_eq(stack.frames[1].language, LANGUAGE_PYTHON);
	cr_assert_str_eq(stack.frames[1].function, "send");
	cr_assert(stack.frames[1].system);
	cr_assert_str_eq(stack.frames[2].file, "/srv/a \", line 7 in b.py");
	cr_assert_str_eq(stack.frames[2].function, "<lambda>");
	cr_assert_eq(stack.frames[2].line, 12);
	cr_assert_not(stack.frames[2].system);
	cr_assert_str_eq(stack.frames[3].module, "/nonexistent/python3.11");
}

/* Debian builds _socket into its python3, others leave it beside the library: neither is the program's own code. */
Test(symbolize, python_frames_stand_before_its_modules_in_c)
{
	static const uint64_t frames[] = {0x100010, 0x200010};
	static const char python[] = "  File \"/srv/app.py\", line 7 in reply\n";

	builder_module(&builder, "/opt/lib/python3.13/lib-dynload/_socket.cpython-313-x86_64-linux-gnu.so", 0x100000,
		0x101000, NULL, 0);
	builder_module(&builder, "/opt/lib/libpython3.13.so.1.0", 0x200000, 0x201000, NULL, 0);
	symbolize(frames, 2, python);
	cr_assert_eq(stack.count, 3);
	cr_assert_str_eq(stack.frames[0].function, "reply");
	cr_assert_not(stack.frames[0].system);
	cr_assert(stack.frames[1].system);
	cr_assert(stack.frames[2].system);
}

Test(symbolize, frames_of_the_shim_are_left_out)
{
	static const uint64_t frames[] = {0x100010, 0x200010};

	builder_module(&builder, "/usr/lib/socksan/libsocksan.so", 0x100000, 0x101000, NULL, 0);
	builder_module(&builder, "/opt/server", 0x200000, 0x201000, NULL, 0);
	symbolize(frames, 2, NULL);
	cr_assert_eq(stack.count, 1);
	cr_assert_str_eq(stack.frames[0].module, "/opt/server");
}

Test(symbolize, compiled_code_is_named_by_the_perf_map)
{
	static const uint64_t frames[] = {0x5000010, 0x5000210};
	char map[] = "/tmp/perf-4000000.map"; /* BUILDER_PID */
	FILE *file = fopen(map, "we");

	cr_assert_not_null(file);
	fputs("5000000 100 stale\ngarbage\n5000000 100 LazyCompile:*reply app.js:3\n", file);
	fclose(file);
	symbolize(frames, 2, NULL);
	unlink(map);
	cr_assert_eq(stack.count, 2);
	cr_assert_eq(stack.frames[0].language, LANGUAGE_JIT);
	cr_assert_str_eq(stack.frames[0].function, "LazyCompile:*reply app.js:3");
	cr_assert_eq(stack.frames[1].language, LANGUAGE_NATIVE);
	cr_assert_str_eq(stack.frames[1].function, "");
}

#ifdef __x86_64__

/* Interrupted at its very first instruction: one byte before it lies another function. */
__asm__(".text\n"
	".type before_trap, @function\n"
	"before_trap:\n"
	"	nop\n"
	".size before_trap, . - before_trap\n"
	".globl trap\n"
	".hidden trap\n"
	".type trap, @function\n"
	"trap:\n"
	"	.cfi_startproc\n"
	"	ud2\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size trap, . - trap\n");

void trap(void);

static void *taken[32];
static int taken_count;

static void on_trap(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	taken_count = backtrace(taken, 32);
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

Test(symbolize, an_interrupted_instruction_is_no_return_address)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
	uint64_t frames[32];
	bool found = false;

	sigaction(SIGILL, &action, NULL);
	trap();
	for (int i = 0; i < taken_count; i++)
		frames[i] = (uint64_t)(uintptr_t)taken[i];
	builder_own_modules(&builder);
	symbolize(frames, (uint32_t)taken_count, NULL);
	for (size_t i = 0; i < stack.count; i++) {
		cr_assert_str_neq(stack.frames[i].function, "before_trap");
		found |= !strcmp(stack.frames[i].function, "trap");
	}
	cr_assert(found);
}

#endif

/* What cannot be looked up any more is still there as an address. */
Test(symbolize, without_an_allowance_frames_are_addresses)
{
	uint64_t frame = outer_function();
	char *words;

	builder_own_modules(&builder);
	used_up = LIMIT_SYMBOLS;
	symbolize(&frame, 1, NULL);
	cr_assert_eq(stack.count, 1);
	cr_assert_str_empty(stack.frames[0].function);
	cr_assert_neq(stack.frames[0].offset, 0);
	cr_assert_str_not_empty(stack.frames[0].module);
	words = limits_words(LIMIT_SYMBOLS);
	cr_assert_not_null(words);
	free(words);
}

Test(symbolize, without_room_names_are_empty)
{
	used_up = LIMIT_NAMES;
	symbolize(NULL, 0, "Stack (most recent call first):\n  File \"a.py\", line 5 in f\n");
	cr_assert_eq(stack.count, 1);
	cr_assert_str_empty(stack.frames[0].function);
	cr_assert_eq(stack.frames[0].line, 5);
}
