/*
 * What people ask of the publisher in office: publish this, go back to
 * that, go on, stop. Each gets one JSON object as its answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "edgectl/publish/issue.h"
#include "edgectl/publish/publisher_priv.h"
#include "edgectl/publish/request.h"

static const char *text_of(const json_t *body, const char *key,
	const char *fallback)
{
	const char *text = json_string_value(json_object_get(body, key));

	return text != NULL ? text : fallback;
}

static int publish(struct publisher *p, const struct request_row *q,
	json_t **outcome, struct why *why)
{
	char *options = json_dumps(json_object_get(q->body, "options"),
		JSON_COMPACT | JSON_ENCODE_ANY);
	const struct issue in = {
		.r = p->record,
		.conf = p->conf,
		.signing = &p->signing,
		.yaml = text_of(q->body, "yaml", ""),
		.who = q->who,
		.reason = text_of(q->body, "reason", ""),
		.options = options != NULL ? options : "{}",
		.force = json_is_true(json_object_get(q->body, "force")),
		.new_keys = json_is_true(json_object_get(q->body,
			"new_keys")),
	};
	int err = issue_publication(&in, outcome, why);

	free(options);
	return err;
}

/* To the version that is named, or to the topology before this one. */
static int find_old(struct publisher *p, const json_t *body,
	struct record_publication *out, struct why *why)
{
	const char *to = text_of(body, "to", "");
	struct bundle_version version = {0, 0};

	if (to[0] == '\0')
		return record_before(p->record, out, why);
	if (bundle_version_parse(str_of(to), &version) < 0)
		return why_set(why, EDGE_ECONFIG,
			"'%.40s' is not a version like 1.42", to);
	return record_find(p->record, version, out, why);
}

/* Nobody would be told that such a canary is watched in vain. */
static int check_canaries(struct publisher *p, const json_t *options,
	struct why *why)
{
	const json_t *name;
	size_t i;

	json_array_foreach (json_object_get(options, "canaries"), i, name) {
		const char *text = json_string_value(name);
		bool is_known = false;

		for (size_t k = 0; k < p->rollout.count && text != NULL; k++)
			is_known |= strcmp(p->rollout.members[k].fqdn, text) ==
				0;
		if (!is_known)
			return why_set(why, EDGE_ECONFIG, "--canary %.200s: "
				"no machine has that name", text != NULL ?
					text : "");
	}
	return 0;
}

static int roll_back(struct publisher *p, const struct request_row *q,
	json_t **outcome, struct why *why)
{
	struct record_publication old = {.bundle = NULL};
	char reason[200];
	char version[BUNDLE_VERSION_LEN];
	char *options = NULL;
	int err = check_canaries(p, json_object_get(q->body, "options"), why);

	if (err == 0)
		err = find_old(p, q->body, &old, why);
	if (err == 0) {
		struct issue in = {
			.r = p->record,
			.conf = p->conf,
			.signing = &p->signing,
			.yaml = old.yaml,
			.who = q->who,
			.reason = reason,
			.is_rollback = true,
			.rollback_of = old.version,
			.force = true,
		};

		options = json_dumps(json_object_get(q->body, "options"),
			JSON_COMPACT | JSON_ENCODE_ANY);
		in.options = options != NULL ? options : "{}";
		snprintf(reason, sizeof(reason), "back to %s%s%.120s",
			bundle_version_text(old.version, version),
			text_of(q->body, "reason", "")[0] != '\0' ? ": " : "",
			text_of(q->body, "reason", ""));
		str_tidy(reason); /* it may end within a character */
		err = issue_publication(&in, outcome, why);
	}
	free(options);
	record_publication_fini(&old);
	return err;
}

static int nothing_yet(struct why *why)
{
	return why_set(why, -ENOENT, "nothing was published yet: 'edgectl "
		"publish FILE' is the first step");
}

/* What has stopped under an epoch that is over can go on under ours only. A
 * roll-out that nobody turns, because the command was ended that did, goes on
 * with whoever asks. */
static int go_on(struct publisher *p, json_t **outcome, struct why *why)
{
	uint32_t old = p->newest.version.epoch;
	char version[BUNDLE_VERSION_LEN];
	char reason[100];

	if (p->newest.sha256[0] == '\0')
		return nothing_yet(why);
	bundle_version_text(p->newest.version, version);
	if (p->rollout.phase == ROLLOUT_DONE)
		return why_set(why, EDGE_EREFUSED, "nothing has stopped: %s "
			"is done", version);
	if (old != record_epoch(p->record)) {
		snprintf(reason, sizeof(reason), "resumed: epoch %u is over",
			old);
		return publisher_again(p, reason, outcome, why);
	}
	*outcome = json_pack("{s:b,s:b,s:s}", "changed", 0, "resumed", 1,
		"version", version);
	if (p->rollout.phase != ROLLOUT_STOPPED)
		return 0;
	rollout_resume(&p->rollout, mono_now());
	return record_put_state(p->record, p->newest.version, "rolling", "",
		why);
}

static int halt(struct publisher *p, const struct request_row *q,
	json_t **outcome, struct why *why)
{
	char text[300];

	if (p->newest.sha256[0] == '\0')
		return nothing_yet(why);
	if (p->rollout.phase == ROLLOUT_STOPPED ||
		p->rollout.phase == ROLLOUT_DONE)
		return why_set(why, EDGE_EREFUSED, "there is nothing to stop: "
			"the roll-out is %s",
			rollout_phase_name(p->rollout.phase));
	snprintf(text, sizeof(text), "stopped by %.200s", q->who);
	str_tidy(text);
	rollout_stop(&p->rollout, text);
	*outcome = json_pack("{s:b}", "changed", 0);
	return 0;
}

static int perform(struct publisher *p, const struct request_row *q,
	json_t **outcome, struct why *why)
{
	if (strcmp(q->kind, "publish") == 0)
		return publish(p, q, outcome, why);
	if (strcmp(q->kind, "rollback") == 0)
		return roll_back(p, q, outcome, why);
	if (strcmp(q->kind, "resume") == 0)
		return go_on(p, outcome, why);
	if (strcmp(q->kind, "stop") == 0)
		return halt(p, q, outcome, why);
	return why_set(why, EDGE_EUNKNOWN, "unknown request '%s': is edgectl "
		"older here than there?", q->kind);
}

static int answer(struct publisher *p, const struct request_row *q, int err,
	json_t *outcome, struct why *why, struct why *out)
{
	json_t *result = outcome;

	if (err < 0)
		result = json_pack("{s:b,s:s,s:s}", "ok", 0, "error",
			err_name(err), "text", why_text(why, err));
	else
		json_object_set_new(result, "ok", json_true());
	log_notice("publisher.request", "kind=%s who=%s ok=%s text=%s",
		log_qz(q->kind), log_qz(q->who), err < 0 ? "no" : "yes",
		log_qz(err < 0 ? why_text(why, err) :
				 text_of(result, "version", "")));
	err = request_answer(p->record, q->id, result, out);
	json_decref(result);
	return err;
}

int publisher_answer(struct publisher *p, struct why *why)
{
	struct request_row q;
	bool is_newer = false;
	int err;

	while ((err = request_next(p->record, &q, why)) == 1) {
		struct why cause = {""};
		json_t *outcome = NULL;

		err = perform(p, &q, &outcome, &cause);
		is_newer |= err == 0 && json_is_true(json_object_get(outcome,
						"changed"));
		/* The connection or the office went: somebody else's now. */
		if (record_epoch(p->record) == 0) {
			json_decref(outcome);
			json_decref(q.body);
			return why_set(why, EDGE_EPEER, "%s", cause.text);
		}
		err = answer(p, &q, err, outcome, &cause, why);
		json_decref(q.body);
		if (err < 0)
			return err;
		if (is_newer)
			return 1;
	}
	return err;
}

int publisher_again(struct publisher *p, const char *reason,
	json_t **outcome, struct why *why)
{
	const struct issue in = {
		.r = p->record,
		.conf = p->conf,
		.signing = &p->signing,
		.yaml = p->newest.yaml,
		.who = p->conf->name,
		.reason = reason,
		.options = p->newest.options,
		.is_rollback = p->newest.is_rollback,
		.rollback_of = p->newest.rollback_of,
		.force = true,
	};
	json_t *told = NULL;
	int err = issue_publication(&in, &told, why);

	if (err == 0)
		log_notice("publisher.published_again", "version=%s reason=%s",
			text_of(told, "version", ""), log_qz(reason));
	if (outcome != NULL)
		*outcome = told;
	else
		json_decref(told);
	return err;
}
