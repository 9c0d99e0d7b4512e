/*
 * The list of paths for a sandbox_plan. It owns the names; what they are for
 * is the caller's affair, but for those that libraries read on their own.
 */
#include "common/run/sandbox_paths.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/attr.h"

#define PATHS_MAX 64

static const char *const SYSTEM_PATHS[] = {
	"/etc/ssl",
	"/usr/lib/ssl",
	"/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates",
	"/etc/hosts",
	"/etc/host.conf",
	"/etc/resolv.conf",
	"/run/systemd/resolve",
	"/etc/nsswitch.conf",
	"/etc/gai.conf",
	"/etc/localtime",
	"/usr/share/zoneinfo",
	"/proc/self",
	"/dev/null",
	"/dev/urandom",
};

struct sandbox_paths {
	struct sandbox_path rows[PATHS_MAX];
	char room[PATHS_MAX][PATH_MAX]; /* what the rows point to */
	size_t count;
};

int sandbox_paths_new(struct sandbox_paths **out)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? 0 : -ENOMEM;
}

void sandbox_paths_free(struct sandbox_paths *p)
{
	free(p);
}

void sandbox_paths_add(struct sandbox_paths *p, enum sandbox_access access,
	const char *path)
{
	if (path == NULL || p->count >= PATHS_MAX)
		return;
	snprintf(p->room[p->count], sizeof(p->room[0]), "%s", path);
	p->rows[p->count] =
		(struct sandbox_path){p->room[p->count], access};
	p->count++;
}

void sandbox_paths_add_folder(struct sandbox_paths *p,
	enum sandbox_access access, const char *file)
{
	char name[PATH_MAX];
	char target[PATH_MAX];

	if (file == NULL)
		return;
	snprintf(name, sizeof(name), "%s", file);
	sandbox_paths_add(p, access, dirname(name));
	if (realpath(file, target) != NULL)
		sandbox_paths_add(p, access, dirname(target));
}

void sandbox_paths_add_system(struct sandbox_paths *p)
{
	for (size_t i = 0; i < ARRAY_COUNT(SYSTEM_PATHS); i++)
		sandbox_paths_add(p, SANDBOX_READ, SYSTEM_PATHS[i]);
}

const struct sandbox_path *sandbox_paths_rows(const struct sandbox_paths *p,
	size_t *count)
{
	*count = p->count;
	return p->rows;
}
