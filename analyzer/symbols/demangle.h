/*
 * demangle.h: readable names for mangled ones of C++, by the C++ library's own demangler.
 *
 * A short name can stand for one of gigabytes, or take hours: its parts may refer to each other. And a name comes from
 * a file that a trace chose. So the demangler runs in a process of its own, which is bound in time and memory and is
 * ended where it exceeds them; where that happened a few times (LIMIT_DEMANGLING), names stay as they are.
 */
#ifndef SOCKSAN_DEMANGLE_H
#define SOCKSAN_DEMANGLE_H

/* The readable name, or a copy where there is none. The caller frees it. */
char *demangle(const char *name);

/* Ends the process, where there is one. The next call of demangle starts another. */
void demangle_end(void);

#endif
