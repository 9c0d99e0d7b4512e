/*
 * Bundle to staged generation: signatures and version, rows into a file
 * built by our own schema, semantic checks, a dry run by every daemon that
 * runs. Nothing that is served changes (replication protocol B5.1-5). Trust
 * bundles end here: they have nothing to stage.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/bundle/bundle_check.h"
#include "common/run/file.h"
#include "common/store/topology.h"
#include "replication-agent/accept.h"
#include "replication-agent/keeper.h"
#include "replication-agent/vault.h"

/* ---- keys --------------------------------------------------------------- */

static int save_trust(const struct keeper *k, const struct bundle_trust *t,
	struct why *why)
{
	char *json = NULL;
	int err = bundle_trust_print(t, &json, why);

	if (err == 0)
		err = file_replace(k->dir, "trust.json", json, strlen(json),
			0600, why);
	free(json);
	return err;
}

static bool is_in_force(const struct bundle_trust *t, const struct bundle *b)
{
	struct bundle_trust came;

	return bundle_trust_parse(&came,
		       (struct str){(const char *)b->payload, b->payload_len},
		       NULL) == 0 &&
		memcmp(&came, t, sizeof(came)) == 0;
}

static void take_trust(struct keeper *k, const struct bundle *b,
	struct keeper_result *out)
{
	struct bundle_trust old;
	struct bundle_trust next;
	int err = keeper_trust(k, &old, &out->why);

	if (err == 0 && is_in_force(&old, b)) {
		out->status = 200;
		return;
	}
	if (err == 0)
		err = bundle_trust_follow(&old, b, &next, &out->why);
	if (err < 0) {
		keeper_refuse(k, out, err == EDGE_EREFUSED ? 409 : 403, err,
			"%s", out->why.text);
		return;
	}
	err = save_trust(k, &next, &out->why);
	if (err < 0) {
		keeper_refuse(k, out, 0, err, "%s", out->why.text);
		return;
	}
	out->status = 201;
	log_notice("trust.changed", "serial=%llu keys=%zu threshold=%u",
		(unsigned long long)next.serial, next.key_count,
		next.threshold);
	record_tell(k->record, "trust.changed", b->manifest.version,
		b->manifest.reason);
}

/* ---- the generation ----------------------------------------------------- */

static json_t *findings_json(const struct bundle_filling *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->count; i++)
		if (f->findings[i].is_error)
			json_array_append_new(list,
				json_pack("{s:s, s:s}", "rule",
					f->findings[i].rule, "text",
					f->findings[i].text));
	return list;
}

static int make(struct keeper *k, const struct bundle *b,
	struct generation_stage **stage, struct keeper_result *out)
{
	struct bundle_filling filling = {.bundle = b};
	int err = bundle_stage(stage, k->conf->state_dir, &filling,
		&out->why);
	int status = 0;

	if (err < 0)
		out->details = findings_json(&filling);
	bundle_filling_fini(&filling);
	if (err == 0)
		return 0;
	/* What the rows are like is the bundle's fault, the rest is ours. */
	if (err == EDGE_EREFUSED || err == EDGE_EDATABASE ||
		err == EDGE_EMALFORMED)
		status = 422;
	else if (err == EDGE_EUNKNOWN)
		status = 415;
	return keeper_refuse(k, out, status, err, "%s", out->why.text);
}

/* Read as every daemon of this machine will, by us and by each that runs. */
static int dry_run(struct keeper *k, const struct bundle *b, const char *path,
	struct keeper_result *out)
{
	struct topology *t = NULL;
	struct crew crew;
	int err = topology_load(&t, path, k->conf->machine, &out->why);

	if (err == 0 && !bundle_manifest_is_for(&b->manifest, t->pool))
		err = why_set(&out->why, EDGE_EREFUSED,
			"not made for pool %s", t->pool);
	topology_unref(t);
	if (err < 0)
		return keeper_refuse(k, out, 422, err, "%s", out->why.text);
	crew_check(&crew, k->conf, path,
		keeper_settings_now(k).check_timeout_ms);
	err = crew_judge(&crew, &out->why);
	if (err < 0) {
		out->details = crew_json(&crew);
		return keeper_refuse(k, out, 422, err, "%s", out->why.text);
	}
	return 0;
}

static void note_staged(struct record_facts *facts, const struct bundle *b,
	const struct generation_info *info)
{
	struct record_version v = {
		.is_set = true,
		.version = b->manifest.version,
		.created = b->manifest.created,
		.at = wall_now(),
	};

	memcpy(v.sha256, b->sha256, sizeof(v.sha256));
	memcpy(v.file_sha256, info->sha256, sizeof(v.file_sha256));
	if (!facts->staged.is_set ||
		strcmp(facts->staged.sha256, v.sha256) != 0)
		facts->is_staged_wanted = false;
	facts->staged = v;
	if (bundle_version_compare(v.version, facts->highest.version) > 0) {
		facts->highest.version = v.version;
		memcpy(facts->highest.sha256, v.sha256, sizeof(v.sha256));
	}
	if (v.version.epoch > facts->fence)
		facts->fence = v.version.epoch;
}

int keeper_build(struct keeper *k, const struct bundle *b,
	const struct bundle_bytes *file, struct record_facts *facts,
	struct keeper_result *out)
{
	struct generation_stage *stage = NULL;
	int err = make(k, b, &stage, out);

	if (err < 0)
		return err;
	err = dry_run(k, b, generation_stage_info(stage)->path, out);
	if (err < 0)
		goto out;
	err = vault_put(k->dir, b->sha256, file->p, file->len, &out->why);
	if (err == 0) {
		note_staged(facts, b, generation_stage_info(stage));
		err = record_put(k->record, facts, &out->why);
	}
	if (err < 0) {
		keeper_refuse(k, out, 0, err, "%s", out->why.text);
		goto out;
	}
	generation_park(stage);
	stage = NULL;
out:
	generation_discard(stage);
	return err;
}

/* ---- the order ---------------------------------------------------------- */

/* Here already: current, or staged and its file there. */
static bool is_held(struct keeper *k, const struct record_facts *facts,
	const struct bundle *b)
{
	struct generation_stage *stage = NULL;

	if (strcmp(k->view.current.manifest_sha256, b->sha256) == 0)
		return true;
	if (!facts->staged.is_set ||
		strcmp(facts->staged.sha256, b->sha256) != 0 ||
		generation_stage_resume(&stage, k->conf->state_dir,
			facts->staged.version.epoch,
			facts->staged.version.serial,
			facts->staged.file_sha256, NULL) < 0)
		return false;
	generation_park(stage);
	return true;
}

/* A signed bundle of a later epoch proves a new publisher, whatever becomes
 * of the bundle. */
static int raise_fence(struct keeper *k, struct record_facts *facts,
	const struct bundle *b, struct keeper_result *out)
{
	int err;

	if (b->manifest.version.epoch <= facts->fence)
		return 0;
	facts->fence = b->manifest.version.epoch;
	err = record_keep(k->record, facts, &out->why);
	return err < 0 ? keeper_refuse(k, out, 0, err, "%s", out->why.text) :
			 0;
}

static void alarm_conflict(struct keeper *k, const struct bundle *b)
{
	log_error("bundle.conflict", "version=%u.%llu sha256=%s",
		(unsigned)b->manifest.version.epoch,
		(unsigned long long)b->manifest.version.serial, b->sha256);
	record_tell(k->record, "bundle.conflict", b->manifest.version,
		b->sha256);
}

static void stage_topology(struct keeper *k, const struct bundle *b,
	const struct bundle_bytes *file, const struct accept_ground *ground,
	struct record_facts *facts, struct keeper_result *out)
{
	enum accept_verdict verdict = accept_judge(b, ground, &out->why);

	if (verdict == ACCEPT_CONFLICT)
		alarm_conflict(k, b);
	/* Signed, and only of no use here: the epoch counts all the same. */
	if ((verdict == ACCEPT_UNKNOWN || verdict == ACCEPT_FOREIGN) &&
		raise_fence(k, facts, b, out) < 0)
		return;
	if (verdict != ACCEPT_NEW && verdict != ACCEPT_KNOWN) {
		keeper_refuse(k, out, accept_status(verdict), EDGE_EREFUSED,
			"%s", out->why.text);
		return;
	}
	keeper_note_current(k, facts);
	if (verdict == ACCEPT_KNOWN && is_held(k, facts, b)) {
		out->status = 200;
		return;
	}
	if (raise_fence(k, facts, b, out) < 0 ||
		keeper_build(k, b, file, facts, out) < 0)
		return;
	out->status = 201;
	log_notice("bundle.staged", "version=%u.%llu rows=%llu bytes=%zu",
		(unsigned)out->version.epoch,
		(unsigned long long)out->version.serial,
		(unsigned long long)b->rows, file->len);
	record_tell(k->record, "bundle.staged", out->version,
		b->manifest.reason);
}

void keeper_stage(struct keeper *k, const void *bytes, size_t len,
	const char *sha256, const struct bundle_version *version,
	struct keeper_result *out)
{
	const struct bundle_bytes file = {(uint8_t *)(uintptr_t)bytes, len,
		""};
	struct bundle_trust trust;
	struct record_facts facts;
	struct bundle b;
	struct accept_ground ground = {
		.trust = &trust,
		.highest = &facts.highest,
		.pool = "",
		.now = wall_now(),
		.sha256 = sha256,
		.version = version,
	};
	int err = bundle_read(&b, bytes, len, &out->why);

	if (err < 0) {
		keeper_refuse(k, out, err == EDGE_EFORGED ? 400 : 0, err,
			"%s", out->why.text);
		return;
	}
	out->version = b.manifest.version;
	memcpy(out->sha256, b.sha256, sizeof(out->sha256));
	record_get(k->record, &facts);
	ground.fence = facts.fence;
	err = keeper_trust(k, &trust, &out->why);
	if (err < 0)
		keeper_refuse(k, out, 403, err, "%s", out->why.text);
	else if (b.manifest.type == BUNDLE_TRUST)
		take_trust(k, &b, out);
	else
		stage_topology(k, &b, &file, &ground, &facts, out);
	bundle_fini(&b);
}
