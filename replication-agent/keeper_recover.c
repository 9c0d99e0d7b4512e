/*
 * The start after a death: an intent is finished or dropped, a half-made
 * way back is gone to its end, and a store that can't be read is mended
 * from what is there (replication protocol B5, start-up). Availability
 * before freshness: whatever can be served is served.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "replication-agent/keeper.h"
#include "replication-agent/vault.h"

static bool is_current(const struct keeper *k, const struct record_version *v)
{
	return strcmp(k->view.current.manifest_sha256, v->sha256) == 0;
}

static void finish_revert(struct keeper *k, struct record_facts *facts)
{
	struct generation_info now;
	struct why why = {""};
	int err = 0;

	keeper_pin(k, "reverted: finished after a restart");
	if (is_current(k, &facts->active))
		err = generation_retract(k->conf->state_dir,
			facts->intent_previous[0] != '\0' ?
				facts->intent_previous : NULL, &now, &why);
	facts->is_reverting = false;
	log_error("generation.reverted", "text=%s",
		log_qz(err < 0 ? why_text(&why, err) : "after a restart"));
	record_tell(k->record, "generation.reverted", facts->active.version,
		"finished after a restart");
}

static void settle_intent(struct keeper *k, struct record_facts *facts)
{
	const bool is_done = is_current(k, &facts->intent);

	if (is_done) {
		facts->active = facts->intent;
		facts->staged.is_set = false;
		facts->is_staged_wanted = false;
	}
	log_notice("intent.settled", "version=%u.%llu done=%d",
		(unsigned)facts->intent.version.epoch,
		(unsigned long long)facts->intent.version.serial, is_done);
	record_tell(k->record, "intent.settled", facts->intent.version,
		is_done ? "finished" : "dropped");
	facts->intent.is_set = false;
}

/* ---- a store that can't be read ----------------------------------------- */

static int from_bundle(struct keeper *k, struct record_facts *facts,
	struct why *why)
{
	struct keeper_result result = {.status = 0};
	struct generation_stage *stage = NULL;
	struct bundle_bytes file;
	struct bundle_trust trust;
	struct bundle b;
	int err = keeper_trust(k, &trust, why);

	if (err == 0)
		err = vault_newest(k->dir, &trust, facts->highest.version,
			&file, why);
	if (err < 0)
		return err;
	err = bundle_read(&b, file.p, file.len, why);
	if (err < 0)
		goto out;
	err = keeper_build(k, &b, &file, facts, &result);
	if (err == 0)
		err = generation_stage_resume(&stage, k->conf->state_dir,
			b.manifest.version.epoch, b.manifest.version.serial,
			facts->staged.file_sha256, why);
	else
		*why = result.why;
	if (err == 0)
		err = generation_activate(stage, why);
	if (err == 0) {
		facts->active = facts->staged;
		facts->staged.is_set = false;
	}
	bundle_fini(&b);
out:
	keeper_result_fini(&result);
	bundle_bytes_fini(&file);
	return err;
}

static void mend(struct keeper *k, struct record_facts *facts)
{
	struct generation_info now;
	struct why why = {""};
	const char *how = "previous";
	int err = generation_rollback(k->conf->state_dir, &now, &why);

	if (err < 0) {
		how = "bundle";
		err = from_bundle(k, facts, &why);
	}
	if (err < 0) {
		log_error("topology.lost", "text=%s",
			log_qz(why_text(&why, err)));
		return;
	}
	log_error("topology.mended", "from=%s", how);
	record_tell(k->record, "topology.mended", facts->highest.version,
		how);
}

/* Was anything ever current here? A new host has nothing to mend. */
static bool had_current(const struct keeper *k)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/topology/current",
		k->conf->state_dir);
	return lstat(path, &st) == 0;
}

/* ---- the whole ---------------------------------------------------------- */

/* A bootstrap, or a record that was lost: what is current was seen. */
void keeper_note_highest(const struct keeper *k, struct record_facts *facts)
{
	const struct generation_info *now = &k->view.current;
	const struct bundle_version v = {now->epoch, now->serial};

	if (now->manifest_sha256[0] == '\0' ||
		bundle_version_compare(v, facts->highest.version) <= 0)
		return;
	facts->highest.version = v;
	memcpy(facts->highest.sha256, now->manifest_sha256,
		sizeof(facts->highest.sha256));
	if (v.epoch > facts->fence)
		facts->fence = v.epoch;
	if (!facts->active.is_set || !is_current(k, &facts->active)) {
		facts->active = (struct record_version){
			.is_set = true,
			.version = v,
			.created = now->created,
			.at = wall_now(),
		};
		memcpy(facts->active.sha256, now->manifest_sha256,
			sizeof(facts->active.sha256));
	}
}

int keeper_recover(struct keeper *k, struct why *why)
{
	struct record_facts facts;
	struct why none = {""};

	record_get(k->record, &facts);
	keeper_note_current(k, &facts);
	if (facts.is_reverting)
		finish_revert(k, &facts);
	if (facts.intent.is_set)
		settle_intent(k, &facts);
	if (generation_stage_clear(k->conf->state_dir, &none) < 0)
		log_debug("stage.kept", "text=%s", log_qz(none.text));
	if (k->view.current.path[0] == '\0' &&
		(had_current(k) || facts.active.is_set))
		mend(k, &facts);
	keeper_note_current(k, &facts);
	keeper_note_highest(k, &facts);
	return record_put(k->record, &facts, why);
}
