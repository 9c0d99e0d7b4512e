/*
 * Reading and replacing small files. What they mean is their owners' affair;
 * folders are opened once and worked in by descriptor, so that whoever owns
 * them can't lead root elsewhere by a link.
 */
#include "common/run/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"

int file_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* ---- reading ------------------------------------------------------------ */

static int read_all(int fd, char *to, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, to + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return EDGE_ESHORT;
		done += (size_t)n;
	}
	return 0;
}

static int load_fd(char **out, size_t *len, int fd, size_t max)
{
	struct stat st;
	char *p;
	int err;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return EDGE_EMALFORMED;
	if (st.st_size < 0 || (size_t)st.st_size > max)
		return EDGE_ETOOBIG;
	p = malloc((size_t)st.st_size + 1);
	if (p == NULL)
		return -ENOMEM;
	err = read_all(fd, p, (size_t)st.st_size);
	if (err < 0) {
		free(p);
		return err;
	}
	p[st.st_size] = '\0';
	*out = p;
	*len = (size_t)st.st_size;
	return 0;
}

static int load(char **out, size_t *len, const char *path, size_t max,
	int flags, struct why *why)
{
	/* Nonblocking: a FIFO must not hold us up. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
	int err = fd < 0 ? -errno : load_fd(out, len, fd, max);

	if (fd >= 0)
		close(fd);
	if (err < 0)
		return why_set(why, err, "%s: %s", path, err_text(err));
	return 0;
}

int file_load(char **out, size_t *len, const char *path, size_t max,
	struct why *why)
{
	return load(out, len, path, max, 0, why);
}

int file_load_foreign(char **out, size_t *len, const char *path, size_t max,
	struct why *why)
{
	return load(out, len, path, max, O_NOFOLLOW, why);
}

/* ---- replacing ---------------------------------------------------------- */

static int open_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int fill(int dir_fd, int fd, const void *data, size_t len, mode_t mode)
{
	struct stat st;
	int err = file_write_all(fd, data, len);

	if (err < 0)
		return err;
	if (fstat(dir_fd, &st) < 0 ||
		(geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) < 0) ||
		fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

/* Beside it first: never readable by others, never half there. */
static int replace_at(int dir_fd, const char *name, const void *data,
	size_t len, mode_t mode)
{
	char beside[NAME_MAX + 1];
	int n = snprintf(beside, sizeof(beside), ".%s.new", name);
	int fd;
	int err;

	if (n < 0 || (size_t)n >= sizeof(beside))
		return -ENAMETOOLONG;
	if (unlinkat(dir_fd, beside, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir_fd, beside,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = fill(dir_fd, fd, data, len, mode);
	if (close(fd) < 0 && err == 0)
		err = -errno;
	if (err == 0 && renameat(dir_fd, beside, dir_fd, name) < 0)
		err = -errno;
	if (err == 0 && fsync(dir_fd) < 0)
		err = -errno;
	if (err < 0)
		unlinkat(dir_fd, beside, 0);
	return err;
}

int file_replace(const char *dir, const char *name, const void *data,
	size_t len, mode_t mode, struct why *why)
{
	int dir_fd = open_folder(dir);
	int err = dir_fd;

	if (dir_fd >= 0) {
		err = replace_at(dir_fd, name, data, len, mode);
		close(dir_fd);
	}
	if (err < 0)
		return why_set(why, err, "%s/%s: %s", dir, name,
			err_text(err));
	return 0;
}

static int settle_at(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
		O_CLOEXEC);
	struct stat dir, st;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(dir_fd, &dir) < 0 || fstat(fd, &st) < 0)
		err = -errno;
	else if ((S_ISDIR(st.st_mode) ||
			 (S_ISREG(st.st_mode) && st.st_nlink == 1)) &&
		st.st_uid == 0 && dir.st_uid != 0 &&
		fchown(fd, dir.st_uid, dir.st_gid) < 0)
		err = -errno;
	close(fd);
	return err;
}

int file_settle(const char *path, struct why *why)
{
	char dir[PATH_MAX];
	char name[PATH_MAX];
	int dir_fd;
	int err;

	if (geteuid() != 0)
		return 0;
	if (snprintf(dir, sizeof(dir), "%s", path) >= (int)sizeof(dir))
		return why_set(why, -ENAMETOOLONG, "%s: too long", path);
	memcpy(name, dir, strlen(dir) + 1);
	dir_fd = open_folder(dirname(dir));
	err = dir_fd;
	if (dir_fd >= 0) {
		err = settle_at(dir_fd, basename(name));
		close(dir_fd);
	}
	if (err < 0)
		return why_set(why, err, "%s: giving it to its folder's "
			"owner: %s", path, err_text(err));
	return 0;
}

int file_remove(const char *dir, const char *name, struct why *why)
{
	int dir_fd = open_folder(dir);
	int err = dir_fd < 0 ? dir_fd : 0;

	if (err == 0 && unlinkat(dir_fd, name, 0) < 0)
		err = -errno;
	if (err == 0 && fsync(dir_fd) < 0)
		err = -errno;
	if (dir_fd >= 0)
		close(dir_fd);
	if (err == -ENOENT)
		return 0;
	if (err < 0)
		return why_set(why, err, "%s/%s: %s", dir, name,
			err_text(err));
	return 0;
}
