/* thread.c: the definition; thread.h tells what it is for. */
#include "shim/thread.h"

__thread struct thread_state thread_state;
