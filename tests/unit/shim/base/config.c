/* config.c: the text of SOCKSAN_OPTIONS: what is understood, and what is said of the rest. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "shim/base/config.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static struct config result;
static char complaint[256];

static void set_up(void)
{
	memset(complaint, 'x', sizeof(complaint));
	config_default(&result);
}

TestSuite(config, .init = set_up);

static bool parse(const char *text)
{
	return config_parse(&result, text, complaint, sizeof(complaint));
}

/* Parses the text, of which this must be said, and nothing more. */
static void expect_complaint(const char *text, const char *said)
{
	config_default(&result);
	cr_expect_not(parse(text), "%s", text);
	cr_expect_str_eq(complaint, said, "of \"%s\": \"%s\"", text, complaint);
}

static void expect_understood(const char *text)
{
	config_default(&result);
	cr_expect(parse(text), "%s: %s", text, complaint);
	cr_expect_str_empty(complaint);
}

Test(config, defaults)
{
	cr_expect_str_eq(result.log_path, "socksan.");
	cr_expect_str_empty(result.roster);
	cr_expect(result.max_trace == 64u << 20);
	cr_expect(result.stack_depth == 48);
	cr_expect(result.exitcode == 66);
	cr_expect(result.handle_sigbus && result.python && !result.help && !result.halt_on_error);
	cr_expect(result.preview == 0, "a payload can hold secrets");
	expect_understood("");
	expect_understood(":");
	expect_understood("::::");
}

Test(config, reads_every_key)
{
	expect_understood(
		"log_path=/tmp/a/:roster=/tmp/r:suppressions=s.supp:max_trace=1048576:stack_depth=120:verbosity=2:"
		"quarantine=64:preview=16:silent_after=250:exitcode=0:halt_on_error=1:help=true:python=0");
	cr_expect_str_eq(result.log_path, "/tmp/a/");
	cr_expect_str_eq(result.roster, "/tmp/r");
	cr_expect_str_eq(result.suppressions, "s.supp");
	cr_expect(result.max_trace == 1048576);
	cr_expect(result.stack_depth == 120);
	cr_expect(result.verbosity == 2);
	cr_expect(result.quarantine == 64);
	cr_expect(result.preview == 16);
	cr_expect(result.silent_after_ms == 250);
	cr_expect(result.exitcode == 0);
	cr_expect(result.halt_on_error && result.help && !result.python);
}

Test(config, the_last_value_counts)
{
	expect_understood("verbosity=1:verbosity=2:log_path=a:log_path=bc:log_path=d");
	cr_expect(result.verbosity == 2);
	cr_expect_str_eq(result.log_path, "d");
}

Test(config, quotes_hold_colons)
{
	expect_understood("log_path=\"/tmp/a:b=c/\":verbosity=3");
	cr_expect_str_eq(result.log_path, "/tmp/a:b=c/");
	cr_expect(result.verbosity == 3);
	expect_understood("verbosity=3:log_path='/tmp/\"a\":b'");
	cr_expect_str_eq(result.log_path, "/tmp/\"a\":b");
	expect_understood("log_path='':verbosity='4'");
	cr_expect_str_empty(result.log_path);
	cr_expect(result.verbosity == 4);
	expect_understood("log_path=it's:verbosity=5");
	cr_expect_str_eq(result.log_path, "it's");
	cr_expect(result.verbosity == 5);
}

Test(config, a_quote_that_does_not_end_is_part_of_the_value)
{
	expect_understood("log_path=\"/tmp/x:verbosity=3");
	cr_expect_str_eq(result.log_path, "\"/tmp/x");
	cr_expect(result.verbosity == 3);
}

Test(config, values_hold_equal_signs)
{
	expect_understood("log_path=a=b=c");
	cr_expect_str_eq(result.log_path, "a=b=c");
}

Test(config, sizes)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} sizes[] = {{"max_trace=65536", 65536}, {"max_trace=64K", 64 << 10}, {"max_trace=64k", 64 << 10},
		{"max_trace=1M", 1 << 20}, {"max_trace=3m", 3 << 20}, {"max_trace=1G", 1 << 30},
		{"max_trace=2g", 2ull << 30}, {"max_trace=4095M", 4095ull << 20}};

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		expect_understood(sizes[i].text);
		cr_expect(result.max_trace == sizes[i].bytes, "%s", sizes[i].text);
	}
}

Test(config, bad_values_are_named_and_ignored)
{
	static const char *const bad[] = {"max_trace=", "max_trace=K", "max_trace=64T", "max_trace=64KB",
		"max_trace=0x10000", "max_trace=-1", "max_trace=+1M", "max_trace= 1M", "max_trace=1M ", "max_trace=63K",
		"max_trace=4G", "max_trace=99999999999G", "max_trace=18446744073709551616",
		"max_trace=18446744073709551615M", "stack_depth=0", "stack_depth=121", "stack_depth=1K", "verbosity=10",
		"verbosity=one", "exitcode=256", "preview=65", "quarantine=1048577", "silent_after=3600001",
		"help=", "help=2", "help=yes", "help=on", "help=tru", "help=falsey", "python=00", "halt_on_error=TRUE",
		"python=fals"};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		char said[64];
		struct config defaults;

		snprintf(said, sizeof(said), "bad value in %s", bad[i]);
		expect_complaint(bad[i], said);
		config_default(&defaults);
		cr_expect(result.max_trace == defaults.max_trace && result.stack_depth == defaults.stack_depth, "%s",
			bad[i]);
		cr_expect(result.verbosity == 0 && result.exitcode == defaults.exitcode, "%s", bad[i]);
		cr_expect(!result.help && result.python && !result.halt_on_error, "%s", bad[i]);
	}
}

Test(config, unknown_keys_are_named_and_ignored)
{
	expect_complaint("qarantine=5", "unknown option qarantine");
	expect_complaint("LOG_PATH=x", "unknown option LOG_PATH");
	expect_complaint("log=x", "unknown option log");
	expect_complaint("log_paths=x", "unknown option log_paths");
	expect_complaint("silent_after_ms=1", "unknown option silent_after_ms");
	expect_complaint("=5", "unknown option ");
	expect_complaint("help", "no value for help");
	expect_complaint("a=1:verbosity=2:b=2:c", "unknown option a; unknown option b; no value for c");
	cr_expect(result.verbosity == 2, "what is understood counts all the same");
}

Test(config, text_behind_a_quote_is_an_item_of_its_own)
{
	expect_complaint("log_path='a'b", "no value for b");
	cr_expect_str_eq(result.log_path, "a");
	expect_understood("log_path='a'verbosity=7");
	cr_expect(result.verbosity == 7);
}

Test(config, control_characters_do_not_reach_the_complaint)
{
	expect_complaint("a\033[31m\n\tb\x7f\xff=1", "unknown option a?[31m??b??");
	expect_complaint("verbosity=\r\n", "bad value in verbosity=??");
}

Test(config, paths_that_are_too_long_are_refused)
{
	char text[CONFIG_PATH_MAX + 32] = "log_path=";

	memset(text + 9, 'p', CONFIG_PATH_MAX - 1);
	expect_understood(text);
	cr_expect(strlen(result.log_path) == CONFIG_PATH_MAX - 1);
	text[9 + CONFIG_PATH_MAX - 1] = 'p';
	cr_expect_not(parse(text));
	cr_expect(strlen(result.log_path) == CONFIG_PATH_MAX - 1, "the value before stays");
}

Test(config, complaints_are_cut_to_their_room)
{
	char room[24];

	for (size_t size = 2; size <= sizeof(room); size++) {
		memset(room, 'x', sizeof(room));
		bool understood = config_parse(&result, "qarantine=5:another=6", room, size);

		cr_expect(strnlen(room, size) == size - 1, "%zu", size);
		cr_expect(size == sizeof(room) || room[size] == 'x', "%zu", size);
		cr_expect_not(understood, "%zu", size);
	}
}

Test(config, help_tells_of_what_it_explains)
{
	static const char *const lines[] = {"  log_path=PREFIX    where", " (socksan run sets it)\n",
		"(64K to 4095M, default 64M)\n", "(1 to 120, default 48)\n", "  python=0|1         take",
		"(default 1)\n"};
	char help[4096] = "";
	char line[256];

	for (unsigned i = 0; config_help(i, line, sizeof(line)); i++)
		strncat(help, line, sizeof(help) - strlen(help) - 1);
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		cr_expect_not_null(strstr(help, lines[i]), "%s", lines[i]);
}

Test(config, help_is_cut_to_its_room)
{
	char line[24];

	for (unsigned i = 0; config_help(i, line, sizeof(line)); i++)
		cr_expect(strlen(line) < sizeof(line) && line[strlen(line) - 1] == '\n', "%s", line);
}
