/*
 * source.h: the program's source files: how a report names them, and a few of their lines where they are at hand.
 *
 * Services that show a report know a file by its path from the top of the checkout. That is the directory which the CI
 * service names (GITHUB_WORKSPACE, CI_PROJECT_DIR) where the current directory lies in it, else the current directory.
 *
 * Paths come from debug information and from traces, so they are not trusted: a trace must not make a reader, who may
 * be root, show what is none of the program's. Only regular files with the suffix of a programming language are read,
 * and only where they lie, with every link followed, in the tree of the checkout or of the current directory (unless
 * that is "/"), or in one that the user named. Where the program was compiled (DW_AT_comp_dir) does not count, as the
 * trace chooses the file that says so.
 */
#ifndef SOCKSAN_SOURCE_H
#define SOCKSAN_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sources;

struct sources *sources_new(void);
void sources_free(struct sources *sources);

/* The top of the checkout: absolute, without a slash at the end. Valid as long as `sources`. */
const char *sources_root(const struct sources *sources);

/*
 * `file` without "." and ".." where they can be resolved, and relative to the root where it lies below it; *inside says
 * whether it does. The caller frees it.
 */
char *sources_path(const struct sources *sources, const char *file, bool *inside);

/* Whether a name is that of a file: interpreters call what they read elsewhere "<stdin>" or "<string>". */
bool source_is_file(const char *name);

/* A path as a URI: "file:///..." where it is absolute, else a relative reference. The caller frees it. */
char *source_uri(const char *path);

/* Shows source from this directory's tree, too (--source-root). False with errno where there is no such directory. */
bool sources_add_tree(struct sources *sources, const char *directory);

struct source_file {
	int64_t changed_wall_ns; /* when it was last written */
	size_t line_count;
};

/*
 * The file, NULL where it is not at hand, or all files together would be too large (LIMIT_SOURCES). Valid as long as
 * `sources`.
 */
const struct source_file *sources_open(struct sources *sources, const char *file);

/* A line of it, counted from 1, without its end. */
const char *source_line(const struct source_file *file, size_t line, size_t *length);

#endif
