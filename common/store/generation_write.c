/*
 * The writing half of the generation store: folders, the lock, a new file
 * built aside and made durable, the switch of the links. Everything is done
 * so that a death at any system call leaves the old or the new generation
 * current, whole (replication protocol B5); nothing here reads topology
 * rows.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/store/generation.h"
#include "common/store/generation_dir.h"
#include "common/store/sql.h"
#include "schema_sql.h"

#define STAGED_NAME   "next.db"
#define KEEP_COUNT    16
#define KEEP_TIME_S   86400
#define FILES_MAX     1024
#define FOLDER_MODE   0750
#define FILE_MODE     0440

struct generation_stage {
	struct generation_info info;
	char state_dir[400];
	int dir_fd;  /* <state_dir>/topology */
	int lock_fd; /* held as long as this lives */
	uid_t uid;   /* owner of what is made, when root */
	gid_t gid;
};

/* ---- folders ------------------------------------------------------------ */

static int make_folder(const char *path, mode_t mode, uid_t uid, gid_t gid,
	struct why *why)
{
	if (mkdir(path, mode) == 0) {
		/* Not the umask's business; and root makes for others. */
		if (chmod(path, mode) == 0 &&
			(geteuid() != 0 || chown(path, uid, gid) == 0))
			return 0;
	} else if (errno == EEXIST) {
		return 0;
	}
	return why_set(why, -errno, "%s: cannot make this folder: %s%s", path,
		err_text(-errno),
		errno == EACCES ? ": are you root?" : "");
}

int generation_make_folders(const char *state_dir, uid_t uid, gid_t gid,
	struct why *why)
{
	static const char *const BELOW[] = {"", "/gen", "/stage"};
	char path[512];
	int err;

	err = make_folder(state_dir, 0755, 0, 0, why);
	for (size_t i = 0; i < ARRAY_COUNT(BELOW) && err == 0; i++) {
		if (snprintf(path, sizeof(path), "%s/topology%s", state_dir,
			    BELOW[i]) >= (int)sizeof(path))
			return why_set(why, EDGE_ETOOBIG,
				"%s: path is too long", state_dir);
		err = make_folder(path, FOLDER_MODE, uid, gid, why);
	}
	return err;
}

/* ---- the lock ----------------------------------------------------------- */

/* Root and the agent share it, so it belongs to the agent like the rest. */
static int take_lock(const struct generation_stage *s, int *lock_fd)
{
	int fd = openat(s->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (geteuid() == 0 && fchown(fd, s->uid, s->gid) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int err = errno == EWOULDBLOCK ? EDGE_EBUSY : -errno;

		close(fd);
		return err;
	}
	*lock_fd = fd;
	return 0;
}

/* Open and lock the folder into an empty stage. */
static int begin(struct generation_stage *s, const char *state_dir,
	struct why *why)
{
	struct stat st;
	int err;

	if (str_copy(str_of(state_dir), s->state_dir, sizeof(s->state_dir)) <
		0)
		return why_set(why, EDGE_ETOOBIG, "%s: path is too long",
			state_dir);
	s->dir_fd = generation_open_folder(state_dir, why);
	if (s->dir_fd < 0)
		return s->dir_fd;
	if (fstat(s->dir_fd, &st) < 0)
		return -errno;
	s->uid = st.st_uid;
	s->gid = st.st_gid;
	err = take_lock(s, &s->lock_fd);
	if (err == EDGE_EBUSY)
		return why_set(why, err,
			"%s/topology: another change of the topology is under "
			"way: try again when it has ended", state_dir);
	if (err < 0)
		return why_set(why, err, "%s/topology/lock: %s%s", state_dir,
			err_text(err),
			err == -EACCES ? ": only root and the replication "
					 "agent change the topology" :
					 "");
	return 0;
}

void generation_discard(struct generation_stage *s)
{
	if (s == NULL)
		return;
	if (s->lock_fd >= 0)
		unlinkat(s->dir_fd, "stage/" STAGED_NAME, 0);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	free(s);
}

/* What a killed writer left behind. */
static void empty_stage(int dir_fd)
{
	int fd = openat(dir_fd, "stage", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 &&
			strcmp(entry->d_name, "..") != 0)
			unlinkat(fd, entry->d_name, 0);
	}
	closedir(dir);
}

/* Local generations count in epoch 0; a number is never used twice. */
static int next_serial(int dir_fd, uint64_t *out)
{
	int fd = openat(dir_fd, "gen", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	uint64_t highest = 0;
	DIR *dir;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return -ENOMEM;
	}
	while ((entry = readdir(dir)) != NULL) {
		uint32_t epoch;
		uint64_t serial;

		if (generation_parse_name(entry->d_name, &epoch, &serial) &&
			epoch == 0 && serial > highest)
			highest = serial;
	}
	closedir(dir);
	*out = highest + 1;
	return 0;
}

/* ---- building the file -------------------------------------------------- */

static int put_meta(struct sqlite3 *db, const struct generation_info *info,
	struct why *why)
{
	static const char SQL[] = "INSERT INTO meta(key, value) VALUES(?, ?)";
	char number[24];
	int err;

	err = sql_run(db, why, SQL, "tt", "deployment", "local");
	if (err == 0)
		err = sql_run(db, why, SQL, "tt", "epoch", "0");
	snprintf(number, sizeof(number), "%" PRIu64, info->serial);
	if (err == 0)
		err = sql_run(db, why, SQL, "tt", "serial", number);
	snprintf(number, sizeof(number), "%" PRId64, info->created.s);
	if (err == 0)
		err = sql_run(db, why, SQL, "tt", "created", number);
	if (err == 0)
		err = sql_run(db, why, SQL, "tt", "source", info->source);
	return err;
}

/* No rows from the one check, the row "ok" from the other. */
static int check_built(struct sqlite3 *db, struct why *why)
{
	struct sqlite3_stmt *stmt;
	int err = sql_query(&stmt, db, why, "PRAGMA foreign_key_check", "");

	if (err < 0)
		return err;
	err = sql_next(stmt, why);
	if (err == 1)
		err = why_set(why, EDGE_EDATABASE,
			"a row of %s refers to a row of %s that is not there",
			sql_text(stmt, 0), sql_text(stmt, 2));
	sqlite3_finalize(stmt);
	if (err < 0)
		return err;
	err = sql_query(&stmt, db, why, "PRAGMA integrity_check(1)", "");
	if (err < 0)
		return err;
	err = sql_next(stmt, why);
	if (err == 1 && strcmp(sql_text(stmt, 0), "ok") != 0)
		err = why_set(why, EDGE_EDATABASE, "integrity check: %s",
			sql_text(stmt, 0));
	sqlite3_finalize(stmt);
	return err < 0 ? err : 0;
}

/* A rollback journal is of no use: the file is nobody's until it is
 * finished, and what is unfinished is thrown away. */
static int build_rows(struct sqlite3 *db, const struct generation_stage *s,
	int (*fill)(struct sqlite3 *db, void *arg, struct why *why), void *arg,
	struct why *why)
{
	int err;

	err = sql_script(db, why, "PRAGMA journal_mode=OFF;"
				  "PRAGMA synchronous=OFF;"
				  "PRAGMA temp_store=2;"
				  "PRAGMA foreign_keys=1;"
				  "BEGIN;"
				  "PRAGMA defer_foreign_keys=1;");
	if (err == 0)
		err = sql_script(db, why, SCHEMA_SQL);
	if (err == 0)
		err = put_meta(db, &s->info, why);
	if (err == 0)
		err = fill(db, arg, why);
	if (err == 0)
		err = sql_script(db, why, "COMMIT");
	if (err == 0)
		err = check_built(db, why);
	return err;
}

/* Rights first, then to the disk: after this only the name changes. */
static int seal_file(const struct generation_stage *s, struct why *why)
{
	int fd = open(s->info.path, O_RDONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0 || fchmod(fd, FILE_MODE) < 0 ||
		(geteuid() == 0 && fchown(fd, s->uid, s->gid) < 0) ||
		fsync(fd) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err < 0)
		return why_set(why, err, "%s: %s", s->info.path,
			err_text(err));
	return 0;
}

static int build(struct generation_stage *s,
	int (*fill)(struct sqlite3 *db, void *arg, struct why *why), void *arg,
	struct why *why)
{
	struct sqlite3 *db = NULL;
	int err;

	if (sqlite3_open_v2(s->info.path, &db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
			    SQLITE_OPEN_EXCLUSIVE,
		    NULL) != SQLITE_OK) {
		err = sql_fault(db, why, s->info.path);
		sqlite3_close(db);
		return err;
	}
	err = build_rows(db, s, fill, arg, why);
	if (sqlite3_close(db) != SQLITE_OK && err == 0)
		err = why_set(why, EDGE_EDATABASE, "%s: cannot close",
			s->info.path);
	if (err == 0)
		err = seal_file(s, why);
	if (err == 0)
		err = generation_hash(s->info.path, s->info.sha256, why);
	return err;
}

int generation_stage_new(struct generation_stage **out, const char *state_dir,
	const char *source,
	int (*fill)(struct sqlite3 *db, void *arg, struct why *why), void *arg,
	struct why *why)
{
	struct generation_stage *s;
	int err = -ENOMEM;

	s = calloc(1, sizeof(*s));
	if (s == NULL)
		goto out;
	s->dir_fd = -1;
	s->lock_fd = -1;
	err = generation_make_folders(state_dir, geteuid(), getegid(), why);
	if (err == 0)
		err = begin(s, state_dir, why);
	if (err == 0)
		err = next_serial(s->dir_fd, &s->info.serial);
	if (err < 0)
		goto out;
	empty_stage(s->dir_fd);
	s->info.created = wall_now();
	snprintf(s->info.source, sizeof(s->info.source), "%s", source);
	snprintf(s->info.path, sizeof(s->info.path), "%s/topology/stage/%s",
		s->state_dir, STAGED_NAME);
	err = build(s, fill, arg, why);
	if (err == -ENOSPC)
		why_set(why, err,
			"%s/topology: the disk is full: make room and try "
			"again; the current generation is as it was",
			s->state_dir);
	if (err < 0)
		goto out;
	*out = s;
	s = NULL; /* handed over */
out:
	generation_discard(s);
	return err;
}

const struct generation_info *generation_stage_info(
	const struct generation_stage *s)
{
	return &s->info;
}

/* ---- the switch --------------------------------------------------------- */

static int sync_folder(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		err = -errno;
	close(fd);
	return err;
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
		err = sync_folder(dir_fd, ".");
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

struct aged {
	uint32_t epoch;
	uint64_t serial;
};

static int newest_first(const void *a, const void *b)
{
	const struct aged *x = a;
	const struct aged *y = b;

	if (x->epoch != y->epoch)
		return x->epoch > y->epoch ? -1 : 1;
	return x->serial > y->serial ? -1 : x->serial < y->serial;
}

static void prune_one(int dir_fd, const struct aged *row)
{
	char version[GENERATION_VERSION_LEN];
	char target[GENERATION_TARGET_LEN];
	char link[GENERATION_TARGET_LEN];
	struct stat st;

	generation_version_text(row->epoch, row->serial, version);
	snprintf(target, sizeof(target), "gen/%s.db", version);
	if (fstatat(dir_fd, target, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		wall_now().s - st.st_mtime < KEEP_TIME_S)
		return;
	if (generation_link(dir_fd, "current", link) == 0 &&
		strcmp(link, target) == 0)
		return;
	if (generation_link(dir_fd, "previous", link) == 0 &&
		strcmp(link, target) == 0)
		return;
	unlinkat(dir_fd, target, 0);
}

/* What is neither pointed to, nor young, nor among the newest goes. Failing
 * to tidy up is not worth failing for. */
static void prune(int dir_fd)
{
	int fd = openat(dir_fd, "gen", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct aged rows[FILES_MAX];
	const struct dirent *entry;
	size_t count = 0;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (count < FILES_MAX && (entry = readdir(dir)) != NULL) {
		if (generation_parse_name(entry->d_name, &rows[count].epoch,
			    &rows[count].serial))
			count++;
	}
	closedir(dir);
	if (count > 0)
		qsort(rows, count, sizeof(rows[0]), newest_first);
	for (size_t i = KEEP_COUNT; i < count; i++)
		prune_one(dir_fd, &rows[i]);
}

int generation_activate(struct generation_stage *s, struct why *why)
{
	char version[GENERATION_VERSION_LEN];
	char target[GENERATION_TARGET_LEN];
	int err = 0;

	generation_version_text(s->info.epoch, s->info.serial, version);
	snprintf(target, sizeof(target), "gen/%s.db", version);
	if (renameat2(s->dir_fd, "stage/" STAGED_NAME, s->dir_fd, target,
		    RENAME_NOREPLACE) < 0) {
		err = why_set(why, -errno, "%s/topology/%s: %s", s->state_dir,
			target, err_text(-errno));
		goto out;
	}
	err = sync_folder(s->dir_fd, "gen");
	if (err == 0)
		err = repoint(s->dir_fd, target);
	if (err < 0) {
		unlinkat(s->dir_fd, target, 0);
		err = why_set(why, err, "%s/topology: cannot switch: %s",
			s->state_dir, err_text(err));
		goto out;
	}
	prune(s->dir_fd);
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
		return sync_folder(dir_fd, ".");
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	err = set_link(dir_fd, "current", previous);
	if (err == 0)
		err = set_link(dir_fd, "previous", current);
	return err == 0 ? sync_folder(dir_fd, ".") : err;
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
	struct generation_stage *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (s == NULL)
		goto out;
	s->dir_fd = -1;
	s->lock_fd = -1;
	err = begin(s, state_dir, why);
	if (err == 0)
		err = swap(s, now_current, why);
out:
	generation_discard(s);
	return err;
}
