/*
 * fuzz_report.c: any bytes as a trace, through a whole report: symbolised, suppressed, grouped and rendered.
 *
 * The selector (trace_mutator.h) says which format, or which other command that shows traces, and with which options.
 * What a run knows besides its traces (the command's name, who escaped the audit) is taken from the input, too.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "analyzer/base/limits.h"
#include "analyzer/command/command.h"
#include "analyzer/command/options.h"
#include "analyzer/report/report.h"
#include "analyzer/report/suppress.h"
#include "shim/trace_format.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/trace_mutator.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* The lowest byte of the selector; then bits. */
enum { SELECT_SOCKETS = 9, SELECT_DIFF, SELECTIONS };
enum {
	SELECT_FACTS = 1 << 8,
	SELECT_RULES = 1 << 9,
	SELECT_BASELINE = 1 << 10,
	SELECT_COLOR = 1 << 11,
	SELECT_FEW = 1 << 12,
	SELECT_TWICE = 1 << 13,
};

static const char *rules(void)
{
	static const char text[] = "write-after-peer-close:^reply$\n*:[::1]:*\ndouble-close:server\n*:test_*\n*:*.py\n";
	static const char *path;

	if (!path)
		path = input_file("rules", text, sizeof(text) - 1);
	return path;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return trace_mutate(data, size, max_size, seed);
}

static void set_options(struct report_options *options, uint32_t selector, const char *path)
{
	static const char *const formats[SELECT_SOCKETS] = {
		"text", "json", "jsonl", "html", "junit", "sarif", "github", "perfetto", "otlp"};

	options_init(options, input_sink());
	options->color = selector & SELECT_COLOR ? COLOR_ALWAYS : COLOR_NEVER;
	options->gen_suppressions = selector & SELECT_FEW;
	options_parse(options, OPTION_FORMAT, formats[selector % SELECTIONS % SELECT_SOCKETS]);
	if (selector & SELECT_FEW)
		options_parse(options, OPTION_MAX_INCIDENTS, "2");
	if (selector & SELECT_RULES)
		options_parse(options, OPTION_SUPPRESSIONS, rules());
	if (selector & SELECT_BASELINE)
		options_parse(options, OPTION_BASELINE, path);
}

static void make_report(const uint8_t *data, size_t size, uint32_t selector, char *paths[2])
{
	/* The last bytes of the input as a string: of a trace mostly zeros, but not of what a mutation makes of it. */
	size_t length = size < 40 ? size : 40;
	char *name = strndup((const char *)data + size - length, length);
	char *const argv[] = {name, name, NULL};
	const struct escaped_process escaped[] = {{.pid = 12, .path = name, .reason = "it is statically linked"}};
	const char *const troubles[] = {name};
	const struct run_facts facts = {
		.argv = argv,
		.pid = 7,
		.wait_status = W_EXITCODE(0, 13),
		.signed_in = 1,
		.escaped = escaped,
		.escaped_count = 1,
		.troubles = troubles,
		.trouble_count = 1,
	};
	struct report_options options;

	set_options(&options, selector, paths[0]);
	report_traces(&options, selector & SELECT_FACTS ? &facts : NULL, paths, selector & SELECT_TWICE ? 2 : 1);
	options_free(&options);
	free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t selector = 0;
	char *paths[2];

	limits_reset();
	if (size >= sizeof(struct trace_header))
		memcpy(&selector, data + offsetof(struct trace_header, reserved), sizeof(selector));
	paths[0] = (char *)input_file("a.trace", data, size);
	paths[1] = selector & SELECT_TWICE ? (char *)input_file("b.trace", data, size) : paths[0];
	switch (selector % 256 % SELECTIONS) {
	case SELECT_SOCKETS: command_sockets(3, (char *[]){"sockets", paths[0], paths[1], NULL}); break;
	case SELECT_DIFF: command_diff(3, (char *[]){"diff", paths[0], paths[1], NULL}); break;
	default: make_report(data, size, selector, paths); break;
	}
	return 0;
}
