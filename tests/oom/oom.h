/*
 * Included before every source of the product in the tree of
 * `make check-oom` (not before tests): allocations go through functions
 * that fail once, at the call that OOM_AT names.
 */
#ifndef TESTS_OOM_H
#define TESTS_OOM_H

#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *oom_malloc(size_t len);
void *oom_calloc(size_t count, size_t len);
void *oom_realloc(void *p, size_t len);
void *oom_reallocarray(void *p, size_t count, size_t len);
void *oom_aligned_alloc(size_t align, size_t len);
char *oom_strdup(const char *text);
char *oom_strndup(const char *text, size_t len);
int oom_asprintf(char **out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
FILE *oom_open_memstream(char **text, size_t *len);

#undef strdup
#undef strndup
#define malloc(n)               oom_malloc(n)
#define calloc(c, n)            oom_calloc((c), (n))
#define realloc(p, n)           oom_realloc((p), (n))
#define reallocarray(p, c, n)   oom_reallocarray((p), (c), (n))
#define aligned_alloc(a, n)     oom_aligned_alloc((a), (n))
#define strdup(s)               oom_strdup(s)
#define strndup(s, n)           oom_strndup((s), (n))
#define asprintf(...)           oom_asprintf(__VA_ARGS__)
#define open_memstream(t, n)    oom_open_memstream((t), (n))

#endif
