/*
 * The folder's layout, and what goes when it is old. When it is written is
 * publisher_mirror.c's.
 */
#include "edgectl/publish/mirror.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/run/file.h"

#define SUFFIX    ".edgb"
#define FILE_MODE 0644 /* a web server is somebody else */
#define DIR_MODE  0755

int mirror_check(const char *dir, struct why *why)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return why_set(why, EDGE_ECONFIG, "mirror: %s: %s; make the "
			"folder, and let the publisher write there", dir,
			err_text(-errno));
	if (!S_ISDIR(st.st_mode))
		return why_set(why, EDGE_ECONFIG, "mirror: %s: no folder",
			dir);
	if (access(dir, R_OK | W_OK | X_OK) < 0)
		return why_set(why, EDGE_ECONFIG, "mirror: %s: %s; it must "
			"be the publisher's to write%s", dir, err_text(-errno),
			errno == EROFS ? ": under systemd give it with "
				"ReadWritePaths=" : "");
	return 0;
}

/* ---- writing ------------------------------------------------------------ */

/* The umask of a service lets nobody else in. */
static int let_in(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int err = fd < 0 || fchmod(fd, DIR_MODE) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

static int make_folder(const char *path, struct why *why)
{
	int err = mkdir(path, 0700) < 0 ? -errno : let_in(path);

	if (err < 0 && err != -EEXIST)
		return why_set(why, err, "%s: %s", path, err_text(err));
	return file_settle(path, why); /* the service writes in it, too */
}

static int path_of(char out[static PATH_MAX], const char *dir,
	const char *below, struct why *why)
{
	if (snprintf(out, PATH_MAX, "%s/bundles%s%s", dir,
		    below[0] != '\0' ? "/" : "", below) >= PATH_MAX)
		return why_set(why, -ENAMETOOLONG, "%s: too long", dir);
	return make_folder(out, why);
}

int mirror_put_whole(const char *dir, const char *sha256, const void *p,
	size_t len, struct why *why)
{
	char path[PATH_MAX];
	char name[BUNDLE_SHA_LEN + sizeof(SUFFIX)];
	int err = path_of(path, dir, "", why);

	if (err < 0)
		return err;
	snprintf(name, sizeof(name), "%s" SUFFIX, sha256);
	return file_replace(path, name, p, len, FILE_MODE, why);
}

int mirror_put_own(const char *dir, const char *sha256, const char *machine,
	const void *p, size_t len, struct why *why)
{
	char path[PATH_MAX];
	char name[256 + sizeof(SUFFIX)];
	int err = path_of(path, dir, "", why);

	if (err == 0)
		err = path_of(path, dir, sha256, why);
	if (err < 0)
		return err;
	snprintf(name, sizeof(name), "%s" SUFFIX, machine);
	return file_replace(path, name, p, len, FILE_MODE, why);
}

/* Web servers tell versions of a file apart by its length and the second of
 * its change, and all heads are of one length: none shares a second with the
 * one before, or who asks would be told for minutes that nothing is new. */
int mirror_put_head(const char *dir, const void *p, size_t len,
	struct why *why)
{
	struct timespec times[2] = {{0, UTIME_OMIT}, {0, 0}};
	char path[PATH_MAX];
	struct stat old;
	bool has_old;
	int err;

	if (snprintf(path, sizeof(path), "%s/head" SUFFIX, dir) >= PATH_MAX)
		return why_set(why, -ENAMETOOLONG, "%s: too long", dir);
	has_old = lstat(path, &old) == 0;
	err = file_replace(dir, "head" SUFFIX, p, len, FILE_MODE, why);
	if (err < 0 || !has_old || old.st_mtime < wall_now().s)
		return err;
	times[1].tv_sec = old.st_mtime + 1;
	if (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) < 0)
		return why_set(why, -errno, "%s: %s", path, err_text(-errno));
	return 0;
}

/* ---- sweeping ----------------------------------------------------------- */

/* <sha256> or <sha256>.edgb, and of another bundle than this one. */
static bool is_other_bundle(const char *name, const char *sha256)
{
	const size_t n = strspn(name, "0123456789abcdef");

	return n == BUNDLE_SHA_LEN - 1 &&
		(name[n] == '\0' || strcmp(name + n, SUFFIX) == 0) &&
		strncmp(name, sha256, n) != 0;
}

static bool is_old(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		st.st_mtim.tv_sec + MIRROR_KEEP_S < wall_now().s;
}

static DIR *open_below(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (d == NULL && fd >= 0)
		close(fd);
	return d;
}

static void remove_folder(int dir_fd, const char *name)
{
	DIR *d = open_below(dir_fd, name);
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (str_ends(str_of(e->d_name), SUFFIX))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		closedir(d);
	unlinkat(dir_fd, name, AT_REMOVEDIR);
}

void mirror_sweep(const char *dir, const char *sha256)
{
	DIR *top = open_below(AT_FDCWD, dir);
	DIR *d = top != NULL ? open_below(dirfd(top), "bundles") : NULL;
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (!is_other_bundle(e->d_name, sha256) ||
			!is_old(dirfd(d), e->d_name))
			continue;
		if (unlinkat(dirfd(d), e->d_name, 0) < 0)
			remove_folder(dirfd(d), e->d_name);
	}
	if (d != NULL)
		closedir(d);
	if (top != NULL)
		closedir(top);
}
