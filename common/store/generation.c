/*
 * The reading half of the generation store: which file is current, opening
 * it, what it says of itself, the list of all. Nothing here writes and
 * nothing takes a lock (replication protocol, layout on the edge).
 */
#include "common/store/generation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/run/file.h"
#include "common/store/generation_dir.h"
#include "common/store/sql.h"
#include "schema_sql.h"

#define APPLICATION_ID 0x45444754 /* "EDGT" */
#define LIST_MAX       4096u

/* ---- names and links ---------------------------------------------------- */

const char *generation_version_text(uint32_t epoch, uint64_t serial,
	char out[static GENERATION_VERSION_LEN])
{
	snprintf(out, GENERATION_VERSION_LEN, "%08" PRIx32 "-%016" PRIx64,
		epoch, serial);
	return out;
}

bool generation_parse_name(const char *name, uint32_t *epoch,
	uint64_t *serial)
{
	char again[GENERATION_VERSION_LEN];
	uint32_t e;
	uint64_t s;

	if (strlen(name) != GENERATION_VERSION_LEN - 1 + strlen(".db") ||
		sscanf(name, "%8" SCNx32 "-%16" SCNx64, &e, &s) != 2 ||
		s > GENERATION_SERIAL_MAX)
		return false;
	generation_version_text(e, s, again);
	if (strncmp(name, again, GENERATION_VERSION_LEN - 1) != 0 ||
		strcmp(name + GENERATION_VERSION_LEN - 1, ".db") != 0)
		return false;
	*epoch = e;
	*serial = s;
	return true;
}

int generation_link(int dir_fd, const char *link,
	char out[static GENERATION_TARGET_LEN])
{
	char target[GENERATION_TARGET_LEN];
	uint32_t epoch;
	uint64_t serial;
	ssize_t n = readlinkat(dir_fd, link, target, sizeof(target) - 1);

	if (n < 0)
		return errno == EINVAL ? EDGE_EMALFORMED : -errno;
	target[n] = '\0';
	if (strncmp(target, "gen/", 4) != 0 ||
		!generation_parse_name(target + 4, &epoch, &serial))
		return EDGE_EMALFORMED;
	memcpy(out, target, (size_t)n + 1);
	return 0;
}

int generation_open_folder(const char *state_dir, struct why *why)
{
	char path[512];
	int fd;

	if (snprintf(path, sizeof(path), "%s/topology", state_dir) >=
		(int)sizeof(path))
		return why_set(why, EDGE_ETOOBIG, "%s: path is too long",
			state_dir);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return why_set(why, -ENOENT,
			"%s: no topology yet: make one with 'edgectl topology "
			"apply FILE'", state_dir);
	if (fd < 0)
		return why_set(why, -errno, "%s: %s%s", path, err_text(-errno),
			errno == EACCES ? "; become root or a member of group "
				"sallyport, and every folder above has to let "
				"in who reads" : "");
	return fd;
}

/* Bounded by the caller's buffer; both names are short. */
static int join(char *out, size_t cap, const char *state_dir,
	const char *target)
{
	int n = snprintf(out, cap, "%s/topology/%s", state_dir, target);

	return n < 0 || (size_t)n >= cap ? EDGE_ETOOBIG : 0;
}

static int link_path(const char *state_dir, const char *link, char *out,
	size_t cap, struct why *why)
{
	char target[GENERATION_TARGET_LEN];
	int fd = generation_open_folder(state_dir, why);
	int err;

	if (fd < 0)
		return fd;
	err = generation_link(fd, link, target);
	close(fd);
	if (err == -ENOENT)
		return why_set(why, err,
			"%s/topology: no generation is %s: make one with "
			"'edgectl topology apply FILE'", state_dir, link);
	if (err < 0)
		return why_set(why, err,
			"%s/topology/%s: not a link to a generation: "
			"'edgectl topology history' lists what is there",
			state_dir, link);
	err = join(out, cap, state_dir, target);
	if (err < 0)
		return why_set(why, err, "%s: path is too long", state_dir);
	return 0;
}

int generation_current_path(const char *state_dir, char *out, size_t cap,
	struct why *why)
{
	return link_path(state_dir, "current", out, cap, why);
}

int generation_previous_path(const char *state_dir, char *out, size_t cap,
	struct why *why)
{
	return link_path(state_dir, "previous", out, cap, why);
}

/* ---- opening ------------------------------------------------------------ */

/* sqlite's URI form of a path: what has a meaning there is escaped. */
static int uri_of(const char *path, char *out, size_t cap)
{
	static const char HEAD[] = "file:";
	static const char TAIL[] = "?mode=ro&immutable=1";
	size_t len = sizeof(HEAD) - 1;

	if (cap < sizeof(HEAD) + sizeof(TAIL))
		return EDGE_ETOOBIG;
	memcpy(out, HEAD, len);
	for (const char *p = path; *p != '\0'; p++) {
		if (len + 3 + sizeof(TAIL) > cap)
			return EDGE_ETOOBIG;
		if (*p == '%' || *p == '?' || *p == '#')
			len += (size_t)snprintf(out + len, cap - len, "%%%02x",
				(unsigned)*p);
		else
			out[len++] = *p;
	}
	memcpy(out + len, TAIL, sizeof(TAIL));
	return 0;
}

static int set_defences(struct sqlite3 *db, struct why *why)
{
	static const char PRAGMAS[] = "PRAGMA query_only=1;"
				      "PRAGMA trusted_schema=0;"
				      "PRAGMA cell_size_check=1;"
				      "PRAGMA temp_store=2;";

	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return sql_script(db, why, PRAGMAS);
}

/* Is it one of ours, of a schema we know, and whole? A torn write shows
 * here and not in the middle of a call; so does an index that lost a row,
 * which quick_check would not look for. */
static int check_file(struct sqlite3 *db, int64_t size, struct why *why)
{
	struct sqlite3_stmt *stmt;
	int64_t page_size = 0;
	int64_t pages = 0;
	int64_t id = 0;
	int64_t schema = 0;
	int err;

	err = sql_number(db, why, "PRAGMA application_id", 0, &id);
	if (err == 0)
		err = sql_number(db, why, "PRAGMA user_version", 0, &schema);
	if (err == 0)
		err = sql_number(db, why, "PRAGMA page_size", 0, &page_size);
	if (err == 0)
		err = sql_number(db, why, "PRAGMA page_count", 0, &pages);
	if (err < 0)
		return err;
	if (id != APPLICATION_ID)
		return why_set(why, EDGE_EDATABASE,
			"this is not a topology generation");
	if (schema != GENERATION_SCHEMA)
		return why_set(why, EDGE_EDATABASE,
			"made for schema %" PRId64 ", this version reads "
			"schema %d: update the older side", schema,
			GENERATION_SCHEMA);
	if (pages * page_size != size)
		return why_set(why, EDGE_EDATABASE,
			"the file is damaged: its end is missing");
	err = sql_query(&stmt, db, why, "PRAGMA integrity_check(1)", "");
	if (err < 0)
		return err;
	err = sql_next(stmt, why);
	if (err == 1 && strcmp(sql_text(stmt, 0), "ok") != 0)
		err = why_set(why, EDGE_EDATABASE, "the file is damaged: %s",
			sql_text(stmt, 0));
	sqlite3_finalize(stmt);
	return err < 0 ? err : 0;
}

int generation_open(struct sqlite3 **out, const char *path, struct why *why)
{
	struct sqlite3 *db = NULL;
	struct stat st;
	char uri[1024];
	int err;

	/* A link is none: its target may be a device. */
	if (lstat(path, &st) < 0)
		return why_set(why, -errno, "%s: %s", path, err_text(-errno));
	if (!S_ISREG(st.st_mode) || st.st_size > GENERATION_FILE_MAX)
		return why_set(why, EDGE_EDATABASE,
			"%s: this is not a topology generation", path);
	err = uri_of(path, uri, sizeof(uri));
	if (err < 0)
		return why_set(why, err, "%s: path is too long", path);
	if (sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI |
			SQLITE_OPEN_NOMUTEX,
		    NULL) != SQLITE_OK) {
		err = sql_fault(db, why, "cannot open");
		goto out;
	}
	err = set_defences(db, why);
	if (err == 0)
		err = check_file(db, st.st_size, why);
	if (err < 0)
		goto out;
	*out = db;
	db = NULL; /* handed over */
out:
	sqlite3_close(db);
	return err < 0 ? why_prefix(why, err, "%s", path) : 0;
}

int generation_scratch(struct sqlite3 **out, struct why *why)
{
	struct sqlite3 *db = NULL;
	int err;

	if (sqlite3_open_v2(":memory:", &db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
			    SQLITE_OPEN_NOMUTEX,
		    NULL) != SQLITE_OK) {
		sqlite3_close(db);
		return why_set(why, -ENOMEM, "no memory for a database");
	}
	err = sql_script(db, why, "PRAGMA foreign_keys=1");
	if (err == 0)
		err = sql_script(db, why, SCHEMA_SQL);
	if (err < 0) {
		sqlite3_close(db);
		return err;
	}
	*out = db;
	return 0;
}

/* ---- what it says of itself --------------------------------------------- */

/* Not mapped: whoever owns the folder may cut the file short, and a mapping
 * would end us with it. */
int generation_hash(const char *path, char out[static 65], struct why *why)
{
	uint8_t hash[DIGEST_SHA256_LEN];
	struct digest_part part;
	char *bytes = NULL;
	size_t len = 0;
	int err = file_load_foreign(&bytes, &len, path,
		GENERATION_FILE_MAX, why);

	if (err < 0)
		return err;
	part = (struct digest_part){bytes, len};
	digest_sha256(&part, 1, hash);
	free(bytes);
	str_hex(hash, sizeof(hash), out);
	return 0;
}

static int take_meta(struct generation_info *info, const char *key,
	const char *value, struct why *why)
{
	uint64_t number = 0;
	bool is_number = str_to_u64(str_of(value), &number) == 0;

	if (strcmp(key, "source") == 0)
		snprintf(info->source, sizeof(info->source), "%s", value);
	else if (strcmp(key, "manifest_sha256") == 0)
		snprintf(info->manifest_sha256, sizeof(info->manifest_sha256),
			"%s", value);
	else if (strcmp(key, "part") == 0)
		info->is_part = true;
	else if (strcmp(key, "created") == 0 && is_number)
		info->created.s = (int64_t)number;
	else if (strcmp(key, "serial") == 0 && is_number)
		info->serial = number;
	else if (strcmp(key, "epoch") == 0 && is_number &&
		number <= UINT32_MAX)
		info->epoch = (uint32_t)number;
	else if (strcmp(key, "created") == 0 || strcmp(key, "serial") == 0 ||
		strcmp(key, "epoch") == 0)
		return why_set(why, EDGE_EDATABASE,
			"meta: %s '%s' is not a number", key, value);
	return 0;
}

int generation_read_info(struct sqlite3 *db, const char *path,
	struct generation_info *out, struct why *why)
{
	struct generation_info info = {.epoch = 0};
	struct sqlite3_stmt *stmt;
	int err;

	err = sql_query(&stmt, db, why, "SELECT key, value FROM meta", "");
	if (err < 0)
		return err;
	while ((err = sql_next(stmt, why)) == 1) {
		err = take_meta(&info, sql_text(stmt, 0), sql_text(stmt, 1),
			why);
		if (err < 0)
			break;
	}
	sqlite3_finalize(stmt);
	if (err < 0)
		return why_prefix(why, err, "%s", path);
	snprintf(info.path, sizeof(info.path), "%s", path);
	err = generation_hash(path, info.sha256, why);
	if (err == 0)
		*out = info;
	return err;
}

/* ---- the list ----------------------------------------------------------- */

/* A file that can't be read is listed all the same, and says so. */
static void fill_entry(struct generation_info *info, const char *path,
	uint32_t epoch, uint64_t serial)
{
	struct sqlite3 *db = NULL;
	struct why why = {""};
	int err = generation_open(&db, path, &why);

	if (err == 0)
		err = generation_read_info(db, path, info, &why);
	sqlite3_close(db);
	if (err < 0) {
		memset(info, 0, sizeof(*info));
		snprintf(info->source, sizeof(info->source), "unreadable: %s",
			why.text + (str_starts(str_of(why.text), path) ?
						   strlen(path) + 2 :
						   0));
	}
	info->epoch = epoch;
	info->serial = serial;
	snprintf(info->path, sizeof(info->path), "%s", path);
}

static int newest_first(const void *a, const void *b)
{
	const struct generation_info *x = a;
	const struct generation_info *y = b;

	if (x->epoch != y->epoch)
		return x->epoch > y->epoch ? -1 : 1;
	if (x->serial != y->serial)
		return x->serial > y->serial ? -1 : 1;
	return 0;
}

struct listing {
	struct generation_info *rows;
	size_t count;
	size_t cap;
};

static int add_entry(struct listing *list, const char *state_dir,
	const char *name, const char *current, const char *previous)
{
	struct generation_info *info;
	char target[GENERATION_TARGET_LEN];
	char path[sizeof(info->path)];
	uint32_t epoch;
	uint64_t serial;
	int err;

	if (!generation_parse_name(name, &epoch, &serial) ||
		list->count == LIST_MAX)
		return 0;
	snprintf(target, sizeof(target), "gen/%.*s",
		GENERATION_VERSION_LEN + 2, name);
	err = join(path, sizeof(path), state_dir, target);
	if (err < 0)
		return err;
	if (list->count == list->cap) {
		size_t cap = list->cap != 0 ? list->cap * 2 : 16;
		struct generation_info *rows =
			realloc(list->rows, cap * sizeof(*rows));

		if (rows == NULL)
			return -ENOMEM;
		list->rows = rows;
		list->cap = cap;
	}
	info = &list->rows[list->count++];
	memset(info, 0, sizeof(*info));
	fill_entry(info, path, epoch, serial);
	info->is_current = strcmp(target, current) == 0;
	info->is_previous = strcmp(target, previous) == 0;
	return 0;
}

static int list_folder(struct listing *list, int dir_fd,
	const char *state_dir)
{
	char current[GENERATION_TARGET_LEN] = "";
	char previous[GENERATION_TARGET_LEN] = "";
	const struct dirent *entry;
	int err = 0;
	DIR *dir;
	int fd;

	if (generation_link(dir_fd, "current", current) < 0)
		current[0] = '\0';
	if (generation_link(dir_fd, "previous", previous) < 0)
		previous[0] = '\0';
	fd = openat(dir_fd, "gen", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return -ENOMEM;
	}
	while (err == 0 && (entry = readdir(dir)) != NULL)
		err = add_entry(list, state_dir, entry->d_name, current,
			previous);
	closedir(dir);
	return err;
}

int generation_list(const char *state_dir, struct generation_info **out,
	size_t *count, struct why *why)
{
	struct listing list = {NULL, 0, 0};
	int fd = generation_open_folder(state_dir, why);
	int err;

	if (fd < 0)
		return fd;
	err = list_folder(&list, fd, state_dir);
	close(fd);
	if (err < 0) {
		free(list.rows);
		return why_set(why, err, "%s/topology/gen: %s", state_dir,
			err_text(err));
	}
	if (list.count > 0)
		qsort(list.rows, list.count, sizeof(*list.rows), newest_first);
	*out = list.rows;
	*count = list.count;
	return 0;
}
