/*
 * The watch list between memory and file. Outcomes of single requests are
 * not kept: a hundred new ones come soon. Addresses are kept as hashes under
 * a key that is kept with them.
 */
#include "access-edge/watch_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/store/sql.h"

#define FILE_MAX_BYTES (64u << 20)
#define CONTACTS_MAX   10000
/* What goes into a file that can be read again; the rest is sqlite's. */
#define ROWS_BYTES     (FILE_MAX_BYTES / 4)
#define CONTACTS_BYTES (FILE_MAX_BYTES / 2)
#define ROW_BYTES      128 /* the numbers of one row, and its index */

static const char SCHEMA[] =
	"CREATE TABLE meta(key BLOB NOT NULL);"
	"CREATE TABLE peer(id BLOB PRIMARY KEY, rejected INTEGER NOT NULL,"
	" issuer TEXT NOT NULL, serial TEXT NOT NULL, subject TEXT NOT NULL,"
	" domains TEXT NOT NULL, first_seen INTEGER NOT NULL,"
	" last_seen INTEGER NOT NULL, messages INTEGER NOT NULL,"
	" failures INTEGER NOT NULL, refused INTEGER NOT NULL,"
	" last_refusal TEXT NOT NULL, limited INTEGER NOT NULL,"
	" suspicious_until INTEGER NOT NULL,"
	" contacts_since INTEGER NOT NULL, contacts BLOB);"
	"PRAGMA user_version=1;";

/* ---- writing ------------------------------------------------------------- */

/* "a.test b.test" */
static void join_domains(const struct watch_peer *p, char *out, size_t cap)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < p->domain_count; i++) {
		int n = snprintf(out + at, cap - at, "%s%s", at > 0 ? " " :
			"", p->domains[i]);

		if (n < 0 || (size_t)n >= cap - at)
			return;
		at += (size_t)n;
	}
}

static size_t list_contacts(const struct watch_peer *p, uint64_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < p->contact_room && n < CONTACTS_MAX; i++) {
		if (p->contacts[i] != 0)
			out[n++] = p->contacts[i];
	}
	return n;
}

/* One list on its way into a file. */
struct writing {
	struct sqlite3 *db;
	uint64_t *room; /* for the contacts of one; owned */
	size_t rows_left; /* bytes that may still go in */
	size_t contacts_left;
};

/* What there is no room for is left out. */
static int put_peer(struct writing *to, const struct watch_peer *p,
	struct why *why)
{
	char domains[WATCH_DOMAINS_MAX * DNS_NAME_LEN];
	size_t count = list_contacts(p, to->room);
	size_t contacts_len = count * sizeof(*to->room), row_len;

	join_domains(p, domains, sizeof(domains));
	row_len = sizeof(p->id) + strlen(p->issuer) + strlen(p->serial) +
		strlen(p->subject) + strlen(domains) + ROW_BYTES;
	if (row_len > to->rows_left)
		return 0;
	to->rows_left -= row_len;
	if (contacts_len > to->contacts_left)
		contacts_len = 0;
	to->contacts_left -= contacts_len;
	return sql_run(to->db, why, "INSERT INTO peer VALUES(?,?,?,?,?,?,?,?,"
		"?,?,?,?,?,?,?,?)", "bittttiiiiitiiib", p->id, sizeof(p->id),
		(int64_t)p->is_rejected, p->issuer, p->serial, p->subject,
		domains, p->first_seen.s, p->last_seen.s,
		(int64_t)p->messages, (int64_t)p->failures,
		(int64_t)p->refused, p->last_refusal,
		(int64_t)p->is_limited, p->suspicious_until.s,
		p->contacts_since.s, to->room, contacts_len);
}

/* Those heard of last go first. */
static int put_all(struct sqlite3 *db, const struct watch *w,
	struct why *why)
{
	const struct list *halves[] = {&w->accepted, &w->rejected};
	struct writing to = {db, calloc(CONTACTS_MAX, sizeof(*to.room)),
		ROWS_BYTES, CONTACTS_BYTES};
	int err = to.room == NULL ? -ENOMEM : sql_script(db, why, SCHEMA);

	if (err == 0)
		err = sql_script(db, why, "BEGIN");
	if (err == 0)
		err = sql_run(db, why, "INSERT INTO meta VALUES(?)", "b",
			w->key, sizeof(w->key));
	for (size_t i = 0; i < ARRAY_COUNT(halves) && err == 0; i++) {
		const struct list *it;

		for (it = halves[i]->prev; it != halves[i] && err == 0;
			it = it->prev)
			err = put_peer(&to, container_of(it,
				const struct watch_peer, by_use), why);
	}
	if (err == 0)
		err = sql_script(db, why, "COMMIT");
	free(to.room);
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

/* Not waited for the disk: the loop must not stop for a list that can be
 * lost. */
static int write_file(const char *path, const unsigned char *p, size_t len)
{
	char temp[512];
	int fd, err;

	if ((size_t)snprintf(temp, sizeof(temp), "%s.new", path) >=
		sizeof(temp))
		return -ENAMETOOLONG;
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_all(fd, p, len);
	close(fd);
	if (err == 0 && rename(temp, path) != 0)
		err = -errno;
	if (err != 0)
		unlink(temp);
	return err;
}

int watch_save(struct watch *w, const char *path, struct why *why)
{
	struct sqlite3 *db = NULL;
	unsigned char *bytes = NULL;
	sqlite3_int64 len = 0;
	int err;

	if (!w->is_changed)
		return 0;
	err = sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE |
		SQLITE_OPEN_CREATE, NULL) == SQLITE_OK ? put_all(db, w, why) :
		-ENOMEM;
	if (err == 0) {
		bytes = sqlite3_serialize(db, "main", &len, 0);
		err = bytes == NULL ? -ENOMEM : write_file(path, bytes,
			(size_t)len);
	}
	sqlite3_free(bytes);
	sqlite3_close(db);
	if (err == 0)
		w->is_changed = false;
	else if (why != NULL && why->text[0] == '\0')
		why_set(why, err, "%s: can't write the watch list: %s", path,
			err_text(err));
	return err;
}

/* ---- reading ------------------------------------------------------------- */

static void split_domains(struct watch_peer *p, const char *text)
{
	struct str rest = str_of(text), one;

	while (rest.n > 0 && p->domain_count < WATCH_DOMAINS_MAX &&
		str_split(&rest, ' ', &one)) {
		if (dns_name_take(one, p->domains[p->domain_count],
			sizeof(p->domains[0])) == 0)
			p->domain_count++;
	}
}

/* A row that can't be right is left out. */
static void take_peer(struct watch *w, struct sqlite3_stmt *stmt)
{
	struct watch_peer p = {.is_rejected =
		sqlite3_column_int(stmt, 1) == 1};
	const void *id = sqlite3_column_blob(stmt, 0);
	const void *contacts = sqlite3_column_blob(stmt, 15);
	int len = sqlite3_column_bytes(stmt, 15);
	uint64_t *copy = NULL;

	if (id == NULL || sqlite3_column_bytes(stmt, 0) != WATCH_ID_LEN ||
		len < 0 || (size_t)len > CONTACTS_MAX * sizeof(*copy))
		return;
	memcpy(p.id, id, WATCH_ID_LEN);
	snprintf(p.issuer, sizeof(p.issuer), "%s", sql_text(stmt, 2));
	snprintf(p.serial, sizeof(p.serial), "%s", sql_text(stmt, 3));
	snprintf(p.subject, sizeof(p.subject), "%s", sql_text(stmt, 4));
	split_domains(&p, sql_text(stmt, 5));
	p.first_seen.s = sqlite3_column_int64(stmt, 6);
	p.last_seen.s = sqlite3_column_int64(stmt, 7);
	p.messages = (uint64_t)sqlite3_column_int64(stmt, 8);
	p.failures = (uint64_t)sqlite3_column_int64(stmt, 9);
	p.refused = (uint64_t)sqlite3_column_int64(stmt, 10);
	snprintf(p.last_refusal, sizeof(p.last_refusal), "%s",
		sql_text(stmt, 11));
	p.is_limited = sqlite3_column_int(stmt, 12) == 1;
	p.suspicious_until.s = sqlite3_column_int64(stmt, 13);
	p.contacts_since.s = sqlite3_column_int64(stmt, 14);
	if (len > 0) {
		copy = malloc((size_t)len); /* blobs need not be aligned */
		if (copy == NULL)
			return;
		memcpy(copy, contacts, (size_t)len);
	}
	watch_restore(w, &p, copy, (size_t)len / sizeof(*copy));
	free(copy);
}

static int take_key(struct watch *w, struct sqlite3 *db, struct why *why)
{
	struct sqlite3_stmt *stmt;
	int err = sql_query(&stmt, db, why, "SELECT key FROM meta", "");

	if (err < 0)
		return err;
	err = sql_next(stmt, why);
	if (err == 1 && sqlite3_column_bytes(stmt, 0) ==
		(int)sizeof(w->key))
		memcpy(w->key, sqlite3_column_blob(stmt, 0), sizeof(w->key));
	else if (err >= 0)
		err = why_set(why, EDGE_EDATABASE, "it has no key");
	sqlite3_finalize(stmt);
	return err < 0 ? err : 0;
}

static int take_all(struct watch *w, struct sqlite3 *db, struct why *why)
{
	struct sqlite3_stmt *stmt;
	int64_t version = 0;
	int err = sql_number(db, why, "PRAGMA user_version", 0, &version);

	if (err == 0 && version != 1)
		err = why_set(why, EDGE_EDATABASE, "written by another "
			"version");
	if (err == 0)
		err = take_key(w, db, why);
	if (err == 0)
		err = sql_query(&stmt, db, why, "SELECT * FROM peer"
			" ORDER BY last_seen", "");
	if (err < 0)
		return err;
	while ((err = sql_next(stmt, why)) == 1)
		take_peer(w, stmt);
	sqlite3_finalize(stmt);
	return err;
}

/* Whole into memory first: sqlite is not to open files by itself under the
 * sandbox. */
static int read_file(const char *path, unsigned char **out, size_t *len)
{
	unsigned char *p = NULL;
	struct stat st;
	size_t at = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : 0;

	if (err == 0 && fstat(fd, &st) < 0)
		err = -errno;
	if (err == 0 && (st.st_size <= 0 || st.st_size > (off_t)FILE_MAX_BYTES))
		err = EDGE_EDATABASE;
	if (err == 0)
		p = sqlite3_malloc64((sqlite3_uint64)st.st_size);
	if (err == 0 && p == NULL)
		err = -ENOMEM;
	while (err == 0 && at < (size_t)st.st_size) {
		ssize_t n = read(fd, p + at, (size_t)st.st_size - at);

		if (n <= 0)
			err = n < 0 ? -errno : EDGE_EDATABASE;
		else
			at += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	if (err != 0) {
		sqlite3_free(p);
		return err;
	}
	*out = p;
	*len = at;
	return 0;
}

int watch_load(struct watch *w, const char *path, struct why *why)
{
	struct sqlite3 *db = NULL;
	unsigned char *bytes = NULL;
	size_t len = 0;
	int err = read_file(path, &bytes, &len);

	if (err == -ENOENT)
		return err;
	if (err == 0 && sqlite3_open_v2(":memory:", &db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
		SQLITE_OK) {
		sqlite3_free(bytes);
		err = -ENOMEM;
	}
	/* The bytes are the database's from here on, also on failure. */
	if (err == 0 && sqlite3_deserialize(db, "main", bytes,
		(sqlite3_int64)len, (sqlite3_int64)len,
		SQLITE_DESERIALIZE_FREEONCLOSE |
		SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
		err = EDGE_EDATABASE;
	if (err == 0)
		err = take_all(w, db, why);
	sqlite3_close(db);
	w->is_changed = false;
	if (err == 0)
		return 0;
	return why_prefix(why, err, "%s: not a watch list that can be read",
		path);
}
