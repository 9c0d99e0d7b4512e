/*
 * The switch: a staged file becomes current, and ways back. Everything is
 * done so that a death at any system call leaves the old or the new
 * generation current, whole (replication protocol B5).
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/store/generation.h"
#include "common/store/generation_dir.h"

static int sync_folder(int fd)
{
	return fsync(fd) < 0 ? -errno : 0;
}

/* A link is never changed in place: made aside, renamed over. */
static int set_link(int dir_fd, const char *name, const char *target)
{
	char aside[32];

	snprintf(aside, sizeof(aside), "%s.new", name);
	if (unlinkat(dir_fd, aside, 0) < 0 && errno != ENOENT)
		return -errno;
	if (symlinkat(target, dir_fd, aside) < 0)
		return -errno;
	if (renameat(dir_fd, aside, dir_fd, name) < 0) {
		int err = -errno;

		unlinkat(dir_fd, aside, 0);
		return err;
	}
	return 0;
}

/* previous goes first: between the two renames it equals current, and a
 * death there loses nothing that is served. */
static int repoint(int dir_fd, const char *target)
{
	char old[GENERATION_TARGET_LEN] = "";
	char older[GENERATION_TARGET_LEN] = "";
	bool has_old = generation_link(dir_fd, "current", old) == 0;
	bool has_older = generation_link(dir_fd, "previous", older) == 0;
	int err = has_old ? set_link(dir_fd, "previous", old) : 0;

	if (err == 0)
		err = set_link(dir_fd, "current", target);
	if (err == 0)
		err = sync_folder(dir_fd);
	if (err == 0)
		return 0;
	/* Back to what was; the reason is the caller's to tell. */
	if (has_old && set_link(dir_fd, "current", old) < 0)
		log_error("topology.stuck", "text=%s",
			log_qz("could not point 'current' back"));
	if (!has_old)
		unlinkat(dir_fd, "current", 0);
	if (has_older && set_link(dir_fd, "previous", older) < 0)
		log_error("topology.stuck", "text=%s",
			log_qz("could not point 'previous' back"));
	if (!has_older)
		unlinkat(dir_fd, "previous", 0);
	return err;
}

bool generation_is_linked(int dir_fd, const char *link, const char *name)
{
	char target[GENERATION_TARGET_LEN];

	return generation_link(dir_fd, link, target) == 0 &&
		strcmp(target + strlen("gen/"), name) == 0;
}

static bool is_whole(const char *path)
{
	struct sqlite3 *db = NULL;
	int err = generation_open(&db, path, NULL);

	sqlite3_close(db);
	return err == 0;
}

/* One of that version is there: left by a death before the switch, or gone
 * back from. The same content is as good; other content is a wreck, unless
 * somebody reads it. */
static int settle(const struct generation_stage *s, const char *name,
	struct why *why)
{
	char path[sizeof(s->state_dir) + 80];
	char sha256[65];
	int err;

	snprintf(path, sizeof(path), "%s/topology/gen/%s", s->state_dir,
		name);
	err = generation_hash(path, sha256, why);
	if (err == 0 && strcmp(sha256, s->info.sha256) == 0)
		return 0;
	if (generation_is_linked(s->dir_fd, "current", name) && is_whole(path))
		return why_set(why, -EEXIST,
			"%s: it is current and has another content", path);
	return renameat(s->stage_fd, s->name, s->gen_fd, name) < 0 ? -errno :
								     0;
}

static int move_in(const struct generation_stage *s, const char *name,
	struct why *why)
{
	int err = 0;

	if (renameat2(s->stage_fd, s->name, s->gen_fd, name,
		    RENAME_NOREPLACE) < 0)
		err = -errno;
	if (err == -EEXIST)
		err = settle(s, name, why);
	if (err == 0)
		err = sync_folder(s->gen_fd);
	if (err < 0)
		return why_set(why, err, "%s/topology/gen/%s: %s",
			s->state_dir, name, err_text(err));
	return 0;
}

int generation_activate(struct generation_stage *s, struct why *why)
{
	char version[GENERATION_VERSION_LEN];
	char target[GENERATION_TARGET_LEN];
	int err;

	generation_version_text(s->info.epoch, s->info.serial, version);
	snprintf(target, sizeof(target), "gen/%s.db", version);
	err = move_in(s, target + strlen("gen/"), why);
	if (err < 0)
		goto out;
	if (generation_is_linked(s->dir_fd, "current", target + strlen("gen/")))
		goto out;
	err = repoint(s->dir_fd, target);
	if (err < 0) {
		if (!generation_is_linked(s->dir_fd, "previous",
			    target + strlen("gen/")))
			unlinkat(s->gen_fd, target + strlen("gen/"), 0);
		err = why_set(why, err, "%s/topology: cannot switch: %s",
			s->state_dir, err_text(err));
		goto out;
	}
out:
	generation_discard(s);
	return err;
}

/* ---- rollback ----------------------------------------------------------- */

/* One system call where the file system can do it; else two renames, with
 * current first, because that is the one that counts. */
static int exchange_links(int dir_fd, const char *current,
	const char *previous)
{
	int err;

	if (renameat2(dir_fd, "current", dir_fd, "previous",
		    RENAME_EXCHANGE) == 0)
		return sync_folder(dir_fd);
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	err = set_link(dir_fd, "current", previous);
	if (err == 0)
		err = set_link(dir_fd, "previous", current);
	return err == 0 ? sync_folder(dir_fd) : err;
}

static int swap(const struct generation_stage *s,
	struct generation_info *now_current, struct why *why)
{
	char current[GENERATION_TARGET_LEN];
	char previous[GENERATION_TARGET_LEN];
	char path[sizeof(now_current->path)];
	struct sqlite3 *db = NULL;
	int err;

	if (generation_link(s->dir_fd, "current", current) < 0 ||
		generation_link(s->dir_fd, "previous", previous) < 0 ||
		strcmp(current, previous) == 0)
		return why_set(why, EDGE_EUNKNOWN,
			"%s/topology: there is no previous generation to go "
			"back to", s->state_dir);
	snprintf(path, sizeof(path), "%s/topology/%s", s->state_dir,
		previous);
	err = generation_open(&db, path, why);
	if (err == 0)
		err = generation_read_info(db, path, now_current, why);
	sqlite3_close(db);
	if (err < 0)
		return err;
	err = exchange_links(s->dir_fd, current, previous);
	if (err < 0)
		return why_set(why, err, "%s/topology: cannot switch: %s",
			s->state_dir, err_text(err));
	now_current->is_current = true;
	return 0;
}

int generation_rollback(const char *state_dir,
	struct generation_info *now_current, struct why *why)
{
	struct generation_stage *s = generation_stage_alloc();
	int err = -ENOMEM;

	if (s == NULL)
		goto out;
	err = generation_stage_begin(s, state_dir, why);
	if (err == 0)
		err = swap(s, now_current, why);
out:
	generation_discard(s);
	return err;
}

/* It may have been pruned meanwhile; a link to nothing helps nobody. */
static int set_previous(int dir_fd, const char *path)
{
	const char *name = path != NULL ? strrchr(path, '/') : NULL;
	char target[GENERATION_TARGET_LEN];
	int n;

	if (name == NULL)
		return unlinkat(dir_fd, "previous", 0) < 0 ? -errno : 0;
	n = snprintf(target, sizeof(target), "gen%s", name);
	if (n < 0 || (size_t)n >= sizeof(target))
		return -ENAMETOOLONG;
	if (faccessat(dir_fd, target, F_OK, 0) < 0)
		return unlinkat(dir_fd, "previous", 0) < 0 ? -errno : 0;
	return set_link(dir_fd, "previous", target);
}

int generation_retract(const char *state_dir, const char *previous,
	struct generation_info *now_current, struct why *why)
{
	struct generation_stage *s = generation_stage_alloc();
	int err = -ENOMEM;

	if (s == NULL)
		goto out;
	err = generation_stage_begin(s, state_dir, why);
	if (err == 0)
		err = swap(s, now_current, why);
	if (err < 0)
		goto out;
	err = set_previous(s->dir_fd, previous);
	if (err == 0)
		err = sync_folder(s->dir_fd);
	if (err < 0)
		err = why_set(why, err, "%s/topology: cannot point 'previous' "
			"back: %s", s->state_dir, err_text(err));
out:
	generation_discard(s);
	return err;
}
