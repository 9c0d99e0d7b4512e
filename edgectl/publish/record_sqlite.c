/*
 * The record of a single site: one sqlite file. The office is a file lock
 * beside it, which ends with the process; who waits looks at the file's
 * change counter.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/run/file.h"
#include "common/store/sql.h"
#include "edgectl/publish/record_db.h"

#define BUSY_MS 5000

struct file {
	struct sqlite3 *db;
	char lock_path[PATH_MAX];
	int lock_fd;
	int64_t version; /* PRAGMA data_version at the last look */
};

static void file_close(void *arg)
{
	struct file *f = arg;

	if (f == NULL)
		return;
	sqlite3_close(f->db);
	if (f->lock_fd >= 0)
		close(f->lock_fd);
	free(f);
}

/* sqlite only says that it can't. */
static int tell_open(struct file *f, const char *path, struct why *why)
{
	int err = -sqlite3_system_errno(f->db);

	if (sqlite3_errcode(f->db) != SQLITE_CANTOPEN || err == 0)
		return sql_fault(f->db, why, path);
	return why_set(why, err, "%s: %s; %s", path, err_text(err),
		err == -EACCES || err == -EPERM ?
			"become the user who runs the publisher" :
			"make the folder, owned by the user who runs the "
			"publisher, or correct 'record' or 'state_dir' of "
			"publisher.yaml");
}

static int set_up(struct file *f, const char *path, struct why *why)
{
	int err = sql_script(f->db, why, "PRAGMA journal_mode=WAL;"
					 "PRAGMA synchronous=FULL;"
					 "PRAGMA cache_size=-512;"
					 "PRAGMA temp_store=MEMORY;"
					 "PRAGMA foreign_keys=1");

	return err < 0 ? why_prefix(why, err, "%s", path) : 0;
}

/* Is root in a folder of somebody else? real: the path without links up to
 * there. */
static bool is_guest(const char *path, char real[static PATH_MAX])
{
	char dir[PATH_MAX];
	char name[PATH_MAX];
	struct stat st;
	size_t n;

	if (geteuid() != 0 || strlen(path) >= sizeof(dir))
		return false;
	memcpy(dir, path, strlen(path) + 1);
	memcpy(name, path, strlen(path) + 1);
	if (realpath(dirname(dir), real) == NULL || stat(real, &st) < 0 ||
		st.st_uid == 0)
		return false;
	n = strlen(real);
	return (size_t)snprintf(real + n, PATH_MAX - n, "/%s",
		basename(name)) < PATH_MAX - n;
}

/* Whoever owns the folder must not lead root elsewhere by a link. */
static int open_db(struct file *f, const char *path)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	char real[PATH_MAX];

	return is_guest(path, real) ?
		sqlite3_open_v2(real, &f->db, flags | SQLITE_OPEN_NOFOLLOW,
			NULL) :
		sqlite3_open_v2(path, &f->db, flags, NULL);
}

static int file_open(void **out, const char *path, struct why *why)
{
	struct file *f = calloc(1, sizeof(*f));
	mode_t mask;
	int err = 0;
	int rc;

	if (f == NULL)
		return -ENOMEM;
	f->lock_fd = -1;
	f->version = -1;
	if ((size_t)snprintf(f->lock_path, sizeof(f->lock_path), "%s.lock",
		    path) >= sizeof(f->lock_path)) {
		file_close(f);
		return why_set(why, EDGE_ETOOBIG, "%s: too long a path", path);
	}
	/* Sealed keys are in it: nobody else's to read. */
	mask = umask(077);
	rc = open_db(f, path);
	if (rc == SQLITE_OK)
		sqlite3_busy_timeout(f->db, BUSY_MS);
	if (rc != SQLITE_OK)
		err = tell_open(f, path, why);
	/* Before its log is made, which gets the same owner. */
	if (err == 0)
		err = file_settle(path, why);
	if (err == 0)
		err = set_up(f, path, why);
	umask(mask);
	if (err < 0) {
		file_close(f);
		return err;
	}
	*out = f;
	return 0;
}

/* Beside it lie its log, its index and the lock. */
static void file_files(void *arg, record_file_cb *tell, void *tell_arg)
{
	const struct file *f = arg;

	tell(tell_arg, f->lock_path, true);
}

static int bind_one(struct sqlite3_stmt *stmt, int at,
	const struct record_value *v)
{
	switch (v->kind) {
	case RECORD_NULL:
		return sqlite3_bind_null(stmt, at);
	case RECORD_INT:
		return sqlite3_bind_int64(stmt, at, v->number);
	case RECORD_TEXT:
		return sqlite3_bind_text64(stmt, at, v->p, v->len,
			SQLITE_STATIC, SQLITE_UTF8);
	case RECORD_BLOB:
		return sqlite3_bind_blob64(stmt, at, v->p, v->len,
			SQLITE_STATIC);
	}
	return SQLITE_MISUSE;
}

/* $1 .. $n may stand in any order and more than once. */
static int bind_all(struct file *f, struct sqlite3_stmt *stmt,
	const struct record_value *in, size_t count, struct why *why)
{
	for (size_t i = 0; i < count; i++) {
		char name[24];
		int at;

		snprintf(name, sizeof(name), "$%zu", i + 1);
		at = sqlite3_bind_parameter_index(stmt, name);
		if (at == 0 || bind_one(stmt, at, &in[i]) != SQLITE_OK)
			return sql_fault(f->db, why, "record");
	}
	return 0;
}

static int take_cell(struct record_value *cell, struct sqlite3_stmt *stmt,
	int column)
{
	size_t len;

	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_NULL:
		return 0;
	case SQLITE_INTEGER:
		cell->kind = RECORD_INT;
		cell->number = sqlite3_column_int64(stmt, column);
		return 0;
	case SQLITE_BLOB:
		len = (size_t)sqlite3_column_bytes(stmt, column);
		return record_cell_set(cell, RECORD_BLOB,
			sqlite3_column_blob(stmt, column), len);
	default:
		len = (size_t)sqlite3_column_bytes(stmt, column);
		return record_cell_set(cell, RECORD_TEXT,
			sqlite3_column_text(stmt, column), len);
	}
}

static int add_row(struct record_rows *out, struct sqlite3_stmt *stmt)
{
	size_t columns = (size_t)sqlite3_column_count(stmt);
	size_t have = out->rows * columns;
	struct record_value *cells = realloc(out->cells,
		(have + columns) * sizeof(*cells));
	int err = 0;

	if (cells == NULL)
		return -ENOMEM;
	memset(cells + have, 0, columns * sizeof(*cells));
	out->cells = cells;
	out->columns = columns;
	out->rows++;
	for (size_t i = 0; i < columns && err == 0; i++)
		err = take_cell(&cells[have + i], stmt, (int)i);
	return err;
}

static int file_run(void *arg, const char *sql, const struct record_value *in,
	size_t count, struct record_rows *out, struct why *why)
{
	struct record_rows rows = {.rows = 0};
	struct sqlite3_stmt *stmt = NULL;
	struct file *f = arg;
	int err = sql_query(&stmt, f->db, why, sql, "");

	if (err < 0)
		return err;
	err = bind_all(f, stmt, in, count, why);
	while (err == 0 && (err = sql_next(stmt, why)) == 1)
		err = add_row(&rows, stmt);
	sqlite3_finalize(stmt);
	rows.changed = sqlite3_changes64(f->db);
	if (err == 0 && out != NULL)
		*out = rows;
	else
		record_rows_fini(&rows);
	return err;
}

static int file_lock(void *arg, struct why *why)
{
	struct file *f = arg;
	int fd;
	int err;

	if (f->lock_fd >= 0)
		return 0;
	fd = open(f->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		0600);
	if (fd < 0)
		return why_set(why, -errno, "%s: %s", f->lock_path,
			err_text(-errno));
	err = file_settle(f->lock_path, why);
	if (err == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		err = errno == EWOULDBLOCK ? EDGE_EBUSY : -errno;
	if (err < 0) {
		close(fd);
		return err;
	}
	f->lock_fd = fd;
	return 0;
}

static int file_fd(void *arg)
{
	(void)arg;
	return -1;
}

static int file_poll(void *arg, bool *is_news)
{
	struct file *f = arg;
	int64_t version = 0;
	int err = sql_number(f->db, NULL, "PRAGMA data_version", 0, &version);

	*is_news = version != f->version;
	f->version = version;
	return err;
}

const struct record_driver RECORD_SQLITE = {
	.name = "sqlite",
	.open = file_open,
	.close = file_close,
	.files = file_files,
	.run = file_run,
	.begin = "BEGIN IMMEDIATE",
	.lock = file_lock,
	.fd = file_fd,
	.poll = file_poll,
};
