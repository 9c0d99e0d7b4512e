/*
 * The frame of the record: opening, its tables and their versions, the
 * office, words of state. Publications and edges are record_rows.c.
 */
#include "edgectl/publish/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "edgectl/publish/record_priv.h"

/*
 * Both databases take these: BYTEA and BIGINT are only names to sqlite. A
 * step once released is never changed; another is appended.
 */
static const char *const STEPS[] = {
	"CREATE TABLE state(key TEXT PRIMARY KEY, value TEXT NOT NULL)",
	"CREATE TABLE publication(epoch BIGINT NOT NULL,"
	" serial BIGINT NOT NULL, sha256 TEXT NOT NULL,"
	" raw_sha256 TEXT NOT NULL, created BIGINT NOT NULL,"
	" rollback_epoch BIGINT, rollback_serial BIGINT,"
	" yaml TEXT NOT NULL, who TEXT NOT NULL, reason TEXT NOT NULL,"
	" options TEXT NOT NULL, state TEXT NOT NULL, note TEXT NOT NULL,"
	" bundle BYTEA NOT NULL, PRIMARY KEY(epoch, serial))",
	"CREATE TABLE replica(fqdn TEXT PRIMARY KEY, pool TEXT NOT NULL,"
	" last_report BIGINT NOT NULL, behind_since BIGINT NOT NULL,"
	" failures BIGINT NOT NULL, state TEXT NOT NULL,"
	" error TEXT NOT NULL, status TEXT NOT NULL,"
	" certificate TEXT NOT NULL)",
	"CREATE TABLE trust(serial BIGINT PRIMARY KEY, json TEXT NOT NULL,"
	" created BIGINT NOT NULL, bundle BYTEA)",
	"CREATE TABLE pool_key(pool TEXT NOT NULL, purpose TEXT NOT NULL,"
	" key_id BIGINT NOT NULL, stage TEXT NOT NULL,"
	" since BIGINT NOT NULL, sealed BYTEA NOT NULL,"
	" readers TEXT NOT NULL,"
	" PRIMARY KEY(pool, purpose, key_id))",
	"CREATE TABLE envelope(fqdn TEXT NOT NULL, purpose TEXT NOT NULL,"
	" key_id BIGINT NOT NULL, pool TEXT NOT NULL, reader TEXT NOT NULL,"
	" cms BYTEA NOT NULL, PRIMARY KEY(fqdn, purpose, key_id))",
	"CREATE TABLE request(id BIGINT PRIMARY KEY, created BIGINT NOT NULL,"
	" kind TEXT NOT NULL, who TEXT NOT NULL, body TEXT NOT NULL,"
	" state TEXT NOT NULL, result TEXT NOT NULL)",
	"CREATE TABLE publisher(name TEXT PRIMARY KEY,"
	" certificate TEXT NOT NULL, seen BIGINT NOT NULL)",
	"INSERT INTO state(key, value) VALUES('epoch', '1')",
};

int record_run(struct record *r, const char *sql,
	const struct record_value *in, size_t count, struct record_rows *out,
	struct why *why)
{
	int err = r->driver->run(r->db, sql, in, count, out, why);

	if (err == EDGE_EPEER)
		r->epoch = 0;
	return err;
}

/* ---- tables ------------------------------------------------------------- */

/* The number of steps taken; 0 when there is nothing yet. */
static int steps_taken(struct record *r, size_t *out)
{
	struct record_rows rows = {.rows = 0};
	uint64_t taken = 0;
	int err = record_run(r, "SELECT value FROM state WHERE key='schema'",
		NULL, 0, &rows, NULL);

	*out = 0;
	if (err == EDGE_EPEER)
		return err;
	if (err == 0 && rows.rows == 1 &&
		str_to_u64(str_of(record_cell(&rows, 0, 0)), &taken) == 0)
		*out = (size_t)taken;
	record_rows_fini(&rows);
	return 0;
}

static const char *number_text(uint64_t number, char out[static 24])
{
	snprintf(out, 24, "%" PRIu64, number);
	return out;
}

static int take_steps(struct record *r, size_t taken, struct why *why)
{
	char number[24];
	const struct record_value in[] = {
		record_text(number_text(ARRAY_COUNT(STEPS), number))};
	int err = 0;

	if (taken == 0 && r->driver->next_epoch != NULL)
		err = record_run(r, "CREATE SEQUENCE publisher_epoch", NULL,
			0, NULL, why);
	for (size_t i = taken; i < ARRAY_COUNT(STEPS) && err == 0; i++)
		err = record_run(r, STEPS[i], NULL, 0, NULL, why);
	if (err == 0)
		err = record_run(r, "INSERT INTO state(key, value)"
			" VALUES('schema', $1) ON CONFLICT(key)"
			" DO UPDATE SET value=excluded.value", in, 1, NULL,
			why);
	return err;
}

/* One publisher at a time: the second finds the work done. */
static int make_tables(struct record *r, struct why *why)
{
	size_t taken;
	int err = steps_taken(r, &taken);

	if (err == 0 && taken > ARRAY_COUNT(STEPS))
		return why_set(why, EDGE_EDATABASE,
			"the record was made by a newer version: update "
			"edgectl");
	if (err < 0 || taken == ARRAY_COUNT(STEPS))
		return err;
	err = record_run(r, r->driver->begin, NULL, 0, NULL, why);
	if (err == 0 && r->driver->next_epoch != NULL)
		err = record_run(r, "SELECT pg_advisory_xact_lock(5280460)",
			NULL, 0, NULL, why);
	if (err == 0)
		err = take_steps(r, taken, why);
	if (err == 0)
		return record_run(r, "COMMIT", NULL, 0, NULL, why);
	if (record_run(r, "ROLLBACK", NULL, 0, NULL, NULL) == 0 &&
		steps_taken(r, &taken) == 0 && taken == ARRAY_COUNT(STEPS))
		return 0; /* somebody else was quicker */
	return why_prefix(why, err, "making the record's tables");
}

int record_open(struct record **out, const struct record_driver *driver,
	const char *where, struct why *why)
{
	struct record *r = calloc(1, sizeof(*r));
	int err;

	if (r == NULL)
		return -ENOMEM;
	r->driver = driver;
	err = driver->open(&r->db, where, why);
	if (err == 0)
		err = make_tables(r, why);
	if (err < 0) {
		record_close(r);
		return err;
	}
	*out = r;
	return 0;
}

void record_close(struct record *r)
{
	if (r == NULL)
		return;
	r->driver->close(r->db);
	free(r);
}

void record_files(const struct record *r, record_file_cb *tell, void *arg)
{
	r->driver->files(r->db, tell, arg);
}

int record_fd(const struct record *r)
{
	return r->driver->fd(r->db);
}

int record_poll(struct record *r)
{
	bool is_news = false;
	int err = r->driver->poll(r->db, &is_news);

	if (err < 0)
		r->epoch = 0;
	return err < 0 ? err : is_news;
}

int record_notify(struct record *r, struct why *why)
{
	if (r->driver->notify == NULL)
		return 0;
	return record_run(r, r->driver->notify, NULL, 0, NULL, why);
}

/* ---- words of state ----------------------------------------------------- */

int record_get(struct record *r, const char *key, char **value,
	struct why *why)
{
	const struct record_value in[] = {record_text(key)};
	struct record_rows rows = {.rows = 0};
	int err = record_run(r, "SELECT value FROM state WHERE key=$1", in, 1,
		&rows, why);

	if (err < 0)
		return err;
	*value = strdup(record_cell(&rows, 0, 0));
	record_rows_fini(&rows);
	return *value != NULL ? 0 : -ENOMEM;
}

int record_set(struct record *r, const char *key, const char *value,
	struct why *why)
{
	const struct record_value in[] = {record_text(key),
		record_text(value)};

	return record_run(r, "INSERT INTO state(key, value) VALUES($1, $2)"
		" ON CONFLICT(key) DO UPDATE SET value=excluded.value", in, 2,
		NULL, why);
}

/* ---- the office --------------------------------------------------------- */

/* The one in the record. */
static int read_epoch(struct record *r, uint32_t *out, struct why *why)
{
	char *text = NULL;
	int err = record_get(r, "epoch", &text, why);

	if (err == 0 && str_to_u32(str_of(text), out) < 0)
		err = why_set(why, EDGE_EDATABASE,
			"the record's epoch '%.20s' is not a number", text);
	free(text);
	return err;
}

static int new_epoch(struct record *r, uint32_t *out, struct why *why)
{
	struct record_rows rows = {.rows = 0};
	int64_t number = 0;
	int err;

	if (r->driver->next_epoch == NULL)
		return read_epoch(r, out, why);
	err = record_run(r, r->driver->next_epoch, NULL, 0, &rows, why);
	if (err == 0)
		number = record_number(&rows, 0, 0);
	record_rows_fini(&rows);
	if (err == 0 && (number < 1 || number > UINT32_MAX))
		err = why_set(why, EDGE_EDATABASE, "epoch %" PRId64
			" is out of bounds", number);
	*out = (uint32_t)number;
	return err;
}

/* What was begun, kept or undone. */
static int end(struct record *r, int err, struct why *why)
{
	if (err == 0)
		return record_run(r, "COMMIT", NULL, 0, NULL, why);
	if (record_run(r, "ROLLBACK", NULL, 0, NULL, NULL) == EDGE_EPEER)
		return EDGE_EPEER;
	return err;
}

static int put_epoch(struct record *r, uint32_t epoch, struct why *why)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", epoch);
	return record_set(r, "epoch", text, why);
}

/* One transaction: whoever raises the epoch does it before, or after. */
int record_lock(struct record *r, const char *name, struct why *why)
{
	uint32_t epoch = 0;
	int err = r->driver->lock(r->db, why);

	if (err == 0)
		err = record_run(r, r->driver->begin, NULL, 0, NULL, why);
	if (err < 0)
		return err;
	err = new_epoch(r, &epoch, why);
	if (err == 0)
		err = put_epoch(r, epoch, why);
	if (err == 0)
		err = record_set(r, "leader", name, why);
	err = end(r, err, why);
	if (err == 0)
		r->epoch = epoch;
	return err;
}

int record_check_office(struct record *r, struct why *why)
{
	uint32_t ours = r->epoch;
	uint32_t epoch = 0;
	int err = read_epoch(r, &epoch, why);

	if (err < 0 || epoch == ours)
		return err;
	r->epoch = 0;
	return why_set(why, EDGE_EREFUSED, "the record's epoch went from %u "
		"to %u: our office is over", ours, epoch);
}

uint32_t record_epoch(const struct record *r)
{
	return r->epoch;
}

int record_leader(struct record *r, char **name, uint32_t *epoch,
	struct why *why)
{
	int err = read_epoch(r, epoch, why);

	return err == 0 ? record_get(r, "leader", name, why) : err;
}

bool record_raises_by_hand(const struct record *r)
{
	return r->driver->next_epoch == NULL;
}

/* Also where every take-over raises it: a database that comes from a backup
 * counts from where it was. */
static int put_raised(struct record *r, uint32_t seen, uint32_t *out,
	struct why *why)
{
	struct record_value in[1];
	uint32_t epoch = 0;
	int err = new_epoch(r, &epoch, why);

	if (err < 0)
		return err;
	if (epoch < seen)
		epoch = seen;
	if (epoch == UINT32_MAX)
		return why_set(why, EDGE_ETOOBIG, "epoch %u is the last one: "
			"edges that have seen it must forget it first, see "
			"'A signing key was stolen' in the page about "
			"replication", epoch);
	*out = epoch + 1;
	in[0] = record_int(*out);
	if (r->driver->set_epoch != NULL)
		err = record_run(r, r->driver->set_epoch, in, 1, NULL, why);
	return err == 0 ? put_epoch(r, *out, why) : err;
}

int record_raise_epoch(struct record *r, uint32_t seen, uint32_t *out,
	struct why *why)
{
	int err = record_run(r, r->driver->begin, NULL, 0, NULL, why);

	*out = 0;
	if (err < 0)
		return err;
	err = end(r, put_raised(r, seen, out, why), why);
	return err == 0 ? record_notify(r, why) : err;
}
