/*
 * command_line.c: see command_line.h.
 */
#include "analyzer/command/command_line.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/text.h"
#include "analyzer/report/report.h"

#define COLUMNS 80
#define HELP_COLUMN 26
#define FIRST_LONG 256 /* what getopt_long returns for the first row, beyond any letter */

enum value {
	VALUE_NONE,
	VALUE_TEXT,
	VALUE_NUMBER,
	VALUE_FILE,
	VALUE_DIRECTORY,
	VALUE_FORMAT,
	VALUE_WORD,
	VALUE_WORDS,
	VALUE_LAST
};

static const struct row {
	const char *name;
	const char *letter;
	const char *argument;
	enum value value;
	const char *words;
	unsigned subcommands;
	const char *help;
} rows[OPTION_COUNT] = {
#define OPTION(ID, name, letter, argument, value, words, subcommands, brief, help)                                     \
	[OPTION_##ID] = {name, letter, argument, VALUE_##value, words, subcommands, help},
	OPTIONS(OPTION)
#undef OPTION
};

static const struct about {
	const char *name;
	const char *arguments;
	const char *brief;
	const char *description;
	const char *status;
} subcommands[] = {
#define SUBCOMMAND(ID, name, arguments, completion, brief, description, status)                                        \
	[SUBCOMMAND_##ID] = {#name, arguments, brief, description, status},
	SUBCOMMANDS(SUBCOMMAND)
#undef SUBCOMMAND
};

#define SUBCOMMAND_COUNT (sizeof(subcommands) / sizeof(*subcommands))

bool command_line_find(const char *name, enum subcommand *subcommand)
{
	for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
		if (strcmp(subcommands[i].name, name) != 0)
			continue;
		*subcommand = (enum subcommand)i;
		return true;
	}
	return false;
}

/* --- Help --------------------------------------------------------------------------------------------------------- */

static void fill(FILE *stream, unsigned indent, unsigned column, const char *text)
{
	text_fill(stream, (struct text_layout){.indent = indent, .width = COLUMNS, .column = column}, text);
}

static void help_option(FILE *stream, const struct row *row)
{
	char *name = text_format("  %s%s%s--%s%s%s", *row->letter ? "-" : "", row->letter, *row->letter ? ", " : "",
		row->name, *row->argument ? "=" : "", row->argument);

	if (strlen(name) < HELP_COLUMN)
		fprintf(stream, "%-*s", HELP_COLUMN, name);
	else
		fprintf(stream, "%s\n%*s", name, HELP_COLUMN, "");
	fill(stream, HELP_COLUMN, HELP_COLUMN, row->help);
	free(name);
}

static void help_paragraph(FILE *stream, const char *title, const char *text)
{
	if (!*text)
		return;
	fprintf(stream, "\n%s: ", title);
	fill(stream, 0, (unsigned)strlen(title) + 2, text);
}

void command_line_help(FILE *stream, enum subcommand subcommand)
{
	const struct about *about = &subcommands[subcommand];
	bool formats = false;

	fprintf(stream, "Usage: socksan %s%s%s\n\n", about->name, *about->arguments ? " " : "", about->arguments);
	fill(stream, 0, 0, about->description);
	fputs("\nOptions:\n", stream);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (!(rows[i].subcommands & 1u << subcommand))
			continue;
		help_option(stream, &rows[i]);
		formats |= rows[i].value == VALUE_FORMAT;
	}
	if (formats)
		help_paragraph(stream, "Formats", report_format_names());
	help_paragraph(stream, "Exit status", about->status);
}

void command_line_usage(FILE *stream)
{
	fputs("Usage: socksan SUBCOMMAND [ARGUMENT...]\n\n", stream);
	fill(stream, 0, 0,
		"socksan reports writes to sockets that could not reach anyone: after the peer had closed or reset the "
		"connection, after the program's own shutdown or close, or before the connection stood.");
	putc('\n', stream);
	for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
		fprintf(stream, "  socksan %s%s%s\n          %s\n", subcommands[i].name,
			*subcommands[i].arguments ? " " : "", subcommands[i].arguments, subcommands[i].brief);
	fputs("\n`socksan help SUBCOMMAND` describes the options of one.\n", stream);
}

/* --- Parsing ------------------------------------------------------------------------------------------------------ */

static bool is_word_of(const char *words, const char *word, size_t length)
{
	for (; *words; words += strcspn(words, " "), words += *words == ' ')
		if (strcspn(words, " ") == length && !memcmp(words, word, length))
			return true;
	return false;
}

/* "auto, always or never" */
static char *list_words(const char *words)
{
	char *list = text_copy("");

	while (*words) {
		size_t length = strcspn(words, " ");
		bool last = !words[length];
		char *longer = text_format("%s%s%.*s", list, !*list ? "" : last ? " or " : ", ", (int)length, words);

		free(list);
		list = longer;
		words += length + !last;
	}
	return list;
}

static bool has_known_words(const struct row *row, const char *argument)
{
	const char *word = argument;
	char *list;

	for (;;) {
		size_t length = row->value == VALUE_WORDS ? strcspn(word, ",") : strlen(word);

		if (!is_word_of(row->words, word, length))
			break;
		if (!word[length])
			return true;
		word += length + 1;
	}
	list = list_words(row->words);
	text_complain("--%s=%s: expected %s%s", row->name, argument, list,
		row->value == VALUE_WORDS ? ", separated by commas" : "");
	free(list);
	return false;
}

static enum command_line_end take(struct command_line *line, enum option_id option, const char *argument)
{
	const struct row *row = &rows[option];

	if (option == OPTION_HELP) {
		command_line_help(stdout, line->subcommand);
		return COMMAND_LINE_DONE;
	}
	if (option == OPTION_VERSION) {
		puts("socksan " SOCKSAN_VERSION);
		return COMMAND_LINE_DONE;
	}
	if ((row->value == VALUE_WORD || row->value == VALUE_WORDS) && !has_known_words(row, argument))
		return COMMAND_LINE_WRONG;
	return line->take(line->context, option, argument) ? COMMAND_LINE_READ : COMMAND_LINE_WRONG;
}

/* getopt's own messages would show the option raw. */
static void complain(const struct command_line *line, char *const argv[], int result)
{
	const char *name = subcommands[line->subcommand].name;
	const char *word = argv[optind - 1];
	bool is_long = !strncmp(word, "--", 2);
	char letter[] = {'-', (char)optopt, '\0'};
	const char *option = is_long ? word : letter;

	if (result == ':')
		text_complain("%s: option %s needs a value", name, option);
	else if (is_long && optopt)
		text_complain("%s: option %s takes no value", name, option);
	else
		text_complain("%s: unrecognized option '%s'; `socksan help %s` lists them", name, option, name);
}

/* What the subcommand knows, as getopt_long wants it. */
struct known {
	struct option options[OPTION_COUNT + 1];
	char letters[2 + OPTION_COUNT + 1];
};

static struct known known_to(enum subcommand subcommand)
{
	struct known known = {.letters = "+:"};
	char *letter = known.letters + (subcommand == SUBCOMMAND_RUN ? 2 : 1);
	size_t count = 0;

	if (subcommand != SUBCOMMAND_RUN)
		known.letters[0] = ':';
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (!(rows[i].subcommands & 1u << subcommand))
			continue;
		known.options[count++] = (struct option){
			.name = rows[i].name,
			.has_arg = *rows[i].argument ? required_argument : no_argument,
			.val = FIRST_LONG + i,
		};
		if (*rows[i].letter)
			*letter++ = *rows[i].letter;
	}
	*letter = '\0';
	return known;
}

static enum option_id of_letter(int letter)
{
	int i = 0;

	while (*rows[i].letter != letter)
		i++;
	return (enum option_id)i;
}

enum command_line_end command_line_read(struct command_line *line, int argc, char **argv)
{
	struct known known = known_to(line->subcommand);
	enum command_line_end end = COMMAND_LINE_READ;
	int result;

	optind = 0;
	opterr = 0;
	while ((result = getopt_long(argc, argv, known.letters, known.options, NULL)) != -1) {
		if (result == '?' || result == ':') {
			complain(line, argv, result);
			return COMMAND_LINE_WRONG;
		}
		end = take(line, result >= FIRST_LONG ? (enum option_id)(result - FIRST_LONG) : of_letter(result),
			optarg ? optarg : "");
		if (end != COMMAND_LINE_READ)
			return end;
	}
	line->rest = argv + optind;
	line->rest_count = (size_t)(argc - optind);
	return end;
}
