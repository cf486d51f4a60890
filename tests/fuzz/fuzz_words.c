/*
 * fuzz_words.c: the small languages that come from outside: escapes, source paths, Python's stacks, names of
 * just-in-time code, options, text that is broken into lines, strings in JSON, and rules for names. The first byte says
 * which.
 */
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "analyzer/base/escape.h"
#include "analyzer/base/json.h"
#include "analyzer/base/limits.h"
#include "analyzer/base/text.h"
#include "analyzer/report/suppress.h"
#include "analyzer/report/suppress_incidents.h"
#include "analyzer/run/shim_options.h"
#include "analyzer/symbols/perf_map.h"
#include "analyzer/symbols/python_stack.h"
#include "analyzer/symbols/source.h"
#include "tests/fuzz/input.h"

static volatile size_t sum;

static void try_escape(const char *bytes, size_t length)
{
	size_t out_length;
	char *copy = escape_copy(bytes, length);
	char *utf8 = escape_utf8(bytes, length, &out_length);
	uint32_t character;

	/* What came out must not need to be made safe again. */
	for (size_t i = 0; i < strlen(copy);) {
		size_t taken = escape_decode(copy + i, strlen(copy) - i, &character);

		if (taken == 0 || escape_is_deceptive(character))
			abort();
		i += taken;
	}
	if (strstr(copy, "##") || !strncmp(copy, "::", 2) || strstr(copy, " ::"))
		abort();
	for (size_t i = 0; i < out_length;) {
		size_t taken = escape_decode(utf8 + i, out_length - i, &character);

		if (taken == 0)
			abort();
		i += taken;
	}
	free(copy);
	free(utf8);
}

static void try_source(const char *bytes, size_t length)
{
	char *name = strndup(bytes, length);
	struct sources *sources = sources_new();
	bool inside;
	char *path = sources_path(sources, name, &inside);
	char *uri = source_uri(path);

	/* A path that is said to lie inside must not lead out. */
	if (inside && (*path == '/' || !strncmp(path, "../", 3) || strstr(path, "/../")))
		abort();
	sum += strlen(uri);
	free(uri);
	free(path);
	sources_free(sources);
	free(name);
}

static void try_python(const char *bytes, size_t length)
{
	struct text rest = {.bytes = bytes, .length = length};
	struct python_frame frame;

	while (python_stack_next(&rest, &frame)) {
		if (frame.file.bytes < bytes || frame.file.bytes + frame.file.length > bytes + length ||
			frame.function.bytes < bytes || frame.function.bytes + frame.function.length > bytes + length)
			abort();
		sum += (size_t)frame.line;
	}
}

static void try_perf_map(const char *bytes, size_t length)
{
	struct perf_map *map = perf_map_open(input_file("perf.map", bytes, length), 0);
	uint64_t address = 0;

	if (!map)
		abort();
	memcpy(&address, bytes, length < sizeof(address) ? length : sizeof(address));
	for (unsigned shift = 0; shift < 64; shift += 8) {
		const char *name = perf_map_find(map, address >> shift);

		sum += name ? strlen(name) : 0;
	}
	perf_map_close(map);
}

/*
 * What the user says himself: hostile only by accident. Kept short, since a complaint for each of its words takes long.
 */
static void try_options(const char *bytes, size_t length)
{
	char *text = strndup(bytes, length < 256 ? length : 256);
	struct shim_options options = {0};
	char *out;

	shim_options_add(&options, text);
	shim_options_inherit(&options, text);
	out = shim_options_text(&options);
	sum += strlen(out);
	free(out);
	shim_options_free(&options);
	free(text);
}

static void try_fill(const char *bytes, size_t length)
{
	char *text = strndup(bytes, length);

	text_fill(input_sink(), (struct text_layout){.indent = 15, .width = 80, .column = 15}, text);
	sum += text_columns(text);
	free(text);
}

/* Whatever a string holds, JSON has it in a form that a parser takes and a terminal makes nothing of. */
static void try_json(const char *bytes, size_t length)
{
	struct json *json = malloc(sizeof(*json));
	yajl_handle parser = yajl_alloc(NULL, NULL, NULL);
	char *text = NULL;
	size_t out_length;
	FILE *stream = open_memstream(&text, &out_length);
	uint32_t character;

	json_begin(json, stream);
	json_bytes(json, NULL, bytes, length);
	json_end(json);
	fclose(stream);
	if (yajl_parse(parser, (const unsigned char *)text, out_length) != yajl_status_ok ||
		yajl_complete_parse(parser) != yajl_status_ok || strstr(text, "##"))
		abort();
	for (size_t i = 0; i + 1 < out_length;) {
		size_t taken = escape_decode(text + i, out_length - i, &character);

		if (taken == 0 || escape_is_deceptive(character))
			abort();
		i += taken;
	}
	yajl_free(parser);
	free(text);
	free(json);
}

/* A rule that is proposed for a name is one line that can be shown, and matches the name. */
static void try_rule(const char *bytes, size_t length)
{
	char *name = strndup(bytes, length);
	struct frame frame = {.function = name, .file = "", .module = "", .build_id = ""};
	char *rule = suppress_propose("double-close", &(struct stack){.frames = &frame, .count = 1});

	if (rule && (escape_plain(rule, strlen(rule), '\0') != strlen(rule) ||
			    !suppress_match(strchr(rule, ':') + 1, name)))
		abort();
	free(rule);
	free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(const char *, size_t) = {
		try_escape, try_source, try_python, try_perf_map, try_options, try_fill, try_json, try_rule};
	char *bytes;

	if (size == 0)
		return 0;
	limits_reset();
	/* A copy of its own, so that a sanitizer sees a step before its first byte as well as one behind its last. */
	bytes = malloc(size - 1 ? size - 1 : 1);
	memcpy(bytes, data + 1, size - 1);
	tries[data[0] % (sizeof(tries) / sizeof(tries[0]))](bytes, size - 1);
	free(bytes);
	return 0;
}
