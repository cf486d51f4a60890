/*
 * findings_parse.c: findings from a report in JSON or JSON Lines, read as a stream. See findings.h.
 *
 * In JSON, incidents are the elements of the list "incidents"; in JSON Lines, the objects with a fingerprint. Of each
 * only the members that findings have are looked at, so a report of a later version with more in it can be read, too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yajl/yajl_parse.h>

#include "analyzer/base/progress.h"
#include "analyzer/base/text.h"
#include "analyzer/report/findings.h"

#define SCHEMA "socksan-report/1"

/* A word of the report; longer ones are cut. */
#define WORD_BYTES 64

/* Where we are: depths count open objects and lists. */
struct parser {
	struct findings *findings;
	unsigned depth;
	unsigned incident; /* depth of the members of the incident that we are in, 0 = in none */
	char keys[4][WORD_BYTES]; /* of the members that we are in: the incident's first, then of what lies in it */
	char top_key[WORD_BYTES]; /* of the outermost object */
	bool wrong_schema;
	/* The incident so far. */
	bool has_fingerprint;
	bool left_out;
	struct finding finding;
	/* The frame that we are in. */
	char *function;
	char *file;
	char *line;
};

static void set_word(char word[WORD_BYTES], const unsigned char *bytes, size_t length)
{
	if (length >= WORD_BYTES)
		length = WORD_BYTES - 1;
	memcpy(word, bytes, length);
	word[length] = '\0';
}

static void set_string(char **string, const unsigned char *bytes, size_t length)
{
	free(*string);
	*string = text_format("%.*s", (int)length, (const char *)bytes);
}

static void forget_frame(struct parser *parser)
{
	free(parser->function);
	free(parser->file);
	free(parser->line);
	parser->function = parser->file = parser->line = NULL;
}

static void forget_incident(struct parser *parser)
{
	free(parser->finding.kind);
	free(parser->finding.title);
	free(parser->finding.place);
	parser->finding = (struct finding){.count = 1};
	parser->has_fingerprint = parser->left_out = false;
}

static void begin_incident(struct parser *parser)
{
	forget_incident(parser);
	memset(parser->keys, 0, sizeof(parser->keys));
	parser->incident = parser->depth;
}

/* How deep below the incident's own members we are; members of others count as far below. */
static unsigned below(const struct parser *parser)
{
	return parser->incident && parser->depth >= parser->incident ? parser->depth - parser->incident : 99;
}

/* In a frame of the write's stack: stacks > write > list > frame. */
static bool in_frame(const struct parser *parser)
{
	return below(parser) == 3 && !strcmp(parser->keys[0], "stacks") && !strcmp(parser->keys[1], "write");
}

static int on_start_map(void *context)
{
	struct parser *parser = context;

	parser->depth++;
	if (parser->depth == 1 || (parser->depth == 3 && !strcmp(parser->top_key, "incidents")))
		begin_incident(parser);
	if (in_frame(parser))
		forget_frame(parser);
	return 1;
}

/* The first frame that has a line is the place; where none has, the first that has a name. */
static void take_frame(struct parser *parser)
{
	bool has_line = parser->file && *parser->file && parser->line && strcmp(parser->line, "0") != 0;
	bool is_bare = parser->finding.place && !strchr(parser->finding.place, '(');

	if (!parser->function || !*parser->function || (parser->finding.place && !(has_line && is_bare)))
		return;
	free(parser->finding.place);
	parser->finding.place = has_line ? text_format("%s (%s:%s)", parser->function, parser->file, parser->line)
					 : text_copy(parser->function);
}

static int on_end_map(void *context)
{
	struct parser *parser = context;

	if (in_frame(parser))
		take_frame(parser);
	if (below(parser) == 0) {
		if (parser->has_fingerprint && !parser->left_out)
			findings_add(parser->findings, &parser->finding);
		forget_incident(parser);
		parser->incident = 0;
	}
	parser->depth--;
	return 1;
}

static int on_start_array(void *context)
{
	((struct parser *)context)->depth++;
	return 1;
}

static int on_end_array(void *context)
{
	((struct parser *)context)->depth--;
	return 1;
}

static int on_key(void *context, const unsigned char *bytes, size_t length)
{
	struct parser *parser = context;

	if (parser->depth == 1)
		set_word(parser->top_key, bytes, length);
	if (below(parser) < sizeof(parser->keys) / sizeof(parser->keys[0]))
		set_word(parser->keys[below(parser)], bytes, length);
	return 1;
}

static enum severity severity_named(const char *name)
{
	return !strcmp(name, "error") ? SEVERITY_ERROR : !strcmp(name, "warning") ? SEVERITY_WARNING : SEVERITY_NOTE;
}

static void take_member(struct parser *parser, const char *key, const unsigned char *bytes, size_t length)
{
	char word[WORD_BYTES];
	char *end;

	set_word(word, bytes, length);
	if (!strcmp(key, "fingerprint")) {
		parser->finding.fingerprint = strtoull(word, &end, 16);
		parser->has_fingerprint = *word && !*end;
	} else if (!strcmp(key, "severity")) {
		parser->finding.severity = severity_named(word);
	} else if (!strcmp(key, "kind")) {
		set_string(&parser->finding.kind, bytes, length);
	} else if (!strcmp(key, "title")) {
		set_string(&parser->finding.title, bytes, length);
	} else if (!strcmp(key, "suppressed_by")) {
		parser->left_out = strcmp(word, FINDINGS_BASELINE) != 0;
	}
}

static int on_string(void *context, const unsigned char *bytes, size_t length)
{
	struct parser *parser = context;

	if (parser->depth == 1 && !strcmp(parser->top_key, "schema") &&
		(length != strlen(SCHEMA) || memcmp(bytes, SCHEMA, length) != 0)) {
		parser->wrong_schema = true;
		return 0;
	}
	if (below(parser) == 0)
		take_member(parser, parser->keys[0], bytes, length);
	else if (in_frame(parser) && !strcmp(parser->keys[3], "function"))
		set_string(&parser->function, bytes, length);
	else if (in_frame(parser) && !strcmp(parser->keys[3], "file"))
		set_string(&parser->file, bytes, length);
	return 1;
}

/* As text: yajl has no unsigned 64-bit numbers. */
static int on_number(void *context, const char *digits, size_t length)
{
	struct parser *parser = context;

	if (in_frame(parser) && !strcmp(parser->keys[3], "line"))
		set_string(&parser->line, (const unsigned char *)digits, length);
	return 1;
}

static bool parse_chunks(yajl_handle handle, const struct parser *parser, const char *path, int descriptor)
{
	unsigned char chunk[1 << 14];
	uint64_t done = 0;
	struct stat file = {0};
	yajl_status status = yajl_status_ok;
	ssize_t got;

	fstat(descriptor, &file);
	progress_begin("reading a report");
	while (status == yajl_status_ok && (got = read(descriptor, chunk, sizeof(chunk))) > 0) {
		status = yajl_parse(handle, chunk, (size_t)got);
		done += status == yajl_status_ok ? (uint64_t)got : yajl_get_bytes_consumed(handle);
		progress_at(done, (uint64_t)file.st_size, NULL);
	}
	progress_end();
	if (status == yajl_status_ok && got < 0) {
		text_complain("cannot read %s: %s", path, strerror(errno));
		return false;
	}
	if (status == yajl_status_ok)
		status = yajl_complete_parse(handle);
	if (parser->wrong_schema)
		text_complain("%s: expected a report of schema " SCHEMA, path);
	else if (status != yajl_status_ok)
		text_complain("%s: offset %llu: expected JSON", path, (unsigned long long)done);
	return status == yajl_status_ok;
}

bool findings_parse(struct findings *findings, const char *path, int descriptor)
{
	static const yajl_callbacks callbacks = {
		.yajl_number = on_number,
		.yajl_string = on_string,
		.yajl_start_map = on_start_map,
		.yajl_map_key = on_key,
		.yajl_end_map = on_end_map,
		.yajl_start_array = on_start_array,
		.yajl_end_array = on_end_array,
	};
	struct parser parser = {.findings = findings};
	yajl_handle handle = yajl_alloc(&callbacks, NULL, &parser);
	bool good;

	if (!handle)
		text_out_of_memory();
	yajl_config(handle, yajl_allow_multiple_values, 1);
	yajl_config(handle, yajl_dont_validate_strings, 1);
	good = parse_chunks(handle, &parser, path, descriptor);
	yajl_free(handle);
	forget_frame(&parser);
	forget_incident(&parser);
	return good;
}
