/*
 * Dry run, switch, reload (replication protocol B5, without the agent). The
 * store's part is common/store; what a daemon does with a generation is its
 * own affair.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/bundle/bundle_check.h"
#include "common/store/topology.h"
#include "edgectl/daemons.h"
#include "edgectl/place.h"
#include "edgectl/topology/topology_apply.h"

bool topology_apply_is_published(const struct conf *conf)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/trust.json", conf->state_dir,
		conf_daemon_name(CONF_REPLICATION_AGENT));
	return access(path, F_OK) == 0;
}

/* ---- daemons ------------------------------------------------------------ */

static bool is_absent(int err)
{
	return err == -ENOENT || err == -ECONNREFUSED;
}

static void report(json_t *daemons, enum conf_daemon daemon,
	const char *state, const char *text, const json_t *reply)
{
	json_t *restart = json_object_get(reply, "restart_needed");
	json_t *row = json_pack("{s:s,s:s}", "daemon",
		conf_daemon_name(daemon), "state", state);

	if (text != NULL)
		json_object_set_new(row, "text", json_string(text));
	if (json_array_size(restart) > 0)
		json_object_set(row, "restart_needed", restart);
	json_array_append_new(daemons, row);
}

/* The file at path, read as every daemon of this machine will, by us and
 * then by each that runs. The first that says no ends it. */
static int dry_run(const struct conf *conf, const char *path,
	struct why *why)
{
	struct topology *t = NULL;
	json_t *body;
	int err = topology_load(&t, path, conf->machine, why);

	topology_unref(t);
	if (err < 0)
		return err;
	body = json_pack("{s:s}", "generation", path);
	if (body == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++) {
		json_t *reply = NULL;

		err = daemons_call(conf, (enum conf_daemon)i, "/v1/check",
			body, &reply, why);
		json_decref(reply);
		if (err < 0 && !is_absent(err))
			break;
		err = 0;
	}
	json_decref(body);
	return err;
}

/* How to undo the switch that was made. */
struct switched {
	bool has_current;  /* there is something to go back to */
	bool by_rollback;  /* of current and previous */
	char previous[512]; /* path; "" = there was none */
};

/* Under systemd all run, or start when they are asked; `edgectl up` starts
 * those of the topology that it found. */
static void report_absent(json_t *daemons, enum conf_daemon daemon,
	const struct topology *t)
{
	report(daemons, daemon, "not running",
		t != NULL && topology_needs(t, conf_daemon_name(daemon)) ?
			"the topology has work for it: start it (systemctl, "
			"or 'edgectl up' anew)" : NULL, NULL);
}

/* Every running daemon takes what is current now; certificates are another
 * matter. All are asked, also after one refused; the first refusal is told.
 * t: what is current, for advice; may be NULL. */
static int reload_all(const struct conf *conf, const struct topology *t,
	json_t *daemons, struct why *why)
{
	json_t *body = json_pack("{s:b}", "certificates", 0);
	int first = 0;

	for (unsigned i = 0; i < CONF_DAEMON_COUNT; i++) {
		enum conf_daemon daemon = (enum conf_daemon)i;
		struct why one = {""};
		json_t *reply = NULL;
		int err = daemons_call(conf, daemon, "/v1/reload", body,
			&reply, &one);

		if (is_absent(err)) {
			report_absent(daemons, daemon, t);
		} else if (err < 0) {
			report(daemons, daemon, "refused", one.text, NULL);
			if (first == 0)
				first = why_set(why, err, "%s", one.text);
		} else {
			report(daemons, daemon, "took it", NULL, reply);
		}
		json_decref(reply);
	}
	json_decref(body);
	return first;
}

/* Somebody who said yes to the dry run says no now: back for all, with the
 * same previous one as before (a rollback swaps; retracting does not). */
static int revert(const struct conf *conf, const struct switched *was,
	int err, struct why *why)
{
	struct generation_info back;
	struct why none = {""};
	json_t *daemons = json_array();
	int failed = was->by_rollback ?
		generation_rollback(conf->state_dir, &back, &none) :
		generation_retract(conf->state_dir,
			was->previous[0] != '\0' ? was->previous : NULL,
			&back, &none);

	if (failed == 0)
		failed = reload_all(conf, NULL, daemons, &none);
	json_decref(daemons);
	if (failed < 0)
		return why_prefix(why, err, "the new generation is in force, "
			"going back failed (%.100s)", why_text(&none, failed));
	return why_prefix(why, err, "the old generation is in force again");
}

static int reload_or_revert(struct topology_apply *out,
	const struct conf *conf, const struct switched *was, struct why *why)
{
	struct topology *t = NULL;
	char path[PATH_MAX];
	int err;

	out->daemons = json_array();
	/* Advice only: the daemons say what they think of it. */
	if (generation_current_path(conf->state_dir, path, sizeof(path),
		    NULL) < 0 ||
		topology_load(&t, path, conf->machine, NULL) < 0)
		t = NULL;
	err = reload_all(conf, t, out->daemons, why);
	topology_unref(t);
	if (err < 0 && was->has_current)
		err = revert(conf, was, err, why);
	return err;
}

/* Path of the previous generation into out; "" = there is none. */
static int previous_path(const struct conf *conf, char out[static 512],
	struct why *why)
{
	struct generation_info *rows = NULL;
	size_t count = 0;
	int err = generation_list(conf->state_dir, &rows, &count, why);

	out[0] = '\0';
	for (size_t i = 0; err == 0 && i < count; i++)
		if (rows[i].is_previous && !rows[i].is_current)
			snprintf(out, 512, "%s", rows[i].path);
	free(rows);
	return err;
}

/* ---- apply -------------------------------------------------------------- */

/* stage is taken. */
static int bring_into_force(struct topology_apply *out,
	const struct conf *conf, struct generation_stage *stage,
	bool has_current, struct why *why)
{
	struct switched was = {.has_current = has_current};
	int err = previous_path(conf, was.previous, why);

	out->made = *generation_stage_info(stage);
	if (err == 0)
		err = dry_run(conf, out->made.path, why);
	if (err < 0) {
		generation_discard(stage);
		return err;
	}
	err = generation_activate(stage, why);
	if (err < 0)
		return err;
	return reload_or_revert(out, conf, &was, why);
}

int topology_apply(struct topology_apply *out,
	const struct topology_plan *plan, const struct conf *conf,
	const char *source, struct why *why)
{
	struct generation_stage *stage = NULL;
	int err;

	memset(out, 0, sizeof(*out));
	err = place_dirs(conf, why);
	if (err == 0)
		err = generation_stage_new(&stage, conf->state_dir, source,
			topology_yaml_fill, plan->yaml, why);
	if (err < 0)
		return err;
	return bring_into_force(out, conf, stage, plan->has_current, why);
}

int topology_apply_bundle(struct topology_apply *out,
	const struct bundle *bundle, const struct conf *conf,
	struct why *why)
{
	struct bundle_filling filling = {.bundle = bundle};
	struct generation_stage *stage = NULL;
	char path[PATH_MAX];
	bool has_current;
	int err;

	memset(out, 0, sizeof(*out));
	has_current = generation_current_path(conf->state_dir, path,
			      sizeof(path), NULL) == 0;
	err = bundle_stage(&stage, conf->state_dir, &filling, why);
	bundle_filling_fini(&filling);
	if (err < 0)
		return err;
	return bring_into_force(out, conf, stage, has_current, why);
}

/* ---- rollback ----------------------------------------------------------- */

int topology_apply_rollback(struct topology_apply *out,
	const struct conf *conf, struct why *why)
{
	const struct switched was = {.has_current = true, .by_rollback = true};
	char path[512];
	int err;

	memset(out, 0, sizeof(*out));
	err = previous_path(conf, path, why);
	if (err == 0 && path[0] == '\0')
		err = why_set(why, EDGE_EUNKNOWN,
			"there is no previous generation to go back to");
	if (err == 0)
		err = dry_run(conf, path, why);
	if (err == 0)
		err = generation_rollback(conf->state_dir, &out->made, why);
	return err == 0 ? reload_or_revert(out, conf, &was, why) : err;
}
