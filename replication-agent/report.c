/*
 * What the agent says of itself: one JSON object, the same on 4443 and on
 * the control bus (docs/protocol/replication.md 6). Names that the original
 * has are its own in lower snake case.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "common/base/log.h"
#include "replication-agent/agent.h"

static json_t *time_json(struct wall at)
{
	char text[WALL_TEXT_LEN];

	return at.s > 0 ? json_string(wall_text(at, text)) : json_null();
}

static json_t *version_json(struct bundle_version v, const char *sha256)
{
	return json_pack("{s:I, s:I, s:s}", "epoch", (json_int_t)v.epoch,
		"serial", (json_int_t)v.serial, "sha256", sha256);
}

static json_t *current_json(const struct keeper_view *view,
	const struct record_facts *facts)
{
	const struct generation_info *now = &view->current;
	const bool is_ours = facts->active.is_set &&
		strcmp(facts->active.sha256, now->manifest_sha256) == 0;
	json_t *o;

	if (now->path[0] == '\0')
		return json_null();
	o = version_json((struct bundle_version){now->epoch, now->serial},
		now->manifest_sha256);
	json_object_set_new(o, "activated",
		is_ours ? time_json(facts->active.at) : json_null());
	json_object_set_new(o, "source", json_string(now->source));
	return o;
}

static json_t *staged_json(const struct record_facts *facts)
{
	json_t *o;

	if (!facts->staged.is_set)
		return json_null();
	o = version_json(facts->staged.version, facts->staged.sha256);
	json_object_set_new(o, "staged", time_json(facts->staged.at));
	return o;
}

static json_t *head_json(const struct keeper_view *view)
{
	json_t *o;

	if (!view->head.is_set)
		return json_null();
	o = version_json(view->head.version, view->head.of);
	json_object_set_new(o, "expires", time_json(view->head.expires));
	return o;
}

/* Nobody knows without a head that is in force. */
static json_t *up_to_date_json(const struct keeper_view *view,
	struct wall now)
{
	if (!view->head.is_set || view->head.expires.s < now.s)
		return json_null();
	return json_boolean(!keeper_is_behind(view));
}

static json_t *error_json(const struct record_facts *facts)
{
	if (facts->last_error.at.s == 0)
		return json_null();
	return json_pack("{s:o, s:s, s:s}", "time",
		time_json(facts->last_error.at), "code",
		facts->last_error.code, "text", facts->last_error.text);
}

static json_t *disk_json(const struct agent *a)
{
	struct statvfs fs;

	if (statvfs(a->keeper.dir, &fs) < 0)
		return json_null();
	return json_integer((json_int_t)fs.f_bavail *
		(json_int_t)fs.f_frsize);
}

static void put_pin(json_t *o, const struct agent *a,
	const struct keeper_view *view)
{
	struct pin pin;
	const bool is_pinned = keeper_is_pinned(&a->keeper, view, &pin);

	json_object_set_new(o, "pinned", json_boolean(is_pinned));
	if (is_pinned)
		json_object_set_new(o, "pin",
			json_pack("{s:o, s:s, s:s, s:b}", "at",
				time_json(pin.at), "by", pin.by, "reason",
				pin.reason, "saved", !view->is_pin_owed));
}

/* Of the keys that are believed here: tells a publisher who lacks the next
 * ones. */
static json_t *trust_json(const struct agent *a)
{
	struct bundle_trust trust;
	struct why why = {""};

	if (keeper_trust(&a->keeper, &trust, &why) < 0)
		return json_null();
	return json_integer((json_int_t)trust.serial);
}

/* Serials mean something within one epoch only. */
static json_t *lag_json(const struct keeper_view *view,
	const struct record_facts *facts, struct wall now)
{
	json_t *o;

	if (!keeper_is_behind(view))
		return json_pack("{s:i, s:i}", "serials", 0, "seconds", 0);
	o = json_pack("{s:I}", "seconds",
		(json_int_t)(facts->behind_since.s > 0 &&
					now.s > facts->behind_since.s ?
				now.s - facts->behind_since.s : 0));
	json_object_set_new(o, "serials",
		view->head.version.epoch == view->current.epoch ?
			json_integer((json_int_t)(view->head.version.serial -
				view->current.serial)) :
			json_null());
	return o;
}

static json_t *make(const struct agent *a, const struct keeper_view *view,
	const struct record_facts *facts)
{
	const struct wall now = wall_now();
	json_t *o = json_object();

	json_object_set_new(o, "replica_fqdn", json_string(a->conf->machine));
	json_object_set_new(o, "pool_fqdn", json_string(a->topology->pool));
	json_object_set_new(o, "up_to_date", up_to_date_json(view, now));
	json_object_set_new(o, "current", current_json(view, facts));
	json_object_set_new(o, "staged", staged_json(facts));
	json_object_set_new(o, "highest_seen",
		version_json(facts->highest.version, facts->highest.sha256));
	json_object_set_new(o, "head", head_json(view));
	json_object_set_new(o, "last_update_creation",
		view->current.manifest_sha256[0] != '\0' ?
			time_json(view->current.created) : json_null());
	json_object_set_new(o, "last_status_report", time_json(now));
	json_object_set_new(o, "product_version", json_string(EDGE_VERSION));
	json_object_set_new(o, "schema", json_integer(GENERATION_SCHEMA));
	json_object_set_new(o, "stale",
		json_boolean(view->head.is_set &&
			view->head.expires.s < now.s));
	json_object_set_new(o, "lag", lag_json(view, facts, now));
	json_object_set_new(o, "confirming", json_boolean(view->is_watching));
	json_object_set_new(o, "last_error", error_json(facts));
	json_object_set_new(o, "daemons", crew_json(&view->crew));
	json_object_set_new(o, "disk_free", disk_json(a));
	json_object_set_new(o, "clock", json_integer(now.s));
	json_object_set_new(o, "trust_serial", trust_json(a));
	put_pin(o, a, view);
	return o;
}

json_t *report_json(struct agent *a)
{
	struct keeper_view *view = malloc(sizeof(*view));
	struct record_facts *facts = malloc(sizeof(*facts));
	json_t *o = NULL;

	if (view != NULL && facts != NULL) {
		keeper_see(&a->keeper, view);
		record_get(a->keeper.record, facts);
		o = make(a, view, facts);
	}
	free(view);
	free(facts);
	return o;
}
