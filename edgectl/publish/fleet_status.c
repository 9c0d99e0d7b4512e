/*
 * The record's rows as an administrator of the original knows them, with
 * what they lack: where each machine is in the roll-out, and how far behind.
 */
#include "edgectl/publish/fleet_status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "edgectl/output.h"
#include "edgectl/replica_table.h"

/* ---- one machine -------------------------------------------------------- */

static void set_moment(json_t *row, const char *key, struct wall at)
{
	char text[WALL_TEXT_LEN];

	json_object_set_new(row, key, at.s != 0 ?
		json_string(wall_text(at, text)) : json_null());
}

/* "3 serials, 250 s", "250 s", or nothing. */
static void set_lag(json_t *row, const struct record_replica *r,
	const struct record_publication *newest)
{
	json_int_t serial = json_integer_value(json_object_get(row, "serial"));
	int64_t lag_s = r->behind_since.s != 0 ?
		wall_now().s - r->behind_since.s : 0;
	uint64_t serials = newest->version.serial > (uint64_t)serial ?
		newest->version.serial - (uint64_t)serial : 0;
	char text[64];

	json_object_set_new(row, "lag_s", json_integer(lag_s));
	json_object_set_new(row, "lag_serials",
		json_integer((json_int_t)serials));
	if (r->behind_since.s == 0)
		return;
	if (serial != 0 && serials != 0)
		snprintf(text, sizeof(text), "%llu version%s, %lld s",
			(unsigned long long)serials, serials == 1 ? "" : "s",
			(long long)lag_s);
	else
		snprintf(text, sizeof(text), "%lld s", (long long)lag_s);
	json_object_set_new(row, "lag", json_string(text));
}

static json_t *row_of(const struct record_replica *r,
	const struct record_publication *newest)
{
	json_t *status = json_loads(r->status, 0, NULL);
	json_t *row = replica_table_row(r->fqdn, status);

	json_decref(status);
	if (row == NULL)
		return NULL;
	/* Against what we have published, not against what it knows of. */
	json_object_set_new(row, "UpToDate",
		json_boolean(r->behind_since.s == 0));
	json_object_set_new(row, "pool", json_string(r->pool));
	json_object_set_new(row, "state", json_string(r->state));
	json_object_set_new(row, "failures", json_integer(r->failures));
	if (r->error[0] != '\0')
		json_object_set_new(row, "error", json_string(r->error));
	else
		json_object_del(row, "error");
	set_moment(row, "LastStatusReport", r->last_report);
	set_lag(row, r, newest);
	return row;
}

/* ---- all ---------------------------------------------------------------- */

static json_t *publication_json(const struct record_publication *p)
{
	char version[BUNDLE_VERSION_LEN];
	char of[BUNDLE_VERSION_LEN];
	char at[WALL_TEXT_LEN];
	json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I}", "version",
		bundle_version_text(p->version, version), "sha256", p->sha256,
		"created", wall_text(p->created, at), "by", p->who, "reason",
		p->reason, "state", p->state, "note", p->note, "bytes",
		(json_int_t)p->bundle_len);

	if (p->is_rollback)
		json_object_set_new(o, "rollback_of", json_string(
			bundle_version_text(p->rollback_of, of)));
	return o;
}

static int add_replicas(struct record *r,
	const struct record_publication *newest, json_t *out, struct why *why)
{
	struct record_replica *rows = NULL;
	json_t *list = json_array();
	size_t count = 0;
	size_t behind = 0;
	int err = record_list_replicas(r, &rows, &count, why);

	for (size_t i = 0; i < count && err == 0; i++) {
		if (json_array_append_new(list, row_of(&rows[i], newest)) < 0)
			err = -ENOMEM;
		behind += rows[i].behind_since.s != 0 &&
			wall_now().s - rows[i].behind_since.s >
				REPLICA_BEHIND_S;
	}
	record_replicas_free(rows, count);
	json_object_set_new(out, "replicas", list);
	json_object_set_new(out, "behind", json_integer((json_int_t)behind));
	return err;
}

int fleet_status(struct record *r, json_t **out, struct why *why)
{
	struct record_publication newest = {.bundle = NULL};
	json_t *o = json_pack("{s:b}", "ok", 1);
	char *leader = NULL;
	uint32_t epoch = 0;
	int err = record_leader(r, &leader, &epoch, why);

	if (err == 0)
		json_object_set_new(o, "publisher", json_pack("{s:s,s:I}",
			"name", leader, "epoch", (json_int_t)epoch));
	free(leader);
	if (err == 0)
		err = record_load(r, &newest, why);
	if (err == 0)
		json_object_set_new(o, "publication",
			publication_json(&newest));
	else if (err == -ENOENT)
		err = json_object_set_new(o, "publication", json_null());
	if (err == 0)
		err = add_replicas(r, &newest, o, why);
	record_publication_fini(&newest);
	if (err < 0) {
		json_decref(o);
		return err;
	}
	json_object_set_new(o, "ok", json_boolean(json_integer_value(
		json_object_get(o, "behind")) == 0));
	*out = o;
	return 0;
}

void fleet_status_print(FILE *to, const json_t *object)
{
	static const struct output_field FIELDS[] = {
		{"Newest", "publication.version", ""},
		{"Published", "publication.created", ""},
		{"By", "publication.by", ""},
		{"Reason", "publication.reason", ""},
		{"Rollback of", "publication.rollback_of", ""},
		{"Roll-out", "publication.state", ""},
		{"", "publication.note", ""},
		{"Publisher", "publisher.name", ""},
		{"Epoch", "publisher.epoch", ""},
	};

	if (!json_is_object(json_object_get(object, "publication")))
		fputs("Nothing was published yet: 'edgectl publish FILE'.\n",
			to);
	output_fields(to, object, FIELDS, ARRAY_COUNT(FIELDS));
	if (json_array_size(json_object_get(object, "replicas")) == 0)
		return;
	putc('\n', to);
	replica_table_print(to, object);
}

/* ---- progress ----------------------------------------------------------- */

static int publication_state(struct record *r, struct bundle_version version,
	char state[16], char note[WHY_LEN], struct why *why)
{
	const struct record_value in[] = {record_int(version.epoch),
		record_int((int64_t)version.serial)};
	struct record_rows rows = {.rows = 0};
	/* What came after it counts for it, too: a take-over. */
	int err = record_run(r, "SELECT state, note FROM publication"
		" WHERE epoch>$1 OR (epoch=$1 AND serial>=$2)"
		" ORDER BY epoch DESC, serial DESC LIMIT 1", in, 2, &rows,
		why);

	snprintf(state, 16, "%s", record_cell(&rows, 0, 0));
	snprintf(note, WHY_LEN, "%s", record_cell(&rows, 0, 1));
	record_rows_fini(&rows);
	return err;
}

int fleet_status_line(struct record *r, struct bundle_version version,
	char *line, size_t cap, char state[16], char note[WHY_LEN],
	bool *is_settled, struct why *why)
{
	struct record_rows rows = {.rows = 0};
	int64_t open = 0;
	size_t at = 0;
	int err = publication_state(r, version, state, note, why);

	if (err == 0)
		err = record_run(r, "SELECT state, COUNT(*) FROM replica"
			" GROUP BY state ORDER BY state", NULL, 0, &rows,
			why);
	if (err < 0)
		return err;
	line[0] = '\0';
	for (size_t i = 0; i < rows.rows; i++) {
		const char *word = record_cell(&rows, i, 0);
		int64_t n = record_number(&rows, i, 1);

		if (strcmp(word, "waiting") == 0 ||
			strcmp(word, "staged") == 0 ||
			strcmp(word, "confirming") == 0)
			open += n;
		if (at < cap)
			at += (size_t)snprintf(line + at, cap - at,
				"%s%lld %s", i > 0 ? ", " : "", (long long)n,
				word);
	}
	record_rows_fini(&rows);
	*is_settled = open == 0 && (strcmp(state, "done") == 0 ||
					   strcmp(note, "activating") == 0);
	return 0;
}
