/*
 * The writing half of the generation store: the lock, a new file built
 * aside and made durable, the switch of the links. Everything is done
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

#include "common/base/digest.h"
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
#define FILE_MODE     0440

struct generation_stage {
	struct generation_info info;
	char state_dir[400];
	int dir_fd;   /* <state_dir>/topology */
	int gen_fd;   /* and the two below it, for whom they are needed */
	int stage_fd;
	int lock_fd; /* held as long as this lives */
	uid_t uid;   /* owner of what is made, when root */
	gid_t gid;
};

/* ---- the lock ----------------------------------------------------------- */

/* Root and the agent share it, so it belongs to the agent like the rest. A
 * file that is there already keeps its owner: it may be a link to another
 * that the agent would like to have. */
static int open_lock(const struct generation_stage *s)
{
	int fd = openat(s->dir_fd, "lock",
		O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		fd = openat(s->dir_fd, "lock",
			O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	else if (fd >= 0 && geteuid() == 0 && fchown(fd, s->uid, s->gid) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd < 0 ? -errno : fd;
}

static int take_lock(struct generation_stage *s)
{
	int fd = open_lock(s);

	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int err = errno == EWOULDBLOCK ? EDGE_EBUSY : -errno;

		close(fd);
		return err;
	}
	s->lock_fd = fd;
	return 0;
}

static struct generation_stage *stage_alloc(void)
{
	struct generation_stage *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->dir_fd = s->gen_fd = s->stage_fd = s->lock_fd = -1;
	return s;
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
	err = take_lock(s);
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

/* What a new generation needs beside the links. */
static int open_below(struct generation_stage *s, struct why *why)
{
	int err = 0;

	s->gen_fd = generation_open_below(s->dir_fd, "gen");
	s->stage_fd = generation_open_below(s->dir_fd, "stage");
	if (s->gen_fd < 0)
		err = s->gen_fd;
	else if (s->stage_fd < 0)
		err = s->stage_fd;
	if (err < 0)
		return why_set(why, err, "%s/topology/%s: %s", s->state_dir,
			s->gen_fd < 0 ? "gen" : "stage", err_text(err));
	return 0;
}

void generation_discard(struct generation_stage *s)
{
	if (s == NULL)
		return;
	if (s->stage_fd >= 0) {
		unlinkat(s->stage_fd, STAGED_NAME, 0);
		close(s->stage_fd);
	}
	if (s->gen_fd >= 0)
		close(s->gen_fd);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	free(s);
}

/* To read it from its beginning, without taking fd away. */
static DIR *list_folder(int fd)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again >= 0 ? fdopendir(again) : NULL;

	if (dir == NULL && again >= 0)
		close(again);
	return dir;
}

/* What a killed writer left behind. */
static void empty_stage(int stage_fd)
{
	DIR *dir = list_folder(stage_fd);
	const struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 &&
			strcmp(entry->d_name, "..") != 0)
			unlinkat(stage_fd, entry->d_name, 0);
	}
	closedir(dir);
}

/* Local generations count in epoch 0; a number is never used twice. */
static int next_serial(int gen_fd, uint64_t *out)
{
	DIR *dir = list_folder(gen_fd);
	const struct dirent *entry;
	uint64_t highest = 0;

	if (dir == NULL)
		return -errno;
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

/* In memory: what is unfinished is nobody's. */
static int build_rows(struct sqlite3 *db, const struct generation_stage *s,
	int (*fill)(struct sqlite3 *db, void *arg, struct why *why), void *arg,
	struct why *why)
{
	int err;

	err = sql_script(db, why, "PRAGMA temp_store=2;"
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

static int write_all(int fd, const unsigned char *p, size_t len)
{
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

/* Rights first, then to the disk: after this only the name changes. */
static int write_file(const struct generation_stage *s,
	const unsigned char *bytes, size_t len)
{
	int fd = openat(s->stage_fd, STAGED_NAME,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int err;

	if (fd < 0)
		return -errno;
	err = write_all(fd, bytes, len);
	if (err == 0 && ((geteuid() == 0 && fchown(fd, s->uid, s->gid) < 0) ||
				fchmod(fd, FILE_MODE) < 0 || fsync(fd) < 0))
		err = -errno;
	if (close(fd) < 0 && err == 0)
		err = -errno;
	return err;
}

/* By our own hands, not by sqlite's: it would open the file by its path. */
static int save(struct generation_stage *s, struct sqlite3 *db,
	struct why *why)
{
	uint8_t hash[DIGEST_SHA256_LEN];
	struct digest_part part;
	sqlite3_int64 len = 0;
	unsigned char *bytes = sqlite3_serialize(db, "main", &len, 0);
	int err;

	if (bytes == NULL)
		return why_set(why, -ENOMEM, "%s", err_text(-ENOMEM));
	part = (struct digest_part){bytes, (size_t)len};
	digest_sha256(&part, 1, hash);
	str_hex(hash, sizeof(hash), s->info.sha256);
	err = write_file(s, bytes, (size_t)len);
	sqlite3_free(bytes);
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

	if (sqlite3_open_v2(":memory:", &db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
		    NULL) == SQLITE_OK)
		err = build_rows(db, s, fill, arg, why);
	else
		err = sql_fault(db, why, "no memory for a database");
	if (err == 0)
		err = save(s, db, why);
	sqlite3_close(db);
	return err;
}

int generation_stage_new(struct generation_stage **out, const char *state_dir,
	const char *source,
	int (*fill)(struct sqlite3 *db, void *arg, struct why *why), void *arg,
	struct why *why)
{
	struct generation_stage *s;
	int err = -ENOMEM;

	s = stage_alloc();
	if (s == NULL)
		goto out;
	err = generation_make_folders(state_dir, geteuid(), getegid(), why);
	if (err == 0)
		err = begin(s, state_dir, why);
	if (err == 0)
		err = open_below(s, why);
	if (err == 0)
		err = next_serial(s->gen_fd, &s->info.serial);
	if (err < 0)
		goto out;
	empty_stage(s->stage_fd);
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

static bool is_linked(int dir_fd, const char *link, const char *name)
{
	char target[GENERATION_TARGET_LEN];

	return generation_link(dir_fd, link, target) == 0 &&
		strcmp(target + strlen("gen/"), name) == 0;
}

static void prune_one(const struct generation_stage *s, const struct aged *row)
{
	char version[GENERATION_VERSION_LEN];
	char name[GENERATION_TARGET_LEN];
	struct stat st;

	generation_version_text(row->epoch, row->serial, version);
	snprintf(name, sizeof(name), "%s.db", version);
	if (fstatat(s->gen_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		wall_now().s - st.st_mtime < KEEP_TIME_S)
		return;
	if (!is_linked(s->dir_fd, "current", name) &&
		!is_linked(s->dir_fd, "previous", name))
		unlinkat(s->gen_fd, name, 0);
}

/* What is neither pointed to, nor young, nor among the newest goes. Failing
 * to tidy up is not worth failing for. */
static void prune(const struct generation_stage *s)
{
	DIR *dir = list_folder(s->gen_fd);
	struct aged rows[FILES_MAX];
	const struct dirent *entry;
	size_t count = 0;

	if (dir == NULL)
		return;
	while (count < FILES_MAX && (entry = readdir(dir)) != NULL) {
		if (generation_parse_name(entry->d_name, &rows[count].epoch,
			    &rows[count].serial))
			count++;
	}
	closedir(dir);
	if (count > 0)
		qsort(rows, count, sizeof(rows[0]), newest_first);
	for (size_t i = KEEP_COUNT; i < count; i++)
		prune_one(s, &rows[i]);
}

int generation_activate(struct generation_stage *s, struct why *why)
{
	char version[GENERATION_VERSION_LEN];
	char target[GENERATION_TARGET_LEN];
	const char *name;
	int err = 0;

	generation_version_text(s->info.epoch, s->info.serial, version);
	snprintf(target, sizeof(target), "gen/%s.db", version);
	name = target + strlen("gen/");
	if (renameat2(s->stage_fd, STAGED_NAME, s->gen_fd, name,
		    RENAME_NOREPLACE) < 0) {
		err = why_set(why, -errno, "%s/topology/%s: %s", s->state_dir,
			target, err_text(-errno));
		goto out;
	}
	err = sync_folder(s->gen_fd);
	if (err == 0)
		err = repoint(s->dir_fd, target);
	if (err < 0) {
		unlinkat(s->gen_fd, name, 0);
		err = why_set(why, err, "%s/topology: cannot switch: %s",
			s->state_dir, err_text(err));
		goto out;
	}
	prune(s);
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
	struct generation_stage *s = stage_alloc();
	int err = -ENOMEM;

	if (s == NULL)
		goto out;
	err = begin(s, state_dir, why);
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
	struct generation_stage *s = stage_alloc();
	int err = -ENOMEM;

	if (s == NULL)
		goto out;
	err = begin(s, state_dir, why);
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
