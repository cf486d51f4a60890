/*
 * environment.h: the command's environment: this process's own, and what brings the shim into it.
 */
#ifndef SOCKSAN_ENVIRONMENT_H
#define SOCKSAN_ENVIRONMENT_H

#include <stdbool.h>

/*
 * A copy of environ in which LD_PRELOAD begins with `shim` and SOCKSAN_OPTIONS is `options`. Where
 * AddressSanitizer's runtime takes part (`needs_asan`, or in the inherited LD_PRELOAD), ASAN_OPTIONS allows it not
 * to be the first library. To be freed with environment_free().
 */
char **environment_make(const char *shim, const char *options, bool needs_asan);

void environment_free(char **environment);

#endif
