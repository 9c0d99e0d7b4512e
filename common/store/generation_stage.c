/*
 * Staging: the lock, and a new file made durable in stage/ without a change
 * to anything that is served. Building it is generation_build.c's affair,
 * making it current generation_switch.c's.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/store/generation.h"
#include "common/store/generation_dir.h"

#define LOCAL_NAME    "next.db"

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

struct generation_stage *generation_stage_alloc(void)
{
	struct generation_stage *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->dir_fd = s->gen_fd = s->stage_fd = s->lock_fd = -1;
	return s;
}

/* Open and lock the folder into an empty stage. */
int generation_stage_begin(struct generation_stage *s, const char *state_dir,
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
		if (s->name[0] != '\0')
			unlinkat(s->stage_fd, s->name, 0);
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
DIR *generation_list_folder(int fd)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again >= 0 ? fdopendir(again) : NULL;

	if (dir == NULL && again >= 0)
		close(again);
	return dir;
}

/* What a killed writer left behind; and, if the agent asks, what it parked:
 * files named after their version. */
static void empty_stage(int stage_fd, bool with_parked)
{
	DIR *dir = generation_list_folder(stage_fd);
	const struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		uint32_t epoch;
		uint64_t serial;

		if (strcmp(entry->d_name, ".") == 0 ||
			strcmp(entry->d_name, "..") == 0 ||
			(!with_parked && generation_parse_name(entry->d_name,
						 &epoch, &serial)))
			continue;
		unlinkat(stage_fd, entry->d_name, 0);
	}
	closedir(dir);
}

/* Local generations count in epoch 0; a number is never used twice. */
static int next_serial(const struct generation_stage *s, uint64_t *out,
	struct why *why)
{
	DIR *dir = generation_list_folder(s->gen_fd);
	const struct dirent *entry;
	uint64_t highest = 0;

	if (dir == NULL)
		return why_set(why, -errno, "%s/topology/gen: %s",
			s->state_dir, err_text(-errno));
	while ((entry = readdir(dir)) != NULL) {
		uint32_t epoch;
		uint64_t serial;

		if (generation_parse_name(entry->d_name, &epoch, &serial) &&
			epoch == 0 && serial > highest)
			highest = serial;
	}
	closedir(dir);
	if (highest == GENERATION_SERIAL_MAX)
		return why_set(why, EDGE_ETOOBIG, "%s/topology/gen/00000000-"
			"%016" PRIx64 ".db: has the last number there is, and "
			"no apply has come so far: see what it is with "
			"'edgectl topology history', go back from it if it is "
			"current, and remove it", s->state_dir, highest);
	*out = highest + 1;
	return 0;
}

/* ---- staging ------------------------------------------------------------ */

static int open_stage(struct generation_stage **out, const char *state_dir,
	struct why *why)
{
	struct generation_stage *s = generation_stage_alloc();
	int err = -ENOMEM;

	if (s != NULL)
		err = generation_stage_begin(s, state_dir, why);
	if (err == 0)
		err = open_below(s, why);
	if (err < 0) {
		generation_discard(s);
		return err;
	}
	*out = s;
	return 0;
}

static void name_stage(struct generation_stage *s, const char *name)
{
	snprintf(s->name, sizeof(s->name), "%s", name);
	snprintf(s->info.path, sizeof(s->info.path), "%s/topology/stage/%s",
		s->state_dir, name);
}

static void name_by_version(struct generation_stage *s, uint32_t epoch,
	uint64_t serial)
{
	char version[GENERATION_VERSION_LEN];
	char name[GENERATION_TARGET_LEN];

	generation_version_text(epoch, serial, version);
	snprintf(name, sizeof(name), "%s.db", version);
	s->info.epoch = epoch;
	s->info.serial = serial;
	name_stage(s, name);
}

/* The stage is named, its folder empty. */
static int fill_stage(struct generation_stage *s,
	const struct generation_origin *origin, generation_fill_cb *fill,
	void *arg, struct why *why)
{
	const struct generation_build build = {
		.stage_fd = s->stage_fd,
		.name = s->name,
		.uid = s->uid,
		.gid = s->gid,
		.origin = origin,
		.fill = fill,
		.arg = arg,
	};
	int err;

	/* Room first: a disk that is full of old ones must not stay so. */
	generation_prune(s);
	s->info.created = origin->created;
	snprintf(s->info.source, sizeof(s->info.source), "%s",
		origin->source);
	err = generation_build(&build, s->info.sha256, why);
	if (err == -ENOSPC)
		why_set(why, err,
			"%s/topology: the disk is full: make room and try "
			"again; the current generation is as it was",
			s->state_dir);
	return err;
}

int generation_stage_new(struct generation_stage **out, const char *state_dir,
	const char *source, generation_fill_cb *fill, void *arg,
	struct why *why)
{
	struct generation_origin origin = {.deployment = "local",
		.created = wall_now(),
		.source = source};
	struct generation_stage *s = NULL;
	int err;

	err = generation_make_folders(state_dir, geteuid(), getegid(), why);
	if (err == 0)
		err = open_stage(&s, state_dir, why);
	if (err == 0)
		err = next_serial(s, &s->info.serial, why);
	if (err < 0)
		goto out;
	origin.serial = s->info.serial;
	empty_stage(s->stage_fd, false);
	name_stage(s, LOCAL_NAME);
	err = fill_stage(s, &origin, fill, arg, why);
	if (err < 0)
		goto out;
	*out = s;
	s = NULL; /* handed over */
out:
	generation_discard(s);
	return err;
}

int generation_stage_make(struct generation_stage **out,
	const char *state_dir, const struct generation_origin *origin,
	generation_fill_cb *fill, void *arg, struct why *why)
{
	struct generation_stage *s = NULL;
	int err = open_stage(&s, state_dir, why);

	if (err < 0)
		return err;
	empty_stage(s->stage_fd, true);
	name_by_version(s, origin->epoch, origin->serial);
	err = fill_stage(s, origin, fill, arg, why);
	if (err < 0) {
		generation_discard(s);
		return err;
	}
	*out = s;
	return 0;
}

void generation_park(struct generation_stage *s)
{
	s->name[0] = '\0';
	generation_discard(s);
}

int generation_stage_resume(struct generation_stage **out,
	const char *state_dir, uint32_t epoch, uint64_t serial,
	const char *sha256, struct why *why)
{
	struct generation_stage *s = NULL;
	int err = open_stage(&s, state_dir, why);

	if (err < 0)
		return err;
	name_by_version(s, epoch, serial);
	err = generation_hash(s->info.path, s->info.sha256, why);
	if (err == 0 && strcmp(s->info.sha256, sha256) != 0)
		err = why_set(why, EDGE_EFORGED,
			"%s: not what was staged", s->info.path);
	if (err < 0) {
		generation_discard(s);
		return err;
	}
	*out = s;
	return 0;
}

int generation_stage_clear(const char *state_dir, struct why *why)
{
	struct generation_stage *s = NULL;
	int err = open_stage(&s, state_dir, why);

	if (err == 0)
		empty_stage(s->stage_fd, true);
	generation_discard(s);
	return err;
}

const struct generation_info *generation_stage_info(
	const struct generation_stage *s)
{
	return &s->info;
}
