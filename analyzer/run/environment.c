/*
 * environment.c: see environment.h.
 */
#include "analyzer/run/environment.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/base/text.h"
#include "analyzer/symbols/elf_image.h"

#define SHIM_NAME "libsocksan.so"
#define ADAPTER_DIRECTORY "python"
#define ADAPTER_START "sitecustomize.py"
#define LINK_ORDER "verify_asan_link_order"

static bool names_variable(const char *entry, const char *name)
{
	size_t length = strlen(name);

	return !strncmp(entry, name, length) && entry[length] == '=';
}

/*
 * `shim`, then what was preloaded already, but for another copy of the shim: of two, each would audit the other's
 * calls.
 */
static char *make_preload(const char *shim, bool *needs_asan)
{
	const char *inherited = getenv("LD_PRELOAD");
	char *words = text_copy(inherited ? inherited : "");
	char *preload = text_copy(shim);
	char *rest;

	for (char *word = strtok_r(words, ": ", &rest); word; word = strtok_r(NULL, ": ", &rest)) {
		const char *slash = strrchr(word, '/');
		const char *name = slash ? slash + 1 : word;
		char *longer;

		if (!strcmp(name, SHIM_NAME))
			continue;
		*needs_asan |= elf_image_is_asan_runtime(name);
		longer = text_format("%s:%s", preload, word);
		free(preload);
		preload = longer;
	}
	free(words);
	return preload;
}

/*
 * AddressSanitizer's shared runtime refuses to start behind another library. Preloading it as the first would bring
 * it, and its leak reports, into every child as well; so it is asked not to look.
 */
static char *make_asan_options(void)
{
	const char *inherited = getenv("ASAN_OPTIONS");

	if (!inherited || !*inherited)
		return text_copy("ASAN_OPTIONS=" LINK_ORDER "=0");
	if (strstr(inherited, LINK_ORDER))
		return text_format("ASAN_OPTIONS=%s", inherited);
	return text_format("ASAN_OPTIONS=%s:" LINK_ORDER "=0", inherited);
}

/* Whether one of the shim's options, "key=value:key=value", is this. */
static bool has_option(const char *options, const char *wanted)
{
	size_t length = strlen(wanted);

	for (const char *at = options; (at = strstr(at, wanted)); at += length)
		if ((at == options || at[-1] == ':') && (!at[length] || at[length] == ':'))
			return true;
	return false;
}

/*
 * PYTHONPATH with the adapter's directory, which lies beside the shim, in front: Python imports `sitecustomize` from
 * there. NULL where there is none, or the adapter is not wanted. An empty item would mean the working directory, so
 * there must be none.
 */
static char *make_python_path(const char *shim, const char *options)
{
	const char *inherited = getenv("PYTHONPATH");
	char *directory = text_format("%.*s" ADAPTER_DIRECTORY, (int)(strrchr(shim, '/') + 1 - shim), shim);
	char *start = text_format("%s/" ADAPTER_START, directory);
	char *path = NULL;

	if (!access(start, R_OK) && !has_option(options, "python=0") && !has_option(options, "python=false"))
		path = text_format(
			"PYTHONPATH=%s%s%s", directory, inherited && *inherited ? ":" : "", inherited ? inherited : "");
	free(start);
	free(directory);
	return path;
}

char **environment_make(const char *shim, const char *options, bool needs_asan)
{
	char *preload = make_preload(shim, &needs_asan);
	char *python_path = make_python_path(shim, options);
	char **environment = NULL;
	size_t count = 0;
	size_t total = 0;

	while (environ && environ[total])
		total++;
	environment = text_allocate((total + 5) * sizeof(*environment));
	for (size_t i = 0; i < total; i++)
		if (!names_variable(environ[i], "LD_PRELOAD") && !names_variable(environ[i], "SOCKSAN_OPTIONS") &&
			!(python_path && names_variable(environ[i], "PYTHONPATH")) &&
			!(needs_asan && names_variable(environ[i], "ASAN_OPTIONS")))
			environment[count++] = text_copy(environ[i]);
	environment[count++] = text_format("LD_PRELOAD=%s", preload);
	environment[count++] = text_format("SOCKSAN_OPTIONS=%s", options);
	if (python_path)
		environment[count++] = python_path;
	if (needs_asan)
		environment[count++] = make_asan_options();
	free(preload);
	return environment;
}

void environment_free(char **environment)
{
	for (char **entry = environment; *entry; entry++)
		free(*entry);
	free(environment);
}
