/*
 * Building a generation file: rows in memory, checked, written by our own
 * hands beside what is served, made durable. Where it lies and when it
 * becomes current is generation_stage.c's affair.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/run/file.h"
#include "common/store/generation.h"
#include "common/store/generation_dir.h"
#include "common/store/sql.h"
#include "schema_sql.h"

#define FILE_MODE 0440

static int put_meta(struct sqlite3 *db, const struct generation_origin *origin,
	struct why *why)
{
	char epoch[16];
	char serial[24];
	char created[24];
	const struct {
		const char *key;
		const char *value;
	} rows[] = {
		{"deployment", origin->deployment},
		{"epoch", epoch},
		{"serial", serial},
		{"created", created},
		{"source", origin->source},
		{"manifest_sha256", origin->manifest_sha256},
		{"part", origin->is_part ? "1" : NULL},
	};
	int err = 0;

	snprintf(epoch, sizeof(epoch), "%" PRIu32, origin->epoch);
	snprintf(serial, sizeof(serial), "%" PRIu64, origin->serial);
	snprintf(created, sizeof(created), "%" PRId64, origin->created.s);
	for (size_t i = 0; i < ARRAY_COUNT(rows) && err == 0; i++)
		if (rows[i].value != NULL)
			err = sql_run(db, why,
				"INSERT INTO meta(key, value) VALUES(?, ?)",
				"tt", rows[i].key, rows[i].value);
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

int generation_fill(struct sqlite3 *db, generation_fill_cb *fill, void *arg,
	struct why *why)
{
	int err;

	/* Rows come in any order, and what they refer to comes later: it is
	 * looked at once, at the end, and not for each row. */
	err = sql_script(db, why, "PRAGMA foreign_keys=0; BEGIN");
	if (err == 0)
		err = fill(db, arg, why);
	if (err == 0)
		err = sql_script(db, why, "COMMIT");
	if (err == 0)
		err = check_built(db, why);
	return err;
}

/* In memory: what is unfinished is nobody's. */
static int build_rows(struct sqlite3 *db,
	const struct generation_build *build, struct why *why)
{
	int err = sql_script(db, why, "PRAGMA temp_store=2");

	if (err == 0)
		err = sql_script(db, why, SCHEMA_SQL);
	if (err == 0)
		err = put_meta(db, build->origin, why);
	if (err == 0)
		err = generation_fill(db, build->fill, build->arg, why);
	return err;
}

/* Root gives it to the folder's owner; the agent, who is that, to the group
 * that reads. */
static int give(int fd, uid_t uid, gid_t gid)
{
	struct stat st;

	if (geteuid() == 0)
		return fchown(fd, uid, gid) < 0 ? -errno : 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_gid != gid && fchown(fd, (uid_t)-1, gid) < 0 ? -errno :
								    0;
}

/* Rights first, then to the disk: after this only the name changes. */
static int write_file(const struct generation_build *build,
	const unsigned char *bytes, size_t len)
{
	int fd = openat(build->stage_fd, build->name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int err;

	if (fd < 0)
		return -errno;
	err = file_write_all(fd, bytes, len);
	if (err == 0)
		err = give(fd, build->uid, build->gid);
	if (err == 0 && (fchmod(fd, FILE_MODE) < 0 || fsync(fd) < 0))
		err = -errno;
	if (close(fd) < 0 && err == 0)
		err = -errno;
	return err;
}

/* By our own hands, not by sqlite's: it would open the file by its path. */
static int save(const struct generation_build *build, struct sqlite3 *db,
	char sha256[static 65], struct why *why)
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
	str_hex(hash, sizeof(hash), sha256);
	err = write_file(build, bytes, (size_t)len);
	sqlite3_free(bytes);
	if (err < 0)
		return why_set(why, err, "topology/stage/%s: %s", build->name,
			err_text(err));
	return 0;
}

int generation_build(const struct generation_build *build,
	char sha256[static 65], struct why *why)
{
	struct sqlite3 *db = NULL;
	int err;

	if (sqlite3_open_v2(":memory:", &db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
			    SQLITE_OPEN_NOMUTEX,
		    NULL) == SQLITE_OK)
		err = build_rows(db, build, why);
	else
		err = sql_fault(db, why, "no memory for a database");
	if (err == 0)
		err = save(build, db, sha256, why);
	sqlite3_close(db);
	return err;
}
