/*
 * The network side of a publisher: bundles, activations and questions to the
 * agents, and what they answer, told to the roll-out and kept for the record.
 * Heads and keys are publisher_heads.c's.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/bundle/bundle_wire.h"
#include "common/store/sql.h"
#include "edgectl/publish/publisher_priv.h"

/* ---- machines ----------------------------------------------------------- */

static const char MACHINES[] =
	"SELECT m.fqdn, p.fqdn, n.address, e.port, m.state='disabled'"
	" FROM machine m JOIN pool p USING(pool_id) JOIN service s"
	" USING(pool_id) JOIN endpoint e USING(service_id)"
	" JOIN net_interface n ON n.machine_id=m.machine_id"
	"  AND n.side=e.side AND n.number=e.iface_number"
	" WHERE e.component='ReplicationService' AND e.enabled=1"
	" GROUP BY m.machine_id ORDER BY p.fqdn, m.ordinal";

struct loading {
	struct publisher *p;
	struct record_replica *rows; /* of the record */
	size_t row_count;
	struct rollout_member *members;
	struct publisher_edge *edges;
	size_t count;
};

static int dup_text(char **out, const char *text)
{
	*out = strdup(text);
	return *out != NULL ? 0 : -ENOMEM;
}

static int take_row(struct loading *l, struct publisher_edge *e)
{
	int err = 0;

	snprintf(e->row.fqdn, sizeof(e->row.fqdn), "%s", e->target.fqdn);
	snprintf(e->row.pool, sizeof(e->row.pool), "%s", e->target.pool);
	for (size_t i = 0; i < l->row_count; i++) {
		const struct record_replica *old = &l->rows[i];

		if (strcmp(old->fqdn, e->target.fqdn) != 0)
			continue;
		e->row.last_report = old->last_report;
		e->row.behind_since = old->behind_since;
		e->row.failures = old->failures;
		err = dup_text(&e->row.status, old->status);
		if (err == 0)
			err = dup_text(&e->row.certificate, old->certificate);
		if (err == 0)
			err = dup_text(&e->row.error, old->error);
		break;
	}
	if (err == 0 && e->row.status == NULL)
		err = dup_text(&e->row.status, "");
	if (err == 0 && e->row.certificate == NULL)
		err = dup_text(&e->row.certificate, "");
	if (err == 0 && e->row.error == NULL)
		err = dup_text(&e->row.error, "");
	return err == 0 ? dup_text(&e->row.state, "waiting") : err;
}

static int take_machine(struct loading *l, struct sqlite3_stmt *stmt)
{
	struct rollout_member *members = realloc(l->members,
		(l->count + 1) * sizeof(*members));
	struct publisher_edge *edges;
	struct rollout_member *m;
	struct publisher_edge *e;

	if (members == NULL)
		return -ENOMEM;
	l->members = members;
	edges = realloc(l->edges, (l->count + 1) * sizeof(*edges));
	if (edges == NULL)
		return -ENOMEM;
	l->edges = edges;
	m = &members[l->count];
	e = &edges[l->count];
	memset(m, 0, sizeof(*m));
	memset(e, 0, sizeof(*e));
	snprintf(m->fqdn, sizeof(m->fqdn), "%s", sql_text(stmt, 0));
	snprintf(e->target.fqdn, sizeof(e->target.fqdn), "%s", m->fqdn);
	snprintf(e->target.pool, sizeof(e->target.pool), "%s",
		sql_text(stmt, 1));
	snprintf(e->target.address, sizeof(e->target.address), "%s",
		sql_text(stmt, 2));
	e->target.port = (uint16_t)sqlite3_column_int(stmt, 3);
	e->is_disabled = sqlite3_column_int(stmt, 4) != 0;
	m->pool = l->count == 0 ? 0 : members[l->count - 1].pool +
		(strcmp(edges[l->count - 1].target.pool, e->target.pool) != 0);
	l->count++;
	return take_row(l, e);
}

static int read_machines(struct loading *l, struct why *why)
{
	struct sqlite3_stmt *stmt = NULL;
	int err = sql_query(&stmt, l->p->edition.db, why, MACHINES, "");

	while (err == 0 && (err = sql_next(stmt, why)) == 1)
		err = take_machine(l, stmt);
	sqlite3_finalize(stmt);
	return err;
}

/* Those who publish are told of one that they name; of one that was in the
 * topology when publisher.yaml was written, the log. */
static void tell_unknown_canaries(const struct loading *l)
{
	const struct publish_conf *conf = l->p->conf;

	for (size_t k = 0; k < conf->canary_count; k++) {
		bool is_there = false;

		for (size_t i = 0; i < l->count && !is_there; i++)
			is_there = strcmp(conf->canaries[k],
				l->members[i].fqdn) == 0;
		if (!is_there)
			log_warning("publisher.canary_unknown", "machine=%s",
				log_qz(conf->canaries[k]));
	}
}

static void mark_members(struct loading *l)
{
	const struct publish_conf *conf = l->p->conf;

	for (size_t i = 0; i < l->count; i++) {
		struct rollout_member *m = &l->members[i];
		const struct publisher_edge *e = &l->edges[i];

		/* Known to be away: it does not count as a failure. */
		m->was_away = e->is_disabled || e->row.failures > 0 ||
			e->row.last_report.s == 0;
		for (size_t k = 0; k < conf->canary_count; k++)
			m->is_named |= strcmp(conf->canaries[k], m->fqdn) == 0;
	}
}

static void free_edges(struct publisher_edge *edges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(edges[i].row.state);
		free(edges[i].row.error);
		free(edges[i].row.status);
		free(edges[i].row.certificate);
		bundle_bytes_fini(&edges[i].own);
	}
	free(edges);
}

/* Rows of machines that are in no topology any more. */
static int forget_others(struct loading *l, struct why *why)
{
	int err = 0;

	for (size_t i = 0; i < l->row_count && err == 0; i++) {
		bool is_there = false;

		for (size_t k = 0; k < l->count && !is_there; k++)
			is_there = strcmp(l->rows[i].fqdn,
				l->edges[k].target.fqdn) == 0;
		if (!is_there)
			err = record_drop_replica(l->p->record,
				l->rows[i].fqdn, why);
	}
	return err;
}

int publisher_load_edges(struct publisher *p, struct why *why)
{
	struct loading l = {.p = p};
	int err = record_list_replicas(p->record, &l.rows, &l.row_count, why);

	publisher_drop_edges(p);
	if (err == 0)
		err = edition_open(&p->edition, p->newest.bundle,
			p->newest.bundle_len, !p->conf->is_all, why);
	if (err == 0)
		err = read_machines(&l, why);
	if (err == 0)
		err = forget_others(&l, why);
	if (err == 0)
		err = edge_calls_new(&p->calls, p->conf, why);
	if (err == 0) {
		snprintf(p->activate, sizeof(p->activate),
			"{\"epoch\":%u,\"serial\":%" PRIu64
			",\"sha256\":\"%s\"}", p->newest.version.epoch,
			p->newest.version.serial, p->newest.sha256);
		mark_members(&l);
		tell_unknown_canaries(&l);
		p->edges = l.edges;
		for (size_t i = 0; i < l.count; i++)
			p->edges[i].is_dirty = true;
		rollout_begin(&p->rollout, l.members, l.count, mono_now());
	} else {
		free_edges(l.edges, l.count);
		free(l.members);
	}
	record_replicas_free(l.rows, l.row_count);
	return err;
}

void publisher_drop_edges(struct publisher *p)
{
	if (p->calls != NULL)
		p->bytes += edge_calls_bytes(p->calls);
	edge_calls_free(p->calls);
	p->calls = NULL;
	edition_close(&p->edition);
	memset(&p->mirror, 0, sizeof(p->mirror));
	free_edges(p->edges, p->rollout.count);
	p->edges = NULL;
	rollout_fini(&p->rollout);
	bundle_bytes_fini(&p->head);
	p->head_next = (struct mono){0};
	bundle_bytes_fini(&p->trust);
}

/* ---- answers ------------------------------------------------------------ */

static void replace(char **field, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return; /* the old text stays */
	free(*field);
	*field = copy;
}

void publisher_note_reply(struct publisher *p, size_t i,
	const struct edge_reply *reply)
{
	struct publisher_edge *e = &p->edges[i];

	e->is_dirty = true;
	if (reply->err < 0) {
		if (e->row.failures < UINT32_MAX)
			e->row.failures++;
		return;
	}
	e->row.failures = 0;
	e->row.last_report = wall_now();
	if (reply->certificate != NULL &&
		strcmp(reply->certificate, e->row.certificate) != 0)
		replace(&e->row.certificate, reply->certificate);
}

/* The text goes into the row with the state, see publisher_drive(). */
static void tell(struct publisher *p, size_t i, enum rollout_event event,
	const char *text)
{
	rollout_told(&p->rollout, i, event, text, mono_now());
}

static void on_status(void *arg, size_t i, const struct edge_reply *reply)
{
	struct publisher *p = arg;
	enum rollout_event event = ROLLOUT_IS_AWAY;
	char text[PUBLISHER_TEXT_MAX];
	char *json;

	publisher_note_reply(p, i, reply);
	if (reply->err < 0 || reply->status != 200) {
		tell(p, i, event, publisher_error_text(reply, text));
		return;
	}
	json = json_dumps(reply->body, JSON_COMPACT);
	if (json != NULL) {
		free(p->edges[i].row.status);
		p->edges[i].row.status = json;
	}
	event = publisher_judge(reply->body, p->newest.version, text,
		sizeof(text));
	/* Not having it is what brings it there; only a refusal stays. */
	tell(p, i, event, text);
}

static void on_put(void *arg, size_t i, const struct edge_reply *reply)
{
	struct publisher *p = arg;
	char text[PUBLISHER_TEXT_MAX];
	const char *said = publisher_error_text(reply, text);

	bundle_bytes_fini(&p->edges[i].own);
	publisher_note_reply(p, i, reply);
	if (reply->err < 0)
		tell(p, i, ROLLOUT_IS_AWAY, said);
	else if (reply->status == 200 || reply->status == 201)
		tell(p, i, ROLLOUT_IS_STAGED, "");
	else if (reply->status == 503 || reply->status == 404)
		tell(p, i, ROLLOUT_IS_AWAY, said);
	else
		tell(p, i, ROLLOUT_SAYS_NO, said);
}

static void on_activate(void *arg, size_t i, const struct edge_reply *reply)
{
	struct publisher *p = arg;
	char text[PUBLISHER_TEXT_MAX];
	const char *said = publisher_error_text(reply, text);

	publisher_note_reply(p, i, reply);
	if (reply->err < 0)
		/* It may have heard us: its status will say. */
		tell(p, i, ROLLOUT_IS_PENDING, said);
	else if (reply->status == 200 || reply->status == 202)
		/* Its daemons have the last word, in its status. */
		tell(p, i, ROLLOUT_IS_PENDING, "");
	else if (reply->status == 404)
		tell(p, i, ROLLOUT_IS_BEHIND, said);
	else if (reply->status == 409)
		tell(p, i, ROLLOUT_IS_PINNED, said);
	else if (reply->status == 503)
		tell(p, i, ROLLOUT_IS_AWAY, said);
	else
		tell(p, i, ROLLOUT_SAYS_NO, said);
}

/* ---- requests ----------------------------------------------------------- */

static int start(struct publisher *p, size_t i, const struct edge_call *call)
{
	return edge_calls_start(p->calls, &p->edges[i].target, call);
}

static int start_put(struct publisher *p, size_t i, struct why *why)
{
	struct publisher_edge *e = &p->edges[i];
	char version[BUNDLE_VERSION_LEN];
	char path[160];
	struct edge_call call = {
		.method = "PUT",
		.path = path,
		.type = BUNDLE_CONTENT_TYPE,
		.version = bundle_version_text(p->newest.version, version),
		.done = on_put,
		.arg = p,
		.tag = i,
	};
	int err = edition_for(&e->own, &p->edition, e->target.pool, why);

	if (err < 0)
		return err;
	call.body = e->own.p != NULL ? e->own.p : p->newest.bundle;
	call.len = e->own.p != NULL ? e->own.len : p->newest.bundle_len;
	snprintf(path, sizeof(path), "%s%s", BUNDLE_PATH_BUNDLES,
		p->newest.sha256);
	err = start(p, i, &call);
	if (err < 0)
		bundle_bytes_fini(&e->own);
	return err;
}

static int start_activate(struct publisher *p, size_t i)
{
	const struct edge_call call = {
		.method = "POST",
		.path = BUNDLE_PATH_ACTIVATE,
		.body = p->activate,
		.len = strlen(p->activate),
		.type = "application/json",
		.done = on_activate,
		.arg = p,
		.tag = i,
	};

	return start(p, i, &call);
}

static int start_ask(struct publisher *p, size_t i)
{
	const struct edge_call call = {
		.method = "GET",
		.path = BUNDLE_PATH_STATUS,
		.done = on_status,
		.arg = p,
		.tag = i,
	};

	return start(p, i, &call);
}

static void begin(struct publisher *p, size_t i, enum rollout_todo todo)
{
	struct why why = {""};
	int err = 0;

	switch (todo) {
	case ROLLOUT_NOTHING:
		return;
	case ROLLOUT_PUT:
		err = start_put(p, i, &why);
		break;
	case ROLLOUT_ACTIVATE:
		err = start_activate(p, i);
		break;
	case ROLLOUT_ASK:
		err = start_ask(p, i);
		break;
	}
	if (err == 0)
		rollout_started(&p->rollout, i, todo, mono_now());
	else
		tell(p, i, ROLLOUT_IS_AWAY, why_text(&why, err));
}

/* ---- driving ------------------------------------------------------------ */

/* What the record shall say of it. */
static void follow_member(struct publisher *p, size_t i)
{
	const struct rollout_member *m = &p->rollout.members[i];
	struct publisher_edge *e = &p->edges[i];
	const char *word = rollout_member_word(m);
	bool is_behind = m->state != ROLLOUT_ACTIVE;

	if (strcmp(word, e->row.state) != 0) {
		replace(&e->row.state, word);
		e->is_dirty = true;
	}
	if (strcmp(m->error, e->row.error) != 0) {
		replace(&e->row.error, m->error);
		e->is_dirty = true;
	}
	if (is_behind == (e->row.behind_since.s != 0))
		return;
	e->row.behind_since.s = is_behind ? wall_now().s : 0;
	e->is_dirty = true;
}

void publisher_drive(struct publisher *p)
{
	struct mono now = mono_now();

	if (p->calls == NULL)
		return;
	rollout_step(&p->rollout, now);
	publisher_heads_renew(p, now);
	for (size_t i = 0; i < p->rollout.count; i++) {
		follow_member(p, i);
		if (edge_calls_count(p->calls) >= p->conf->parallel)
			continue;
		begin(p, i, rollout_todo(&p->rollout, i, now));
		publisher_heads_send(p, i, now);
	}
	publisher_mirror_drive(p, now);
}

/* Only what was committed is clean. */
static void set_clean(struct publisher *p)
{
	for (size_t i = 0; i < p->rollout.count; i++)
		p->edges[i].is_dirty = false;
}

int publisher_write(struct publisher *p, struct why *why)
{
	bool is_any = false;
	int err = 0;

	for (size_t i = 0; i < p->rollout.count && err == 0; i++) {
		if (!p->edges[i].is_dirty)
			continue;
		if (!is_any)
			err = record_run(p->record, "BEGIN", NULL, 0, NULL,
				why);
		is_any = true;
		if (err == 0)
			err = record_put_status(p->record, &p->edges[i].row,
				why);
	}
	if (!is_any)
		return 0;
	if (err == 0)
		err = record_run(p->record, "COMMIT", NULL, 0, NULL, why);
	else if (record_run(p->record, "ROLLBACK", NULL, 0, NULL, NULL) < 0)
		return err;
	if (err == 0)
		set_clean(p);
	return err == 0 ? record_notify(p->record, why) : err;
}
