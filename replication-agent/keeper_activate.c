/*
 * Staged to current: intent, switch, everybody reloads, everybody is looked
 * at for a while; and back again when somebody refuses or keeps crashing
 * (replication protocol B5.6-7). The switch itself is common/store's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "replication-agent/keeper.h"
#include "replication-agent/vault.h"

/* ---- back --------------------------------------------------------------- */

static void fail(struct keeper *k, struct record_facts *facts,
	const char *event, const char *text)
{
	facts->last_error.at = wall_now();
	snprintf(facts->last_error.code, sizeof(facts->last_error.code), "%s",
		event);
	snprintf(facts->last_error.text, sizeof(facts->last_error.text), "%s",
		text);
	record_tell(k->record, event, facts->active.version, text);
}

/* In nobody's way for good: whoever holds the store lets go of it, a disk
 * can be written again. Until then every look tries. */
static void go_back(struct keeper *k, struct record_facts *facts,
	const char *reason)
{
	struct generation_info now;
	struct why why = {""};
	struct crew crew;
	int err = generation_retract(k->conf->state_dir,
		facts->intent_previous[0] != '\0' ?
			facts->intent_previous : NULL, &now, &why);

	facts->is_reverting = err < 0 && err != EDGE_EUNKNOWN;
	if (err < 0) {
		log_error("generation.stuck", "text=%s",
			log_qz(why_text(&why, err)));
		if (strcmp(facts->last_error.code, "generation.stuck") != 0)
			fail(k, facts, "generation.stuck",
				why_text(&why, err));
	} else {
		log_error("generation.reverted", "text=%s", log_qz(reason));
		fail(k, facts, "generation.reverted", reason);
		keeper_count(k, true);
	}
	keeper_note_current(k, facts);
	keeper_keep(k, facts);
	crew_reload(&crew, k->conf, keeper_settings_now(k).check_timeout_ms);
}

/* Told by its flag in the record first, so that a death on the way is
 * finished at the next start. */
void keeper_revert(struct keeper *k, struct record_facts *facts,
	const char *reason)
{
	char text[256];

	watch_stop(&k->watch);
	snprintf(text, sizeof(text), "reverted: %.200s", reason);
	facts->is_reverting = true;
	/* A disk that is full keeps the way back from nobody: it takes no
	 * room. */
	keeper_keep(k, facts);
	keeper_pin(k, text);
	go_back(k, facts, reason);
}

/* True when one was owed: there is nothing else to look for. */
static bool revert_again(struct keeper *k)
{
	struct record_facts facts;
	struct pin pin;

	record_get(k->record, &facts);
	if (!facts.is_reverting)
		return false;
	if (strcmp(k->view.current.manifest_sha256, facts.active.sha256) == 0 &&
		keeper_is_pinned(k, &k->view, &pin)) {
		go_back(k, &facts, pin.reason);
		return true;
	}
	/* Somebody else went away from it, or wants it. */
	facts.is_reverting = false;
	keeper_keep(k, &facts);
	return false;
}

/* ---- looking ------------------------------------------------------------ */

static void hear_all(struct keeper *k, const struct crew *crew)
{
	char version[GENERATION_VERSION_LEN];

	generation_version_text(k->view.current.epoch,
		k->view.current.serial, version);
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++) {
		const struct crew_report *row = &crew->rows[i];

		if (row->has_answered)
			watch_hear(&k->watch, (enum conf_daemon)i, row->pid,
				strcmp(row->version, version) == 0,
				mono_now());
	}
}

static void show_crew(struct keeper *k, const struct crew *crew)
{
	pthread_mutex_lock(&k->lock);
	k->view.crew = *crew;
	k->view.is_watching = k->watch.is_on;
	k->view.is_confirmed = watch_judge(&k->watch, mono_now(), NULL) ==
		WATCH_CONFIRMED;
	pthread_mutex_unlock(&k->lock);
}

static enum watch_verdict look(struct keeper *k, struct why *why)
{
	struct crew crew;

	crew_look(&crew, k->conf, keeper_settings_now(k).check_timeout_ms);
	hear_all(k, &crew);
	show_crew(k, &crew);
	return watch_judge(&k->watch, mono_now(), why);
}

/* Somebody may have switched without us: edgectl, bootstrapping or going
 * back. */
static void follow_store(struct keeper *k)
{
	struct record_facts facts;
	struct record_facts before;

	record_get(k->record, &facts);
	before = facts;
	keeper_note_current(k, &facts);
	keeper_note_highest(k, &facts);
	/* What was watched is not in force any more. */
	if (strcmp(k->view.current.manifest_sha256, facts.active.sha256) != 0)
		watch_stop(&k->watch);
	if (memcmp(&before, &facts, sizeof(facts)) != 0)
		keeper_keep(k, &facts);
}

void keeper_look(struct keeper *k)
{
	struct record_facts facts;
	struct why why = {""};

	keeper_settle(k);
	follow_store(k);
	if (revert_again(k))
		return;
	switch (look(k, &why)) {
	case WATCH_OFF:
	case WATCH_WAITING:
	case WATCH_CONFIRMED:
		return;
	case WATCH_OVER:
		watch_stop(&k->watch);
		return;
	case WATCH_FAILED:
		break;
	}
	record_get(k->record, &facts);
	if (keeper_settings_now(k).auto_revert) {
		keeper_revert(k, &facts, why.text);
		return;
	}
	watch_stop(&k->watch);
	log_error("generation.failing", "text=%s", log_qz(why.text));
	fail(k, &facts, "generation.failing", why.text);
	keeper_keep(k, &facts);
}

/* ---- forth -------------------------------------------------------------- */

/* What is staged was believed when it came. Keys may have changed since: the
 * bundle has to be vouched for once more. The caller frees both. */
static int take_down(struct keeper *k, const char *sha256,
	struct bundle_bytes *file, struct bundle *b,
	struct keeper_result *out)
{
	struct bundle_trust trust;
	int err = vault_get(k->dir, sha256, file, &out->why);

	if (err < 0)
		return keeper_refuse(k, out, 404, err, "not staged here");
	err = bundle_read(b, file->p, file->len, &out->why);
	if (err < 0)
		return keeper_refuse(k, out, 404, err, "%s", out->why.text);
	err = keeper_trust(k, &trust, &out->why);
	if (err == 0)
		err = bundle_trust_verify(&trust, b, &out->why);
	return err < 0 ? keeper_refuse(k, out, 403, err, "%s",
				 out->why.text) :
			 0;
}

static int resume_staged(struct keeper *k, const struct record_facts *facts,
	const char *sha256, struct generation_stage **stage, struct why *why)
{
	const struct record_version *s = &facts->staged;

	if (!s->is_set || strcmp(s->sha256, sha256) != 0)
		return -ENOENT;
	return generation_stage_resume(stage, k->conf->state_dir,
		s->version.epoch, s->version.serial, s->file_sha256, why);
}

/* Nothing may bring it back, or a bundle that the shelf lost could never be
 * sent again. */
static void forget_staged(struct keeper *k, struct record_facts *facts,
	const char *sha256)
{
	if (!facts->staged.is_set || strcmp(facts->staged.sha256, sha256) != 0)
		return;
	record_get(k->record, facts); /* with the refusal */
	facts->staged.is_set = false;
	facts->is_staged_wanted = false;
	keeper_keep(k, facts);
}

/* When its file is gone from stage/ (a restart, somebody tidied up), it is
 * made once more from the bundle. */
static int resume(struct keeper *k, struct record_facts *facts,
	const char *sha256, struct generation_stage **stage,
	struct keeper_result *out)
{
	struct bundle_bytes file = {.p = NULL};
	struct bundle b = {.payload = NULL};
	int err = take_down(k, sha256, &file, &b, out);

	if (err < 0) {
		forget_staged(k, facts, sha256);
		goto out;
	}
	err = resume_staged(k, facts, sha256, stage, &out->why);
	if (err < 0 && err != EDGE_EBUSY) {
		err = keeper_build(k, &b, &file, facts, out);
		if (err < 0)
			goto out;
		err = resume_staged(k, facts, sha256, stage, &out->why);
	}
	if (err < 0)
		keeper_refuse(k, out, 0, err, "%s", out->why.text);
out:
	bundle_fini(&b);
	bundle_bytes_fini(&file);
	return err;
}

/* stage is taken. */
static int make_current(struct keeper *k, struct record_facts *facts,
	struct generation_stage *stage, struct keeper_result *out)
{
	struct record_facts before = *facts;
	int err;

	if (generation_previous_path(k->conf->state_dir,
		    facts->intent_previous, sizeof(facts->intent_previous),
		    NULL) < 0)
		facts->intent_previous[0] = '\0';
	facts->intent = facts->staged;
	facts->is_reverting = false; /* of one before, which a full disk kept */
	err = record_put(k->record, facts, &out->why);
	if (err < 0) {
		/* Staged it stays: the next order finds it. */
		generation_park(stage);
		return keeper_refuse(k, out, 0, err, "%s", out->why.text);
	}
	err = generation_activate(stage, &out->why);
	if (err < 0) {
		*facts = before;
		keeper_keep(k, facts);
		return keeper_refuse(k, out, 0, err, "%s", out->why.text);
	}
	facts->active = facts->intent;
	facts->active.at = wall_now();
	facts->intent.is_set = false;
	facts->staged.is_set = false;
	facts->is_staged_wanted = false;
	record_tell(k->record, "generation.activated", out->version, "");
	keeper_count(k, false);
	keeper_note_current(k, facts);
	/* It is current whatever the disk says now; a start finds out. */
	keeper_keep(k, facts);
	return 0;
}

/* Who ran before is watched, above all when the reload was the end of it;
 * with the process it was, so that its death counts. */
static void watch_crew(struct keeper *k, const struct crew *before,
	const struct crew *now)
{
	bool watched[CONF_DAEMON_COUNT];

	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++)
		watched[i] = before->rows[i].has_answered ||
			now->rows[i].has_answered;
	watch_start(&k->watch, watched, mono_now(),
		keeper_settings_now(k).confirm_ms);
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++)
		if (before->rows[i].has_answered)
			watch_hear(&k->watch, (enum conf_daemon)i,
				before->rows[i].pid, false, mono_now());
}

static void confirm(struct keeper *k, struct record_facts *facts,
	const struct crew *before, struct keeper_result *out)
{
	struct crew crew;

	crew_reload(&crew, k->conf, keeper_settings_now(k).check_timeout_ms);
	if (crew_judge(&crew, &out->why) < 0) {
		out->details = crew_json(&crew);
		if (keeper_settings_now(k).auto_revert)
			keeper_revert(k, facts, out->why.text);
		keeper_refuse(k, out, 422, EDGE_EREFUSED, "%s",
			out->why.text);
		return;
	}
	watch_crew(k, before, &crew);
	log_notice("generation.activated", "version=%u.%llu",
		(unsigned)out->version.epoch,
		(unsigned long long)out->version.serial);
	out->status = look(k, &out->why) == WATCH_CONFIRMED ? 200 : 202;
}

static void keep_for_later(struct keeper *k, struct record_facts *facts,
	const char *sha256, const struct pin *pin, struct keeper_result *out)
{
	if (facts->staged.is_set && strcmp(facts->staged.sha256, sha256) == 0)
		facts->is_staged_wanted = true;
	keeper_keep(k, facts);
	keeper_refuse(k, out, 409, EDGE_EREFUSED,
		"pinned by %s (%s): 'edgectl topology unpin' lets go",
		pin->by, pin->reason);
}

static void activate(struct keeper *k, struct record_facts *facts,
	struct keeper_result *out)
{
	struct generation_stage *stage = NULL;
	struct crew before;

	if (resume(k, facts, out->sha256, &stage, out) < 0)
		return;
	crew_look(&before, k->conf, keeper_settings_now(k).check_timeout_ms);
	if (make_current(k, facts, stage, out) == 0)
		confirm(k, facts, &before, out);
}

void keeper_activate(struct keeper *k, struct bundle_version version,
	const char *sha256, struct keeper_result *out)
{
	struct record_facts facts;
	struct pin pin;

	out->version = version;
	snprintf(out->sha256, sizeof(out->sha256), "%s", sha256);
	record_get(k->record, &facts);
	keeper_note_current(k, &facts);
	if (strcmp(k->view.current.manifest_sha256, sha256) == 0) {
		out->status = look(k, &out->why) == WATCH_WAITING ? 202 : 200;
		return;
	}
	/* The newest that was ever staged, or nothing: an older one comes
	 * back under a new number only. */
	if (bundle_judge(&facts.highest, version, sha256) != BUNDLE_KNOWN) {
		keeper_refuse(k, out, 404, EDGE_EUNKNOWN, "not staged here");
		return;
	}
	if (keeper_is_pinned(k, &k->view, &pin))
		keep_for_later(k, &facts, sha256, &pin, out);
	else
		activate(k, &facts, out);
}

void keeper_abort(struct keeper *k, struct bundle_version version,
	const char *sha256, struct keeper_result *out)
{
	struct record_facts facts;
	int err;

	out->version = version;
	record_get(k->record, &facts);
	if (!facts.staged.is_set ||
		strcmp(facts.staged.sha256, sha256) != 0 ||
		bundle_version_compare(facts.staged.version, version) != 0) {
		keeper_refuse(k, out, 404, EDGE_EUNKNOWN, "not staged here");
		return;
	}
	facts.staged.is_set = false;
	facts.is_staged_wanted = false;
	err = record_put(k->record, &facts, &out->why);
	if (err == 0)
		err = generation_stage_clear(k->conf->state_dir, &out->why);
	if (err < 0) {
		keeper_refuse(k, out, 0, err, "%s", out->why.text);
		return;
	}
	out->status = 200;
	log_notice("bundle.aborted", "version=%u.%llu",
		(unsigned)version.epoch, (unsigned long long)version.serial);
	record_tell(k->record, "bundle.aborted", version, "");
}

void keeper_unpin(struct keeper *k, struct keeper_result *out)
{
	struct record_facts facts;
	int err = pin_clear(k->conf->state_dir, &out->why);

	if (err < 0) {
		keeper_refuse(k, out, 0, err, "%s", out->why.text);
		return;
	}
	keeper_forget_pin(k);
	out->status = 200;
	record_get(k->record, &facts);
	log_notice("pin.cleared", "wanted=%d", facts.is_staged_wanted);
	record_tell(k->record, "pin.cleared", facts.highest.version, "");
	if (!facts.staged.is_set || !facts.is_staged_wanted) {
		keeper_keep(k, &facts);
		return;
	}
	out->version = facts.staged.version;
	memcpy(out->sha256, facts.staged.sha256, sizeof(out->sha256));
	activate(k, &facts, out);
}
