/*
 * Taking a new generation while serving (requirements R6, R25): build the
 * new snapshot aside, ask the daemon whether it could take it, let it take
 * it, only then let go of the old one. Whatever fails leaves everything as
 * it was and says so. Certificates are looked at in the same go, and each of
 * them is swapped or kept by itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/err.h"
#include "common/daemon/daemon_life.h"
#include "common/run/setting.h"
#include "common/store/generation.h"

static int load(struct daemon *d, const char *path, struct topology **out,
	struct why *why)
{
	return topology_load(out, path, d->conf->machine, why);
}

/* When the file was changed last; 0 when it is gone. */
static struct timespec changed_at(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mtim : (struct timespec){0};
}

int daemon_load_conf(struct daemon *d, struct why *why)
{
	d->conf_changed = changed_at(d->options.conf_path);
	return conf_load(&d->conf, d->options.conf_path, why);
}

int daemon_load_topology(struct daemon *d, struct why *why)
{
	char path[512];
	int err;

	err = generation_current_path(d->conf->state_dir, path, sizeof(path),
		why);
	if (err == 0)
		err = load(d, path, &d->topology, why);
	if (err < 0 && d->spec->prepare != NULL) {
		log_warning("topology.missing", "text=%s",
			log_qz(why_text(why, err)));
		path[0] = '\0';
		err = topology_bare(&d->topology, d->conf->machine, why);
	}
	if (err < 0)
		return err;
	d->started_with = topology_ref(d->topology);
	snprintf(d->topology_path, sizeof(d->topology_path), "%s", path);
	return 0;
}

int daemon_check_path(struct daemon *d, const char *path, struct why *why)
{
	struct topology *next;
	int err;

	err = load(d, path, &next, why);
	if (err < 0)
		return err;
	err = d->spec->check(d->state, next, why);
	topology_unref(next);
	return err;
}

/* ---- what changed ------------------------------------------------------- */

static bool is_same(const struct setting_def *def, const struct topology *a,
	const struct topology *b)
{
	const struct setting_set *x = topology_settings(a, def->component);
	const struct setting_set *y = topology_settings(b, def->component);

	return x == NULL || y == NULL ||
		strcmp(setting_json(x, def->name),
			setting_json(y, def->name)) == 0;
}

/* Names of this daemon's settings that differ. */
static json_t *differences(const struct daemon *d, const struct topology *a,
	const struct topology *b, bool restart_only)
{
	json_t *names = json_array();

	for (size_t i = 0; i < setting_count(); i++) {
		const struct setting_def *def = setting_at(i);

		if (strcmp(def->component, d->name) != 0 ||
			(restart_only && !def->restart) || is_same(def, a, b))
			continue;
		json_array_append_new(names, json_string(def->name));
	}
	return names;
}

json_t *daemon_restart_needed(const struct daemon *d)
{
	const struct timespec now = changed_at(d->conf->path);
	json_t *names = differences(d, d->started_with, d->topology, true);

	if (now.tv_sec != d->conf_changed.tv_sec ||
		now.tv_nsec != d->conf_changed.tv_nsec)
		json_array_append_new(names, json_string("edge.yaml"));
	return names;
}

/* ---- the generation ----------------------------------------------------- */

static int take(struct daemon *d, struct topology *next, struct why *why)
{
	int err = d->spec->check(d->state, next, why);

	if (err == 0)
		err = d->spec->apply(d->state, next, why);
	return err;
}

static int take_current(struct daemon *d, const char *path,
	struct daemon_reload *out, struct why *why)
{
	char version[TOPOLOGY_VERSION_LEN];
	struct topology *next;
	struct topology *old = d->topology;
	int err;

	err = load(d, path, &next, why);
	if (err < 0)
		return err;
	if (strcmp(next->sha256, old->sha256) == 0) {
		topology_unref(next);
		return 0;
	}
	err = take(d, next, why);
	if (err < 0) {
		topology_unref(next);
		return err;
	}
	d->topology = next;
	json_decref(out->settings);
	out->settings = differences(d, old, next, false);
	out->is_changed = true;
	topology_unref(old);
	daemon_event(d, "generation.taken", "generation=%s",
		topology_version_text(next, version));
	daemon_follow_state(d);
	return 0;
}

static int reload_generation(struct daemon *d, struct daemon_reload *out,
	struct why *why)
{
	char version[TOPOLOGY_VERSION_LEN];
	char path[512] = "";
	int err;

	err = generation_current_path(d->conf->state_dir, path, sizeof(path),
		why);
	if (err == 0)
		err = take_current(d, path, out, why);
	if (err < 0) {
		snprintf(d->refused_path, sizeof(d->refused_path), "%s", path);
		return why_prefix(why, err, "generation %s stays in force",
			topology_version_text(d->topology, version));
	}
	d->refused_path[0] = '\0';
	snprintf(d->topology_path, sizeof(d->topology_path), "%s", path);
	return 0;
}

/* ---- both --------------------------------------------------------------- */

int daemon_reload(struct daemon *d, bool with_certs,
	struct daemon_reload *out, struct why *why)
{
	struct why cert_why = {""};
	int cert_rc = 0;
	int err;

	*out = (struct daemon_reload){.settings = json_array()};
	err = reload_generation(d, out, why);
	if (with_certs)
		cert_rc = daemon_certs_poll(d, true, &cert_why);
	if (cert_rc >= 0)
		out->certificates = cert_rc;
	else if (err == 0)
		err = why_set(why, cert_rc, "%s", cert_why.text);
	out->restart_needed = daemon_restart_needed(d);
	daemon_set_note(&d->last_reload, err == 0,
		err < 0 ? why_text(why, err) : "");
	if (err < 0) {
		daemon_set_note(&d->last_error, false, why_text(why, err));
		log_error("reload.failed", "text=%s",
			log_qz(why_text(why, err)));
		daemon_tell(d, "reload.failed", why_text(why, err));
	}
	return err;
}

void daemon_reload_fini(struct daemon_reload *r)
{
	json_decref(r->settings);
	json_decref(r->restart_needed);
}

void daemon_poll_certs(struct daemon *d)
{
	struct why why = {""};
	int rc = daemon_certs_poll(d, false, &why);

	if (rc >= 0)
		return;
	daemon_set_note(&d->last_error, false, why_text(&why, rc));
	log_error("certificate.kept", "text=%s", log_qz(why_text(&why, rc)));
	daemon_tell(d, "certificate.kept", why_text(&why, rc));
}

/* Somebody switched the link and could not tell us. One that was refused
 * already is not tried again until another one comes. */
void daemon_poll_generation(struct daemon *d)
{
	struct daemon_reload result;
	struct why why = {""};
	char path[512];

	if (generation_current_path(d->conf->state_dir, path, sizeof(path),
		    NULL) < 0 ||
		strcmp(path, d->refused_path) == 0 ||
		strcmp(path, d->topology_path) == 0)
		return;
	if (daemon_reload(d, true, &result, &why) < 0)
		log_debug("generation.refused", "path=%s", log_qz(path));
	daemon_reload_fini(&result);
}
