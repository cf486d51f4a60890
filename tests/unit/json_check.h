/*
 * json_check.h: JSON in tests, read by its paths.
 */
#ifndef SOCKSAN_JSON_CHECK_H
#define SOCKSAN_JSON_CHECK_H

#include <yajl/yajl_tree.h>

/* Parses one document, or fails the test. The caller frees it with yajl_tree_free. */
yajl_val json_parse(const char *text);

/*
 * What stands at a path such as "runs.0.results.3.level" (a name with a dot in it cannot be said), or fails the test.
 * json_has says whether there is something.
 */
yajl_val json_at(yajl_val root, const char *path);
int json_has(yajl_val root, const char *path);

/* The string at a path, or fails the test. Valid as long as `root`. */
const char *json_string(yajl_val root, const char *path) __attribute__((returns_nonnull));

void json_expect_string(yajl_val root, const char *path, const char *expected);
void json_expect_number(yajl_val root, const char *path, long long expected);

/* Elements of the list at a path. */
size_t json_length(yajl_val root, const char *path);

#endif
