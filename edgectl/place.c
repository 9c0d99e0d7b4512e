/*
 * Making directories and files with mode and owner. What is in the files is
 * decided elsewhere; who the users are is rights.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/run/file.h"
#include "common/run/rights.h"
#include "common/store/generation.h"
#include "edgectl/place.h"

enum place_root {
	PLACE_RUN,
	PLACE_STATE,
};

/* Who may enter: others (-1), the daemon alone, or one of our groups. */
struct place_row {
	enum place_root root;
	const char *below; /* "" = the directory itself */
	mode_t mode;
	int owner; /* enum conf_daemon, or -1 = who made it */
	int group; /* enum rights_group; -1 = the owner's, -2 = leave */
};

static const struct place_row ROWS[] = {
	{PLACE_RUN, "", 0755, -1, -2},
	{PLACE_STATE, "", 0755, -1, -2},
	{PLACE_STATE, "access-edge", 0700, CONF_ACCESS_EDGE, -1},
	{PLACE_STATE, "av-auth", 0750, CONF_AV_AUTH, RIGHTS_AV},
	{PLACE_STATE, "av-edge", 0700, CONF_AV_EDGE, -1},
	{PLACE_STATE, "replication-agent", 0700, CONF_REPLICATION_AGENT, -1},
	{PLACE_STATE, "replication-agent/bundles", 0700,
		CONF_REPLICATION_AGENT, -1},
};

static int make_parents(const char *path, struct why *why)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(part))
		return why_set(why, -ENAMETOOLONG, "%s: too long", path);
	for (size_t i = 1; i < len; i++) {
		if (path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return why_set(why, -errno, "%s: %s", part,
				strerror(errno));
	}
	return 0;
}

/* What lies above may belong to a daemon, who could put a link in place of
 * its folder between our looks: owner and mode go to what is held open. */
static int give_dir(int fd, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if ((uid != (uid_t)-1 || gid != (gid_t)-1) &&
		fchown(fd, uid, gid) != 0)
		return -errno;
	/* A umask may have taken bits that other daemons need. */
	if ((st.st_mode & 07777) != mode &&
		(geteuid() == 0 || st.st_uid == geteuid()) &&
		fchmod(fd, mode) != 0)
		return -errno;
	return 0;
}

int place_dir(const char *path, mode_t mode, uid_t uid, gid_t gid,
	struct why *why)
{
	int err = make_parents(path, why);
	int fd;

	if (err != 0)
		return err;
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		return why_set(why, -errno, "%s: %s", path, strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return why_set(why, -ENOTDIR,
			"%s: not a directory; move it "
			"away",
			path);
	if (fd < 0)
		return why_set(why, -errno, "%s: %s", path, strerror(errno));
	err = give_dir(fd, mode, uid, gid);
	close(fd);
	if (err != 0)
		return why_set(why, err,
			"%s: can't give it to its user: "
			"%s",
			path, strerror(-err));
	return 0;
}

static int place_row(const struct conf *conf, const struct place_row *row,
	struct why *why)
{
	char path[PATH_MAX];
	struct rights rights;
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	int err = rights_find(&rights,
		row->owner >= 0 ? (enum conf_daemon)row->owner : CONF_AV_AUTH,
		conf->users, why);

	if (err != 0)
		return err;
	if (rights.is_root && row->owner >= 0)
		uid = rights.uid;
	if (rights.is_root && row->group >= 0)
		gid = rights.groups[row->group];
	else if (rights.is_root && row->group == -1)
		gid = rights.gid;
	snprintf(path, sizeof(path), "%s%s%s",
		row->root == PLACE_RUN ? conf->run_dir : conf->state_dir,
		row->below[0] != '\0' ? "/" : "", row->below);
	return place_dir(path, row->mode, uid, gid, why);
}

int place_dirs(const struct conf *conf, struct why *why)
{
	struct rights rights;
	int err =
		rights_find(&rights, CONF_REPLICATION_AGENT, conf->users, why);

	for (size_t i = 0; err == 0 && i < ARRAY_COUNT(ROWS); i++)
		err = place_row(conf, &ROWS[i], why);
	if (err == 0)
		err = generation_make_folders(conf->state_dir, rights.uid,
			rights.groups[RIGHTS_READ], why);
	return err;
}

static int fill(int fd, const struct place_file *file)
{
	int err = file_write_all(fd, file->data, file->len);

	if (err != 0)
		return err;
	if ((file->uid != (uid_t)-1 || file->gid != (gid_t)-1) &&
		fchown(fd, file->uid, file->gid) != 0)
		return -errno;
	if (fchmod(fd, file->mode) != 0 || fsync(fd) != 0)
		return -errno;
	return 0;
}

int place_file(const struct place_file *file, struct why *why)
{
	char temp[PATH_MAX];
	int fd;
	int err;

	if (!file->may_replace && access(file->path, F_OK) == 0)
		return why_set(why, -EEXIST,
			"%s exists already; --force "
			"replaces it",
			file->path);
	if (snprintf(temp, sizeof(temp), "%s.new", file->path) >=
		(int)sizeof(temp))
		return why_set(why, -ENAMETOOLONG, "%s: too long", file->path);
	unlink(temp);
	/* Never readable by others, not even for a moment. */
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		0600);
	if (fd < 0)
		return why_set(why, -errno, "%s: %s", temp, strerror(errno));
	err = fill(fd, file);
	close(fd);
	if (err == 0 && rename(temp, file->path) != 0)
		err = -errno;
	if (err == 0)
		return 0;
	unlink(temp);
	return why_set(why, err, "%s: %s", file->path, strerror(-err));
}
