/*
 * options.c: see options.h.
 */
#include "analyzer/command/options.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/base/progress.h"
#include "analyzer/base/text.h"
#include "analyzer/report/findings.h"
#include "analyzer/report/suppress.h"

#define DEFAULT_MAX_INCIDENTS 20

void options_init(struct report_options *options, FILE *default_stream)
{
	*options = (struct report_options){
		.default_stream = default_stream,
		.fail_on = 1u << SEVERITY_ERROR,
		.error_exitcode = EXIT_INCIDENTS,
		.color = COLOR_AUTO,
		.max_incidents = DEFAULT_MAX_INCIDENTS,
	};
}

static void add_output(struct report_options *options, const char *format, const char *path)
{
	options->outputs = text_grow(options->outputs, options->output_count, sizeof(*options->outputs));
	options->outputs[options->output_count++] = (struct report_output){.format = format, .path = path};
}

static bool parse_format(struct report_options *options, const char *name)
{
	if (!report_knows_format(name)) {
		text_complain("unknown format \"%s\": the formats are %s", name, report_format_names());
		return false;
	}
	add_output(options, name, NULL);
	return true;
}

/* --output belongs to the --format before it; without one it is where the text goes. */
static bool parse_output(struct report_options *options, const char *path)
{
	struct report_output *last = options->output_count ? &options->outputs[options->output_count - 1] : NULL;

	if (!*path) {
		text_complain("--output needs a file name");
		return false;
	}
	if (last && last->path) {
		text_complain("--output=%s has no --format before it", path);
		return false;
	}
	if (last)
		last->path = path;
	else
		add_output(options, "text", path);
	return true;
}

/* Each severity includes the graver ones. Of several words the one that includes most counts. */
static bool parse_fail_on(struct report_options *options, const char *list)
{
	enum {
		ERRORS = 1u << SEVERITY_ERROR,
		WARNINGS = ERRORS | 1u << SEVERITY_WARNING,
		NOTES = WARNINGS | 1u << SEVERITY_NOTE,
	};
	static const struct {
		const char *name;
		unsigned bits;
	} names[] = {{"error", ERRORS}, {"warning", WARNINGS}, {"note", NOTES}, {"all", NOTES}, {"none", 0}};
	const char *word = list;

	options->fail_on = 0;
	for (;;) {
		size_t length = strcspn(word, ",");
		size_t i;

		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (strlen(names[i].name) == length && !memcmp(names[i].name, word, length))
				break;
		if (i == sizeof(names) / sizeof(names[0]))
			return false;
		options->fail_on |= names[i].bits;
		if (!word[length])
			return true;
		word += length + 1;
	}
}

static bool parse_number(const char *option, const char *argument, unsigned long max, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(argument, &end, 10);
	if (*argument < '0' || *argument > '9' || *end || errno || *value > max) {
		text_complain("--%s=%s: expected a number from 0 to %lu", option, argument, max);
		return false;
	}
	return true;
}

static bool parse_color(struct report_options *options, const char *when)
{
	static const char *const names[] = {[COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], when) != 0)
			continue;
		options->color = (enum color)i;
		return true;
	}
	return false;
}

static struct suppressions *suppressions_of(struct report_options *options)
{
	if (!options->suppressions)
		options->suppressions = text_allocate(sizeof(*options->suppressions));
	return options->suppressions;
}

bool options_add_suppressions(struct report_options *options, const char *path)
{
	return suppressions_read(suppressions_of(options), path);
}

static bool parse_baseline(struct report_options *options, const char *path)
{
	if (options->baseline) {
		text_complain("--baseline=%s: only one baseline is allowed", path);
		return false;
	}
	options->baseline = findings_new();
	options->baseline_path = path;
	options->baseline_rule = suppressions_add_name(suppressions_of(options), FINDINGS_BASELINE, path);
	return true;
}

static bool add_source_tree(struct report_options *options, const char *directory)
{
	struct stat status;

	if (stat(directory, &status) || !S_ISDIR(status.st_mode)) {
		text_complain("--source-root=%s: expected a directory", directory);
		return false;
	}
	options->source_trees =
		text_grow(options->source_trees, options->source_tree_count, sizeof(*options->source_trees));
	options->source_trees[options->source_tree_count++] = directory;
	return true;
}

bool options_parse(struct report_options *options, enum option_id option, const char *argument)
{
	unsigned long number;

	switch (option) {
	case OPTION_QUIET: options->quiet = true; return true;
	case OPTION_DIFF_FORMAT:
	case OPTION_FORMAT: return parse_format(options, argument);
	case OPTION_OUTPUT: return parse_output(options, argument);
	case OPTION_FAIL_ON: return parse_fail_on(options, argument);
	case OPTION_ERROR_EXITCODE:
		if (!parse_number("error-exitcode", argument, 255, &number))
			return false;
		options->error_exitcode = (int)number;
		return true;
	case OPTION_COLOR: return parse_color(options, argument);
	case OPTION_SUPPRESSIONS: return options_add_suppressions(options, argument);
	case OPTION_BASELINE: return parse_baseline(options, argument);
	case OPTION_SOURCE_ROOT: return add_source_tree(options, argument);
	case OPTION_GEN_SUPPRESSIONS: options->gen_suppressions = true; return true;
	case OPTION_MAX_INCIDENTS:
		if (!parse_number("max-incidents", argument, INT_MAX, &number))
			return false;
		options->max_incidents = number;
		return true;
	default: options->given[option] = argument; return true;
	}
}

bool options_take(void *options, enum option_id option, const char *argument)
{
	return options_parse(options, option, argument);
}

/* access() rather than open(): a report that is never written must leave no empty file behind. */
static bool is_writable(const char *path)
{
	struct stat status;
	char *copy;
	const char *trouble = NULL;

	if (!strcmp(path, "-"))
		return true;
	if (!stat(path, &status)) {
		if (S_ISDIR(status.st_mode))
			trouble = strerror(EISDIR);
		else if (access(path, W_OK))
			trouble = strerror(errno);
	} else if (errno != ENOENT) {
		trouble = strerror(errno);
	} else {
		copy = text_copy(path);
		if (access(dirname(copy), W_OK | X_OK))
			trouble = strerror(errno);
		free(copy);
	}
	if (trouble)
		text_complain("cannot write %s: %s", path, trouble);
	return !trouble;
}

bool options_finish(struct report_options *options)
{
	for (size_t i = 0; i < options->output_count; i++) {
		const char *path = options->outputs[i].path;

		for (size_t j = 0; j < i; j++) {
			const char *other = options->outputs[j].path;

			if (path && other ? strcmp(path, other) : path != other)
				continue;
			text_complain("two formats, %s and %s, would be written to the same place (%s); give each its "
				      "own --output",
				options->outputs[j].format, options->outputs[i].format, path ? path : "the default");
			return false;
		}
		if (path && !is_writable(path))
			return false;
	}
	if (!options->baseline)
		return true;
	/* Only now is it known whether progress may be shown. */
	progress_allow(!options->quiet);
	return findings_read(options->baseline, options->baseline_path);
}

void options_free(struct report_options *options)
{
	findings_free(options->baseline);
	options->baseline = NULL;
	if (options->suppressions)
		suppressions_free(options->suppressions);
	free(options->suppressions);
	options->suppressions = NULL;
	free(options->source_trees);
	options->source_trees = NULL;
	options->source_tree_count = 0;
	free(options->outputs);
	options->outputs = NULL;
	options->output_count = 0;
}
