/* kernel.c: the definition; kernel.h tells what it is for. */
#include "shim/kernel.h"

int kernel_forbidden;
uint64_t kernel_stopped_ns;
