/*
 * json_check.c: see json_check.h.
 */
#include "tests/unit/json_check.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

yajl_val json_parse(const char *text)
{
	char error[512] = "";
	yajl_val root = yajl_tree_parse(text, error, sizeof(error));

	cr_assert_not_null(root, "%s\n%s", error, text);
	return root;
}

static yajl_val find(yajl_val value, const char *path)
{
	char *copy = strdup(path);
	char *rest = copy;

	for (char *part; value && (part = strsep(&rest, "."));) {
		if (YAJL_IS_ARRAY(value)) {
			size_t index = strtoul(part, NULL, 10);

			value = index < YAJL_GET_ARRAY(value)->len ? YAJL_GET_ARRAY(value)->values[index] : NULL;
		} else {
			value = yajl_tree_get(value, (const char *[]){part, NULL}, yajl_t_any);
		}
	}
	free(copy);
	return value;
}

int json_has(yajl_val root, const char *path)
{
	return find(root, path) != NULL;
}

yajl_val json_at(yajl_val root, const char *path)
{
	yajl_val value = find(root, path);

	cr_assert_not_null(value, "there is no %s", path);
	return value;
}

const char *json_string(yajl_val root, const char *path)
{
	yajl_val value = json_at(root, path);

	cr_assert(YAJL_IS_STRING(value), "%s is no string", path);
	return value->u.string;
}

void json_expect_string(yajl_val root, const char *path, const char *expected)
{
	const char *found = json_string(root, path);

	cr_assert_str_eq(found, expected, "%s is \"%s\", not \"%s\"", path, found, expected);
}

void json_expect_number(yajl_val root, const char *path, long long expected)
{
	yajl_val value = json_at(root, path);

	cr_assert(YAJL_IS_INTEGER(value), "%s is no integer", path);
	cr_assert_eq(
		YAJL_GET_INTEGER(value), expected, "%s is %lld, not %lld", path, YAJL_GET_INTEGER(value), expected);
}

size_t json_length(yajl_val root, const char *path)
{
	yajl_val value = json_at(root, path);

	cr_assert(YAJL_IS_ARRAY(value), "%s is no list", path);
	return YAJL_GET_ARRAY(value)->len;
}
