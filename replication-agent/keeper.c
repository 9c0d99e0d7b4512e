/*
 * The keeper's own things: what it knows, what it shows, how a refusal
 * becomes an answer. The orders are in the other files of its name.
 */
#include "replication-agent/keeper.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/run/file.h"
#include "replication-agent/accept.h"

#define TRUST_NAME "trust.json"
#define HEAD_NAME  "head.edgb"

void keeper_result_fini(struct keeper_result *r)
{
	json_decref(r->details);
	r->details = NULL;
}

/* ---- refusals ----------------------------------------------------------- */

static int status_of(int err)
{
	switch (err) {
	case EDGE_EBUSY:
		return 503;
	case EDGE_ETOOBIG:
		return 413;
	case EDGE_EFORGED:
	case EDGE_EREFUSED:
		return 403;
	case EDGE_EMALFORMED:
		return 400;
	case -ENOSPC:
	case -EROFS:
	case -EDQUOT:
	case -EFBIG:
		return 507;
	default:
		return 500;
	}
}

int keeper_refuse(struct keeper *k, struct keeper_result *out, int status,
	int err, const char *fmt, ...)
{
	struct record_facts facts;
	char text[WHY_LEN];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	out->status = status != 0 ? status : status_of(err);
	why_set(&out->why, err, "%s", text);
	log_warning("order.refused", "status=%d version=%u.%llu text=%s",
		out->status, (unsigned)out->version.epoch,
		(unsigned long long)out->version.serial, log_qz(text));
	record_get(k->record, &facts);
	facts.last_error.at = wall_now();
	snprintf(facts.last_error.code, sizeof(facts.last_error.code), "%s",
		err_name(err));
	snprintf(facts.last_error.text, sizeof(facts.last_error.text), "%s",
		text);
	record_tell(k->record, "order.refused", out->version, text);
	keeper_keep(k, &facts);
	return err;
}

/* ---- what it knows ------------------------------------------------------ */

int keeper_trust(const struct keeper *k, struct bundle_trust *out,
	struct why *why)
{
	char path[PATH_MAX + sizeof(TRUST_NAME) + 1];
	int err;

	snprintf(path, sizeof(path), "%s/%s", k->dir, TRUST_NAME);
	err = bundle_trust_load(out, path, why);
	if (err == -ENOENT)
		return why_set(why, err,
			"no publisher is trusted here yet: 'edgectl "
			"replication bootstrap' puts trust.json in place");
	return err;
}

bool keeper_is_behind(const struct keeper_view *view)
{
	return view->head.is_set &&
		strcmp(view->head.of, view->current.manifest_sha256) != 0;
}

static void read_current(struct keeper *k, struct generation_info *out)
{
	struct sqlite3 *db = NULL;
	char path[512];
	int err;

	memset(out, 0, sizeof(*out));
	err = generation_current_path(k->conf->state_dir, path, sizeof(path),
		NULL);
	/* A generation never changes, and reading one costs: it is hashed and
	 * looked through. Only we write the view, so no lock to read it. */
	if (err == 0 && strcmp(path, k->view.current.path) == 0) {
		*out = k->view.current;
		return;
	}
	if (err == 0)
		err = generation_open(&db, path, NULL);
	if (err == 0)
		err = generation_read_info(db, path, out, NULL);
	if (err < 0)
		memset(out, 0, sizeof(*out));
	sqlite3_close(db);
}

void keeper_note_current(struct keeper *k, struct record_facts *facts)
{
	struct generation_info current;

	read_current(k, &current);
	pthread_mutex_lock(&k->lock);
	k->view.current = current;
	k->view.is_watching = k->watch.is_on;
	if (!keeper_is_behind(&k->view))
		facts->behind_since.s = 0;
	else if (facts->behind_since.s == 0)
		facts->behind_since = wall_now();
	pthread_mutex_unlock(&k->lock);
}

void keeper_see(struct keeper *k, struct keeper_view *out)
{
	pthread_mutex_lock(&k->lock);
	*out = k->view;
	pthread_mutex_unlock(&k->lock);
}

void keeper_set(struct keeper *k, const struct keeper_settings *settings)
{
	pthread_mutex_lock(&k->lock);
	k->view.settings = *settings;
	pthread_mutex_unlock(&k->lock);
}

void keeper_count(struct keeper *k, bool is_reverted)
{
	pthread_mutex_lock(&k->lock);
	if (is_reverted)
		k->view.reverted++;
	else
		k->view.activated++;
	pthread_mutex_unlock(&k->lock);
}

struct keeper_settings keeper_settings_now(struct keeper *k)
{
	struct keeper_settings settings;

	pthread_mutex_lock(&k->lock);
	settings = k->view.settings;
	pthread_mutex_unlock(&k->lock);
	return settings;
}

/* ---- heads -------------------------------------------------------------- */

static void hold_head(struct keeper *k, const struct bundle_manifest *m)
{
	pthread_mutex_lock(&k->lock);
	k->view.head = (struct keeper_head){
		.is_set = true,
		.version = m->version,
		.created = m->created,
		.expires = m->expires,
	};
	memcpy(k->view.head.of, m->of, sizeof(m->of));
	pthread_mutex_unlock(&k->lock);
}

/* As accept_judge_head() wants the one we hold. */
static const struct bundle *held_head(const struct keeper *k,
	struct bundle *room)
{
	if (!k->view.head.is_set)
		return NULL;
	memset(room, 0, sizeof(*room));
	room->manifest.version = k->view.head.version;
	room->manifest.created = k->view.head.created;
	return room;
}

static int judge_head(struct keeper *k, const struct bundle *b,
	const struct record_facts *facts, struct keeper_result *out)
{
	struct bundle_trust trust;
	struct bundle room;
	enum accept_verdict verdict;
	int err = keeper_trust(k, &trust, &out->why);
	const struct accept_ground ground = {
		.trust = &trust,
		.highest = &facts->highest,
		.fence = facts->fence,
		.now = wall_now(),
	};

	if (err < 0)
		return keeper_refuse(k, out, 403, err, "%s", out->why.text);
	verdict = accept_judge_head(b, &ground, held_head(k, &room),
		&out->why);
	if (verdict != ACCEPT_NEW)
		return keeper_refuse(k, out, accept_status(verdict),
			EDGE_EREFUSED, "%s", out->why.text);
	return 0;
}

void keeper_take_head(struct keeper *k, const void *bytes, size_t len,
	struct keeper_result *out)
{
	struct record_facts facts;
	struct bundle b;
	int err = bundle_read(&b, bytes, len, &out->why);

	if (err < 0) {
		keeper_refuse(k, out, 0, err, "%s", out->why.text);
		return;
	}
	out->version = b.manifest.version;
	record_get(k->record, &facts);
	err = judge_head(k, &b, &facts, out);
	if (err == 0) {
		hold_head(k, &b.manifest);
		if (b.manifest.version.epoch > facts.fence)
			facts.fence = b.manifest.version.epoch;
		keeper_note_current(k, &facts);
		/* The epoch was seen: a full disk is no door for an older
		 * one. */
		err = record_keep(k->record, &facts, &out->why);
		if (err == 0)
			err = file_replace(k->dir, HEAD_NAME, bytes, len, 0600,
				&out->why);
		out->status = 204;
		if (err < 0)
			keeper_refuse(k, out, 0, err, "%s", out->why.text);
	}
	bundle_fini(&b);
}

/* The head of before, when our keys still vouch for it. */
static void load_head(struct keeper *k)
{
	struct bundle_trust trust;
	struct bundle_bytes file;
	struct bundle b;
	char path[PATH_MAX + sizeof(HEAD_NAME) + 1];

	snprintf(path, sizeof(path), "%s/%s", k->dir, HEAD_NAME);
	if (keeper_trust(k, &trust, NULL) < 0 ||
		bundle_load_file(&file, path, NULL) < 0)
		return;
	if (bundle_read(&b, file.p, file.len, NULL) == 0) {
		if (b.manifest.type == BUNDLE_HEAD &&
			bundle_trust_verify(&trust, &b, NULL) == 0)
			hold_head(k, &b.manifest);
		bundle_fini(&b);
	}
	bundle_bytes_fini(&file);
}

/* ---- life --------------------------------------------------------------- */

int keeper_init(struct keeper *k, const struct conf *conf, struct why *why)
{
	struct record_facts facts;
	int err;

	memset(k, 0, sizeof(*k));
	k->conf = conf;
	pthread_mutex_init(&k->lock, NULL);
	k->view.settings = (struct keeper_settings){
		.confirm_ms = 60000,
		.check_timeout_ms = 10000,
		.auto_revert = true,
	};
	snprintf(k->dir, sizeof(k->dir), "%s/%s", conf->state_dir,
		conf_daemon_name(CONF_REPLICATION_AGENT));
	err = record_open(&k->record, k->dir, why);
	if (err < 0)
		return err;
	if (err == 1)
		log_error("record.lost", "text=%s", log_qz(why->text));
	load_head(k);
	record_get(k->record, &facts);
	keeper_note_current(k, &facts);
	return 0;
}

void keeper_fini(struct keeper *k)
{
	record_close(k->record);
	k->record = NULL;
	if (k->conf != NULL)
		pthread_mutex_destroy(&k->lock);
	k->conf = NULL;
}
