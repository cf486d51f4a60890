/*
 * static_standins.c: what a command that is linked statically cannot have. In a release alone (`make STATIC=1`).
 *
 * There is no loader in such a program: glibc's would want this very glibc's shared libraries on the system where it
 * runs. So what we load, the C++ library's demangler, is linked in and found here by name, and what libdw would load,
 * the client of debuginfod, is not there. Nor are name services, by which libxml2 could fetch what it reads; we write
 * only.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <stddef.h>
#include <string.h>

extern char *__cxa_demangle(const char *name, char *buffer, size_t *length, int *status);

/* Any pointer will do that is not NULL. */
static char linked_in[1];

void *dlopen(const char *file, int mode)
{
	(void)mode;
	return file && strcmp(file, "libstdc++.so.6") == 0 ? linked_in : NULL;
}

void *dlsym(void *restrict handle, const char *restrict name)
{
	return handle == linked_in && strcmp(name, "__cxa_demangle") == 0 ? (void *)__cxa_demangle : NULL;
}

int dlclose(void *handle)
{
	(void)handle;
	return 0;
}

char *dlerror(void)
{
	static char text[] = "nothing is loaded by a static program";

	return text;
}

int getaddrinfo(const char *restrict name, const char *restrict service, const struct addrinfo *restrict request,
	struct addrinfo **restrict result)
{
	(void)name;
	(void)service;
	(void)request;
	(void)result;
	return EAI_FAIL;
}

void freeaddrinfo(struct addrinfo *result)
{
	(void)result;
}

struct hostent *gethostbyname(const char *name)
{
	(void)name;
	return NULL;
}

/* In the place of each of ICU's functions: ucnv_open returns no converter, and the others are never called. */
void *static_without_icu(void);
void *static_without_icu(void)
{
	return NULL;
}
