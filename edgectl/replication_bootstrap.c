/*
 * Bootstrapping: what two files say is believed because a person carried
 * them, so everything is looked at before anything is written. Staging and
 * switching are topology_apply.c's affair, the agent need not run.
 */
#include "edgectl/replication_bootstrap.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/bundle/bundle.h"
#include "common/bundle/bundle_trust.h"
#include "common/run/file.h"
#include "edgectl/place.h"
#include "edgectl/topology/topology_apply.h"

#define TRUST_NAME "trust.json"

struct work {
	const struct replication_bootstrap *what;
	const struct conf *conf;
	char dir[PATH_MAX]; /* the agent's */
	struct bundle_trust trust;
	struct bundle_bytes file;
	struct bundle bundle;
	bool has_bundle;
	struct topology_apply applied;
	struct why *why;
};

/* ---- looking ------------------------------------------------------------ */

/* Newer keys of the same deployment came by trust bundles: older ones from a
 * drawer must not undo them. */
static int check_present(struct work *w)
{
	struct bundle_trust here;
	char path[PATH_MAX + sizeof(TRUST_NAME) + 1];
	char *text = NULL;
	size_t len = 0;
	int err;

	snprintf(path, sizeof(path), "%s/%s", w->dir, TRUST_NAME);
	err = file_load_foreign(&text, &len, path, BUNDLE_MAX, NULL);
	if (err == 0)
		err = bundle_trust_parse(&here, (struct str){text, len}, NULL);
	free(text);
	if (err == -ENOENT || w->what->may_replace)
		return 0;
	if (err == -EACCES || err == -EPERM)
		return why_set(w->why, err, "%s: %s; become root", path,
			err_text(err));
	if (err < 0)
		return why_set(w->why, err, "%s: is there and can't be read; "
			"--replace puts the new one in its place", path);
	if (strcmp(here.deployment, w->trust.deployment) != 0)
		return why_set(w->why, -EEXIST, "%s: this machine belongs to "
			"deployment %s; --replace moves it to the other",
			path, here.deployment);
	if (here.serial > w->trust.serial)
		return why_set(w->why, EDGE_EREFUSED, "%s: is newer (%llu) "
			"than what you brought (%llu); --replace goes back",
			path, (unsigned long long)here.serial,
			(unsigned long long)w->trust.serial);
	return 0;
}

static int load_bundle(struct work *w)
{
	int err;

	if (w->what->bundle_path == NULL)
		return 0;
	err = bundle_load_file(&w->file, w->what->bundle_path, w->why);
	if (err == 0)
		err = bundle_read(&w->bundle, w->file.p, w->file.len, w->why);
	if (err < 0)
		return err;
	w->has_bundle = true;
	if (w->bundle.manifest.type != BUNDLE_TOPOLOGY)
		return why_set(w->why, EDGE_EMALFORMED, "%s: a %s, where a "
			"topology is wanted", w->what->bundle_path,
			bundle_type_name(w->bundle.manifest.type));
	err = bundle_trust_verify(&w->trust, &w->bundle, w->why);
	return err < 0 ? why_prefix(w->why, err, "%s", w->what->bundle_path) :
			 0;
}

static int look(struct work *w)
{
	int err;

	snprintf(w->dir, sizeof(w->dir), "%s/%s", w->conf->state_dir,
		conf_daemon_name(CONF_REPLICATION_AGENT));
	err = bundle_trust_load(&w->trust, w->what->trust_path, w->why);
	if (err == 0)
		err = check_present(w);
	return err < 0 ? err : load_bundle(w);
}

/* ---- writing ------------------------------------------------------------ */

static int write_trust(struct work *w)
{
	char *json = NULL;
	int err = bundle_trust_print(&w->trust, &json, w->why);

	if (err == 0)
		err = file_replace(w->dir, TRUST_NAME, json, strlen(json),
			0600, w->why);
	free(json);
	return err;
}

/* Where the agent looks when a generation is lost: what this machine took,
 * and not what it refused. */
static int keep_bundle(struct work *w)
{
	char dir[PATH_MAX + 16];
	char name[BUNDLE_SHA_LEN + 8];

	snprintf(dir, sizeof(dir), "%s/bundles", w->dir);
	snprintf(name, sizeof(name), "%s.edgb", w->bundle.sha256);
	return file_replace(dir, name, w->file.p, w->file.len, 0600, w->why);
}

static int write_all(struct work *w)
{
	int err = place_dirs(w->conf, w->why);

	if (err == 0)
		err = write_trust(w);
	if (err < 0 || !w->has_bundle)
		return err;
	err = topology_apply_bundle(&w->applied, &w->bundle, w->conf, w->why);
	return err == 0 ? keep_bundle(w) : err;
}

/* ---- telling ------------------------------------------------------------ */

static json_t *report(const struct work *w)
{
	json_t *keys = json_array();
	json_t *o;

	for (size_t i = 0; i < w->trust.key_count; i++) {
		const struct bundle_trust_key *key = &w->trust.keys[i];
		char id[BUNDLE_SHA_LEN];

		str_hex(key->id, sizeof(key->id), id);
		json_array_append_new(keys,
			json_pack("{s:s, s:s}", "id", id, "name", key->name));
	}
	o = json_pack("{s:b, s:s, s:i, s:I, s:o}", "ok", 1, "deployment",
		w->trust.deployment, "threshold", (int)w->trust.threshold,
		"serial", (json_int_t)w->trust.serial, "keys", keys);
	if (w->has_bundle) {
		char version[BUNDLE_VERSION_LEN];

		bundle_version_text(w->bundle.manifest.version, version);
		json_object_set_new(o, "version", json_string(version));
		json_object_set_new(o, "sha256",
			json_string(w->bundle.sha256));
		json_object_set(o, "daemons", w->applied.daemons);
	}
	return o;
}

int replication_bootstrap(json_t **out,
	const struct replication_bootstrap *what, const struct conf *conf,
	struct why *why)
{
	struct work *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (w == NULL)
		return why_set(why, err, "%s", err_text(err));
	w->what = what;
	w->conf = conf;
	w->why = why;
	err = look(w);
	if (err == 0)
		err = write_all(w);
	if (err == 0)
		*out = report(w);
	json_decref(w->applied.daemons);
	if (w->has_bundle)
		bundle_fini(&w->bundle);
	bundle_bytes_fini(&w->file);
	free(w);
	return err;
}
