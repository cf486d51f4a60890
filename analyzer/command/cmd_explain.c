/*
 * cmd_explain.c: `socksan explain [KIND]`: what a kind of incident means, what usually causes it, how to fix it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/base/text.h"
#include "analyzer/command/command.h"
#include "analyzer/command/command_line.h"
#include "analyzer/report/report.h"
#include "analyzer/wording/kinds.h"

#define COLUMNS 80
#define INDENT 2

static void list(void)
{
	size_t count;
	const struct kind *kinds = kinds_all(&count);

	puts("The kinds of incident, and what the write came after in each. `socksan explain\n"
	     "KIND` tells what one means, its likely causes, and how to fix it.\n");
	for (size_t i = 0; i < count; i++) {
		printf("  %-24s", kinds[i].id);
		text_fill(stdout, (struct text_layout){.indent = INDENT + 24, .width = COLUMNS, .column = INDENT + 24},
			kinds[i].text->summary);
	}
}

static void paragraph(const char *title, const char *text)
{
	printf("\n%s\n%*s", title, INDENT, "");
	text_fill(stdout, (struct text_layout){.indent = INDENT, .width = COLUMNS, .column = INDENT}, text);
}

static void severities(const struct kind *kind)
{
	const char *told = kinds_severity_name(kind->told);
	bool always = kind->told == kind->kernel && kind->told == kind->nobody;
	char *rule = always ? text_format("%s.", told)
			    : text_format("%s where the program had been told, %s where only the kernel knew, %s where "
					  "nobody did.",
				      told, kinds_severity_name(kind->kernel), kinds_severity_name(kind->nobody));
	char *text = text_format("%s%s%s%s", rule,
		kind->columns & KIND_UNCONFIRMED
			? " No more than a warning while it is not known whether the bytes arrived."
			: "",
		kind->columns & KIND_DELIVERED ? " A note where the peer's TCP acknowledged the bytes." : "",
		kind->columns & KIND_GOODBYE ? " A note where the bytes were a protocol's goodbye." : "");

	paragraph("Severity", text);
	free(text);
	free(rule);
}

static void explain(const struct kind *kind)
{
	const struct kind_text *text = kind->text;

	puts(kind->id);
	paragraph(kind->columns & KIND_IS_CLOSE ? "What happened" : "The write came after", text->summary);
	paragraph("What it means", text->meaning);
	paragraph("Likely causes", text->causes);
	paragraph("How to fix it", text->fix);
	severities(kind);
}

/* It has none but those that command_line_read answers itself. */
static bool take_nothing(void *context, enum option_id option, const char *argument)
{
	(void)context;
	(void)option;
	(void)argument;
	return true;
}

int command_explain(int argc, char **argv)
{
	struct command_line line = {.subcommand = SUBCOMMAND_EXPLAIN, .take = take_nothing};
	enum command_line_end end = command_line_read(&line, argc, argv);
	const struct kind *kind;

	if (end != COMMAND_LINE_READ)
		return end == COMMAND_LINE_DONE ? 0 : EXIT_SOCKSAN;
	if (line.rest_count > 1) {
		text_complain("explain takes one kind");
		return EXIT_SOCKSAN;
	}
	if (!line.rest_count) {
		list();
	} else {
		kind = kinds_find(line.rest[0]);
		if (!kind) {
			text_complain("unknown kind \"%s\": `socksan explain` lists them", line.rest[0]);
			return EXIT_SOCKSAN;
		}
		explain(kind);
	}
	if (fflush(stdout) || ferror(stdout)) {
		text_complain("cannot write to standard output");
		return EXIT_SOCKSAN;
	}
	return 0;
}
