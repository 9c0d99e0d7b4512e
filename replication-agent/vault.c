/*
 * The shelf of verified bundles. Names are hashes, content is verified again
 * by whoever takes one down: a file here is no more believed than one that
 * comes over the wire.
 */
#include "replication-agent/vault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/run/file.h"

#define FOLDER    "bundles"
#define SUFFIX    ".edgb"
#define NAME_LEN  (BUNDLE_SHA_LEN - 1 + sizeof(SUFFIX))
#define FILES_MAX 256u

static int path_of(char out[static PATH_MAX], const char *dir,
	const char *name)
{
	int n = snprintf(out, PATH_MAX, "%s/%s%s%s", dir, FOLDER,
		name[0] != '\0' ? "/" : "", name);

	return n < 0 || n >= PATH_MAX ? EDGE_ETOOBIG : 0;
}

int vault_make(const char *dir, struct why *why)
{
	char path[PATH_MAX];
	int err = path_of(path, dir, "");

	if (err == 0 && mkdir(path, 0700) < 0 && errno != EEXIST)
		err = -errno;
	if (err < 0)
		return why_set(why, err, "%s/%s: %s", dir, FOLDER,
			err_text(err));
	return 0;
}

/* ---- what is there ------------------------------------------------------ */

struct entry {
	char name[NAME_LEN];
	struct timespec at;
};

struct shelf {
	struct entry rows[FILES_MAX];
	size_t count;
};

static int newest_first(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;

	if (x->at.tv_sec != y->at.tv_sec)
		return x->at.tv_sec > y->at.tv_sec ? -1 : 1;
	if (x->at.tv_nsec != y->at.tv_nsec)
		return x->at.tv_nsec > y->at.tv_nsec ? -1 : 1;
	return 0;
}

static bool is_ours(const char *name)
{
	return strlen(name) == NAME_LEN - 1 &&
		strspn(name, "0123456789abcdef") == BUNDLE_SHA_LEN - 1 &&
		strcmp(name + BUNDLE_SHA_LEN - 1, SUFFIX) == 0;
}

static void look(struct shelf *shelf, DIR *dir)
{
	const struct dirent *entry;

	while (shelf->count < FILES_MAX && (entry = readdir(dir)) != NULL) {
		struct entry *row = &shelf->rows[shelf->count];
		struct stat st;

		if (!is_ours(entry->d_name) ||
			fstatat(dirfd(dir), entry->d_name, &st,
				AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		memcpy(row->name, entry->d_name, NAME_LEN);
		row->at = st.st_mtim;
		shelf->count++;
	}
	if (shelf->count > 1)
		qsort(shelf->rows, shelf->count, sizeof(shelf->rows[0]),
			newest_first);
}

static int open_shelf(struct shelf **out, const char *dir)
{
	struct shelf *shelf;
	char path[PATH_MAX];
	DIR *folder;
	int err = path_of(path, dir, "");

	if (err < 0)
		return err;
	folder = opendir(path);
	if (folder == NULL)
		return -errno;
	shelf = calloc(1, sizeof(*shelf));
	if (shelf != NULL)
		look(shelf, folder);
	closedir(folder);
	if (shelf == NULL)
		return -ENOMEM;
	*out = shelf;
	return 0;
}

/* Failing to tidy up is not worth failing for. The one that was just put
 * stays, though a clock that was ahead has made the others look newer. */
static void prune(const char *dir, const char *latest)
{
	size_t kept = 1;
	struct shelf *shelf;
	char path[PATH_MAX];

	if (open_shelf(&shelf, dir) < 0)
		return;
	for (size_t i = 0; i < shelf->count; i++)
		if (strcmp(shelf->rows[i].name, latest) != 0 &&
			++kept > VAULT_KEEP &&
			path_of(path, dir, shelf->rows[i].name) == 0)
			unlink(path);
	free(shelf);
}

/* ---- putting and taking ------------------------------------------------- */

static void name_of(char out[static NAME_LEN], const char *sha256)
{
	snprintf(out, NAME_LEN, "%.64s%s", sha256, SUFFIX);
}

int vault_put(const char *dir, const char *sha256, const void *bytes,
	size_t len, struct why *why)
{
	char folder[PATH_MAX];
	char name[NAME_LEN];
	int err = path_of(folder, dir, "");

	if (err < 0)
		return why_set(why, err, "%s: path is too long", dir);
	name_of(name, sha256);
	err = file_replace(folder, name, bytes, len, 0600, why);
	if (err == 0)
		prune(dir, name);
	return err;
}

int vault_get(const char *dir, const char *sha256, struct bundle_bytes *out,
	struct why *why)
{
	char path[PATH_MAX];
	char name[NAME_LEN];
	int err;

	name_of(name, sha256);
	err = path_of(path, dir, name);
	return err < 0 ? err : bundle_load_file(out, path, why);
}

/* Its version, when it is whole, ours, and a topology. */
static int weigh(const struct bundle_bytes *bytes,
	const struct bundle_trust *trust, struct bundle_version *out)
{
	struct bundle b;
	int err = bundle_read(&b, bytes->p, bytes->len, NULL);

	if (err < 0)
		return err;
	err = bundle_trust_verify(trust, &b, NULL);
	if (err == 0 && b.manifest.type != BUNDLE_TOPOLOGY)
		err = EDGE_EMALFORMED;
	*out = b.manifest.version;
	bundle_fini(&b);
	return err;
}

static bool is_better(struct bundle_version v, struct bundle_version best,
	struct bundle_version max)
{
	static const struct bundle_version none = {0, 0};

	return bundle_version_compare(v, best) > 0 &&
		(bundle_version_compare(max, none) == 0 ||
			bundle_version_compare(v, max) <= 0);
}

int vault_newest(const char *dir, const struct bundle_trust *trust,
	struct bundle_version max, struct bundle_bytes *out, struct why *why)
{
	struct bundle_version best = {0, 0};
	struct bundle_bytes kept = {.p = NULL};
	struct shelf *shelf;
	int err = open_shelf(&shelf, dir);

	if (err < 0)
		return why_set(why, err, "%s/%s: %s", dir, FOLDER,
			err_text(err));
	for (size_t i = 0; i < shelf->count; i++) {
		struct bundle_version v;
		struct bundle_bytes bytes;
		char path[PATH_MAX];

		if (path_of(path, dir, shelf->rows[i].name) < 0 ||
			bundle_load_file(&bytes, path, NULL) < 0)
			continue;
		if (weigh(&bytes, trust, &v) < 0 || !is_better(v, best, max)) {
			bundle_bytes_fini(&bytes);
			continue;
		}
		bundle_bytes_fini(&kept);
		kept = bytes;
		best = v;
	}
	free(shelf);
	if (kept.p == NULL)
		return why_set(why, -ENOENT, "%s/%s: no bundle that our keys "
			"vouch for", dir, FOLDER);
	*out = kept;
	return 0;
}
