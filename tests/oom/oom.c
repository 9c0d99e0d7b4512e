/*
 * The allocator of `make check-oom`: as the C library's, but call number
 * OOM_AT (from 0) of each process fails. That it did is noted by a line in
 * the file OOM_MARK, so that the runner knows when there was no such call.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/oom/oom.h"

#undef malloc
#undef calloc
#undef realloc
#undef reallocarray
#undef aligned_alloc
#undef strdup
#undef strndup
#undef asprintf
#undef open_memstream

static atomic_long calls;

static bool fails(void)
{
	const char *at = getenv("OOM_AT");
	const char *mark = getenv("OOM_MARK");
	int fd;

	if (at == NULL || atomic_fetch_add(&calls, 1) != atol(at))
		return false;
	fd = open(mark != NULL ? mark : "/dev/null",
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0) {
		(void)!write(fd, "failed\n", 7);
		close(fd);
	}
	errno = ENOMEM;
	return true;
}

void *oom_malloc(size_t len)
{
	return fails() ? NULL : malloc(len);
}

void *oom_calloc(size_t count, size_t len)
{
	return fails() ? NULL : calloc(count, len);
}

void *oom_realloc(void *p, size_t len)
{
	return fails() ? NULL : realloc(p, len);
}

void *oom_reallocarray(void *p, size_t count, size_t len)
{
	return fails() ? NULL : reallocarray(p, count, len);
}

void *oom_aligned_alloc(size_t align, size_t len)
{
	return fails() ? NULL : aligned_alloc(align, len);
}

char *oom_strdup(const char *text)
{
	return fails() ? NULL : strdup(text);
}

char *oom_strndup(const char *text, size_t len)
{
	return fails() ? NULL : strndup(text, len);
}

int oom_asprintf(char **out, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (fails()) {
		*out = NULL;
		return -1;
	}
	va_start(ap, fmt);
	n = vasprintf(out, fmt, ap);
	va_end(ap);
	return n;
}

FILE *oom_open_memstream(char **text, size_t *len)
{
	return fails() ? NULL : open_memstream(text, len);
}
