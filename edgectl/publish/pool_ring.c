/*
 * Life of a pool key: "next" (believed by all, used by none), "current",
 * "old" (still believed), gone. A key is used only after a publication that
 * had it reached every machine, so that what one member issues is good on
 * all others at any moment of a rotation.
 */
#include "edgectl/publish/pool_ring.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/seal/pool_key.h"
#include "common/seal/seal.h"
#include "common/store/sql.h"
#include "edgectl/publish/pool_reader.h"

/* Twice what credentials (8 h) and flow tokens (24 h) need. */
static const int64_t OLD_LIFE_S[POOL_KEY_PURPOSES] = {
	[POOL_KEY_AV] = 16 * 3600,
	[POOL_KEY_FLOW] = 48 * 3600,
};

/* One filling. */
struct ring {
	struct record *r;
	const struct publish_conf *conf;
	struct sqlite3 *db;
	struct why *why;
	struct pool_readers *publishers;
	FILE *notes;
	bool is_done; /* the newest publication is everywhere */
	bool force;
	bool only_look; /* tell what is due, do nothing */
	char *due;
	size_t due_cap;
};

static void set_due(struct ring *g, const char *fmt, const char *a,
	const char *b)
{
	if (g->due != NULL && g->due[0] == '\0')
		/* Literals of this file. */
		snprintf(g->due, g->due_cap, "%s%s%s", fmt, a, b);
}

/* ---- keys of one pool and purpose --------------------------------------- */

static int load_keys(struct ring *g, const char *pool,
	enum pool_key_purpose purpose, struct record_rows *out)
{
	const struct record_value in[] = {record_text(pool),
		record_text(pool_key_purpose_name(purpose))};

	return record_run(g->r, "SELECT key_id, stage, since, sealed, readers"
		" FROM pool_key WHERE pool=$1 AND purpose=$2"
		" ORDER BY key_id DESC", in, 2, out, g->why);
}

static bool has_stage(const struct record_rows *keys, const char *stage,
	size_t *row)
{
	for (size_t i = 0; i < keys->rows; i++) {
		if (strcmp(record_cell(keys, i, 1), stage) != 0)
			continue;
		*row = i;
		return true;
	}
	return false;
}

static int make_key(struct ring *g, const char *pool,
	enum pool_key_purpose purpose, uint32_t id, const char *stage)
{
	uint8_t bytes[POOL_KEY_TEXT_MAX];
	struct seal_bytes sealed = {NULL, 0};
	struct wall now = wall_now();
	struct pool_key key;
	size_t len;
	int err;

	pool_key_make(&key, purpose, id, now);
	len = pool_key_print(&key, bytes);
	err = seal_make(&sealed, bytes, len, g->publishers->pems,
		g->publishers->count, g->why);
	pool_key_wipe(&key);
	digest_wipe(bytes, sizeof(bytes));
	if (err == 0) {
		const struct record_value in[] = {record_text(pool),
			record_text(pool_key_purpose_name(purpose)),
			record_int(id), record_text(stage),
			record_int(now.s), record_blob(sealed.p, sealed.len),
			record_text(g->publishers->ids)};

		err = record_run(g->r, "INSERT INTO pool_key(pool, purpose,"
			" key_id, stage, since, sealed, readers)"
			" VALUES($1, $2, $3, $4, $5, $6, $7)", in, 7, NULL,
			g->why);
	}
	seal_bytes_fini(&sealed);
	return err;
}

static int set_stage(struct ring *g, const char *pool,
	enum pool_key_purpose purpose, int64_t id, const char *stage)
{
	const struct record_value in[] = {record_text(pool),
		record_text(pool_key_purpose_name(purpose)), record_int(id),
		record_text(stage), record_int(wall_now().s)};

	return record_run(g->r, "UPDATE pool_key SET stage=$4, since=$5"
		" WHERE pool=$1 AND purpose=$2 AND key_id=$3", in, 5, NULL,
		g->why);
}

/* Take "next" into use, when everybody has it. */
static int promote(struct ring *g, const char *pool,
	enum pool_key_purpose purpose, const struct record_rows *keys,
	size_t current, size_t next)
{
	int err;

	set_due(g, "the new key of ", pool, " is everywhere");
	if (g->only_look)
		return 0;
	err = set_stage(g, pool, purpose, record_number(keys, current, 0),
		"old");
	return err < 0 ? err :
			set_stage(g, pool, purpose,
				record_number(keys, next, 0), "current");
}

static int drop_old(struct ring *g, const char *pool,
	enum pool_key_purpose purpose)
{
	const struct record_value in[] = {record_text(pool),
		record_text(pool_key_purpose_name(purpose)),
		record_int(wall_now().s - OLD_LIFE_S[purpose])};
	int err = record_run(g->r, "DELETE FROM envelope WHERE pool=$1"
		" AND purpose=$2 AND key_id IN(SELECT key_id FROM pool_key"
		" WHERE pool=$1 AND purpose=$2 AND stage='old' AND since<$3)",
		in, 3, NULL, g->why);

	return err < 0 ? err :
			record_run(g->r, "DELETE FROM pool_key WHERE pool=$1"
				" AND purpose=$2 AND stage='old'"
				" AND since<$3", in, 3, NULL, g->why);
}

/* Which keys the pool has from now on. */
static int turn_keys(struct ring *g, const char *pool,
	enum pool_key_purpose purpose)
{
	struct record_rows keys = {.rows = 0};
	size_t current = 0;
	size_t next = 0;
	bool is_old;
	int err = load_keys(g, pool, purpose, &keys);

	if (err < 0)
		return err;
	if (!has_stage(&keys, "current", &current)) {
		set_due(g, "the pool ", pool, " has no keys yet");
		err = g->only_look ? 0 :
				     make_key(g, pool, purpose, 1, "current");
	} else if (has_stage(&keys, "next", &next)) {
		if (g->is_done)
			err = promote(g, pool, purpose, &keys, current, next);
	} else {
		is_old = g->conf->key_life_s != 0 &&
			wall_now().s - record_number(&keys, current, 2) >
				(int64_t)g->conf->key_life_s;
		if (is_old)
			set_due(g, "the keys of ", pool, " are old");
		if ((is_old || g->force) && !g->only_look)
			err = make_key(g, pool, purpose,
				(uint32_t)record_number(&keys, 0, 0) + 1,
				"next");
	}
	record_rows_fini(&keys);
	if (err == 0 && !g->only_look)
		err = drop_old(g, pool, purpose);
	return err;
}

/* ---- envelopes ---------------------------------------------------------- */

static int put_row(struct ring *g, const char *machine,
	enum pool_key_purpose purpose, int64_t id, bool is_current,
	const struct record_value *cms)
{
	return sql_run(g->db, g->why, "INSERT INTO sealed_key(machine_id,"
		" purpose, key_id, role, cms) SELECT machine_id, ?, ?, ?, ?"
		" FROM machine WHERE fqdn=?", "titbt",
		pool_key_purpose_name(purpose), id,
		is_current ? "current" : "previous", cms->p, cms->len,
		machine);
}

/* Open our copy and seal it for one machine. */
static int seal_for(struct ring *g, const struct record_value *kept,
	const char *certificate, struct seal_bytes *out)
{
	const struct str reader = str_of(certificate);
	uint8_t bytes[SEAL_SECRET_MAX];
	size_t len = 0;
	int err = seal_open(bytes, &len, kept->p, kept->len, g->conf->chain,
		g->conf->key, g->why);

	if (err == 0)
		err = seal_make(out, bytes, len, &reader, 1, g->why);
	else if (err == EDGE_EFORGED)
		why_set(g->why, err, "the record's copy of a pool key is not "
			"sealed to this publisher: start 'edgectl publish "
			"serve' once where it was made");
	digest_wipe(bytes, sizeof(bytes));
	return err;
}

static int make_envelope(struct ring *g, const char *pool,
	const char *machine, enum pool_key_purpose purpose,
	const struct record_value *kept, int64_t id, const char *certificate,
	const char *reader, bool is_current)
{
	struct seal_bytes cms = {NULL, 0};
	int err = seal_for(g, kept, certificate, &cms);
	struct record_value value = record_blob(cms.p, cms.len);

	if (err == 0) {
		const struct record_value in[] = {record_text(machine),
			record_text(pool_key_purpose_name(purpose)),
			record_int(id), record_text(pool),
			record_text(reader), value};

		err = record_run(g->r, "INSERT INTO envelope(fqdn, purpose,"
			" key_id, pool, reader, cms)"
			" VALUES($1, $2, $3, $4, $5, $6)"
			" ON CONFLICT(fqdn, purpose, key_id) DO UPDATE SET"
			" pool=excluded.pool, reader=excluded.reader,"
			" cms=excluded.cms", in, 6, NULL, g->why);
	}
	if (err == 0)
		err = put_row(g, machine, purpose, id, is_current, &value);
	seal_bytes_fini(&cms);
	return err;
}

/* The one that is there when its reader is still the same. */
static int one_envelope(struct ring *g, const char *pool,
	const char *machine, enum pool_key_purpose purpose,
	const struct record_rows *keys, size_t row, const char *certificate,
	const char *reader)
{
	int64_t id = record_number(keys, row, 0);
	bool is_current = strcmp(record_cell(keys, row, 1), "current") == 0;
	const struct record_value in[] = {record_text(machine),
		record_text(pool_key_purpose_name(purpose)), record_int(id)};
	struct record_rows have = {.rows = 0};
	int err = record_run(g->r, "SELECT cms, reader FROM envelope"
		" WHERE fqdn=$1 AND purpose=$2 AND key_id=$3", in, 3, &have,
		g->why);

	if (err < 0)
		return err;
	if (have.rows == 1 && (reader[0] == '\0' ||
				      strcmp(record_cell(&have, 0, 1),
					      reader) == 0)) {
		if (!g->only_look)
			err = put_row(g, machine, purpose, id, is_current,
				&have.cells[0]);
	} else if (reader[0] != '\0') {
		set_due(g, "keys for the certificate of ", machine, "");
		if (!g->only_look)
			err = make_envelope(g, pool, machine, purpose,
				&keys->cells[row * keys->columns + 3], id,
				certificate, reader, is_current);
	}
	record_rows_fini(&have);
	return err;
}

static int one_machine(struct ring *g, const char *pool, const char *machine)
{
	struct record_rows keys = {.rows = 0};
	char reader[65] = "";
	char *certificate = NULL;
	int err = pool_reader_machine(g->r, machine, &certificate, reader,
		g->why);

	if (err == 0 && reader[0] == '\0' && g->notes != NULL)
		fprintf(g->notes, "%s has not shown its certificate yet: it "
			"gets the keys of its pool when it has been reached\n",
			machine);
	for (unsigned p = 0; p < POOL_KEY_PURPOSES && err == 0; p++) {
		enum pool_key_purpose purpose = (enum pool_key_purpose)p;

		err = load_keys(g, pool, purpose, &keys);
		for (size_t i = 0; i < keys.rows && err == 0; i++)
			err = one_envelope(g, pool, machine, purpose, &keys,
				i, certificate, reader);
		record_rows_fini(&keys);
	}
	free(certificate);
	return err;
}

/* ---- all pools ---------------------------------------------------------- */

/* A machine that is alone keeps keys of its own. */
static const char POOLS[] =
	"SELECT p.fqdn, m.fqdn FROM pool p JOIN machine m USING(pool_id)"
	" WHERE (SELECT COUNT(*) FROM machine k WHERE"
	"  k.pool_id=p.pool_id)>1 ORDER BY p.fqdn, m.fqdn";

static int turn_pool(struct ring *g, const char *pool)
{
	int err = 0;

	for (unsigned p = 0; p < POOL_KEY_PURPOSES && err == 0; p++)
		err = turn_keys(g, pool, (enum pool_key_purpose)p);
	return err;
}

static int each_machine(struct ring *g)
{
	struct sqlite3_stmt *stmt;
	char last[256] = "";
	int err = sql_query(&stmt, g->db, g->why, POOLS, "");

	if (err < 0)
		return err;
	while ((err = sql_next(stmt, g->why)) == 1) {
		char pool[256];
		char machine[256];

		snprintf(pool, sizeof(pool), "%s", sql_text(stmt, 0));
		snprintf(machine, sizeof(machine), "%s", sql_text(stmt, 1));
		err = strcmp(pool, last) != 0 ? turn_pool(g, pool) : 0;
		snprintf(last, sizeof(last), "%s", pool);
		if (err == 0)
			err = one_machine(g, pool, machine);
		if (err < 0)
			break;
	}
	sqlite3_finalize(stmt);
	return err;
}

int pool_ring_fill(struct record *r, const struct publish_conf *conf,
	struct sqlite3 *db, bool force, char **notes, struct why *why)
{
	struct pool_readers publishers = {.count = 0};
	struct ring g = {.r = r, .conf = conf, .db = db, .why = why,
		.publishers = &publishers, .force = force};
	size_t len = 0;
	int err = pool_readers_load(&publishers, r, conf, why);

	if (err < 0)
		return err;
	g.notes = open_memstream(notes, &len);
	if (g.notes == NULL) {
		pool_readers_fini(&publishers);
		return -ENOMEM;
	}
	err = pool_reader_is_everywhere(r, &g.is_done, why);
	if (err == 0)
		err = pool_readers_reseal(&publishers, r, conf, why);
	if (err == 0)
		err = each_machine(&g);
	fclose(g.notes);
	pool_readers_fini(&publishers);
	return err;
}

int pool_ring_due(struct record *r, const struct publish_conf *conf,
	struct sqlite3 *db, bool is_done, char *reason, size_t cap,
	struct why *why)
{
	struct ring g = {.r = r, .conf = conf, .db = db, .why = why,
		.is_done = is_done, .only_look = true, .due = reason,
		.due_cap = cap};

	reason[0] = '\0';
	return each_machine(&g);
}
