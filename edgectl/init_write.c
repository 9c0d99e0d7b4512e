/*
 * What `edgectl init` puts on the disk, in this order: the two YAML
 * files, certificates and keys, directories, the first generation. Nothing
 * is written while a file is in the way.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/run/conf.h"
#include "common/run/rights.h"
#include "common/store/generation.h"
#include "common/store/topology_check.h"
#include "common/store/topology_yaml.h"
#include "edgectl/certmake.h"
#include "edgectl/init_write.h"
#include "edgectl/place.h"

#define CA_DAYS   3650
#define LEAF_DAYS 397

struct writer {
	const struct init_plan *plan;
	bool force;
	struct init_result *result;
	struct why *why;
	struct conf *conf;            /* owned: edge.yaml, once written */
	struct certmake_ca *internal; /* owned; NULL without a lab */
	struct certmake_ca *external;
};

/* Who reads a key: the daemon alone, or a group of ours. */
enum key_reader {
	KEY_ROOT,
	KEY_ACCESS_EDGE,
	KEY_WEBCONF_EDGE,
	KEY_TLS_GROUP,
};

static int put(struct writer *w, const char *below, const void *data,
	mode_t mode, enum key_reader reader)
{
	char path[PATH_MAX];
	struct rights rights;
	struct place_file file = {
		.path = path,
		.data = data,
		.len = strlen(data),
		.mode = mode,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.may_replace = w->force,
	};
	int err = 0;

	if (reader != KEY_ROOT)
		err = rights_find(&rights, reader == KEY_WEBCONF_EDGE ?
			CONF_WEBCONF_EDGE : CONF_ACCESS_EDGE, w->conf->users,
			w->why);
	if (err != 0)
		return err;
	if (reader != KEY_ROOT && reader != KEY_TLS_GROUP && rights.is_root) {
		file.uid = rights.uid;
		file.gid = rights.gid;
	} else if (reader == KEY_TLS_GROUP && rights.is_root) {
		file.uid = 0;
		file.gid = rights.groups[RIGHTS_TLS];
		file.mode = 0640;
	}
	snprintf(path, sizeof(path), "%s/%s", w->plan->directory, below);
	err = place_file(&file, w->why);
	if (err == 0)
		json_array_append_new(w->result->files, json_string(path));
	return err;
}

/* "tls/<name>.crt" (or .csr) and "tls/<name>.key" */
static int put_pair(struct writer *w, const char *name, const char *suffix,
	const struct certmake_pem *pem, enum key_reader reader)
{
	char below[INIT_NAME_LEN + 32];
	int err;

	snprintf(below, sizeof(below), "%s.key", name);
	err = put(w, below, pem->key, 0600, reader);
	if (err != 0)
		return err;
	snprintf(below, sizeof(below), "%s.%s", name, suffix);
	return put(w, below, pem->certificate, 0644, KEY_ROOT);
}

static int make_authority(struct writer *w, struct certmake_ca **ca,
	const char *side)
{
	struct certmake_pem pem = {NULL, NULL};
	char text[64];
	int err;

	snprintf(text, sizeof(text), "Sallyport lab, %s side", side);
	err = certmake_ca_new(ca, text, CA_DAYS, w->why);
	if (err == 0)
		err = certmake_ca_pem(*ca, &pem, w->why);
	if (err == 0) {
		snprintf(text, sizeof(text), "lab-ca/%s-ca.key", side);
		err = put(w, text, pem.key, 0600, KEY_ROOT);
	}
	if (err == 0) {
		snprintf(text, sizeof(text), "tls/%s-ca.crt", side);
		err = put(w, text, pem.certificate, 0644, KEY_ROOT);
	}
	certmake_pem_free(&pem);
	return err;
}

static int make_pair(struct writer *w, struct certmake_ca *ca, const char *file,
	const char *const *names, size_t count, enum key_reader reader)
{
	const bool lab = w->plan->certificates == INIT_CERTIFICATES_LAB;
	struct certmake_pem pem = {NULL, NULL};
	int err = lab ?
		certmake_issue(ca, names, count, LEAF_DAYS, &pem, w->why) :
		certmake_request(names, count, &pem, w->why);

	if (err == 0)
		err = put_pair(w, file, lab ? "crt" : "csr", &pem, reader);
	certmake_pem_free(&pem);
	return err;
}

static int make_outside(struct writer *w)
{
	char rooms[CERTMAKE_NAMES_MAX][INIT_NAME_LEN];
	const char *names[CERTMAKE_NAMES_MAX];
	size_t count = 0;

	while (count < CERTMAKE_NAMES_MAX &&
		(names[count] = init_plan_outside_name(w->plan, count,
			 rooms[count])) != NULL)
		count++;
	return make_pair(w, w->external, "tls/external-sip", names, count,
		KEY_ACCESS_EDGE);
}

static int make_certificates(struct writer *w, const char *const *peers,
	size_t peer_count)
{
	const char *machine = w->plan->machine;
	const char *webconf = w->plan->webconf_name;
	char file[INIT_NAME_LEN + 16];
	int err = 0;

	if (w->plan->certificates == INIT_CERTIFICATES_OWN)
		return 0;
	if (w->plan->certificates == INIT_CERTIFICATES_LAB) {
		err = make_authority(w, &w->internal, "internal");
		if (err == 0)
			err = make_authority(w, &w->external, "external");
	}
	if (err == 0)
		err = make_outside(w);
	if (err == 0 && w->plan->webconf_address[0] != '\0')
		err = make_pair(w, w->external, "tls/external-webconf",
			&webconf, 1, KEY_WEBCONF_EDGE);
	if (err == 0)
		err = make_pair(w, w->internal, "tls/internal", &machine, 1,
			KEY_TLS_GROUP);
	if (w->internal == NULL)
		return err;
	for (size_t i = 0; err == 0 && i < peer_count; i++) {
		snprintf(file, sizeof(file), "lab-ca/%s", peers[i]);
		err = make_pair(w, w->internal, file, &peers[i], 1, KEY_ROOT);
	}
	return err;
}

static int make_yaml(struct writer *w)
{
	char *edge = init_plan_edge_yaml(w->plan);
	char *topology = init_plan_topology_yaml(w->plan);
	int err = -ENOMEM;

	if (edge != NULL && topology != NULL)
		err = put(w, "edge.yaml", edge, 0644, KEY_ROOT);
	if (err == 0)
		err = put(w, "topology.yaml", topology, 0644, KEY_ROOT);
	free(edge);
	free(topology);
	return err;
}

/* The first rule that the topology breaks, before anything is written. */
static int check_topology(const struct init_plan *plan, struct why *why)
{
	struct topology_yaml *yaml = NULL;
	struct topology_finding *rows = NULL;
	struct sqlite3 *db = NULL;
	char *text = init_plan_topology_yaml(plan);
	size_t count = 0;
	int err = text != NULL ? 0 : -ENOMEM;

	if (err == 0)
		err = topology_yaml_parse(&yaml, "topology.yaml", str_of(text),
			why);
	if (err == 0)
		err = topology_yaml_scratch(&db, yaml, why);
	if (err == 0)
		err = topology_check(db, &rows, &count, why);
	if (err == 0 && count > 0 && rows[0].is_error)
		err = why_set(why, EDGE_ECONFIG, "%s", rows[0].text);
	free(rows);
	sqlite3_close(db);
	topology_yaml_free(yaml);
	free(text);
	return err;
}

static int apply(struct writer *w)
{
	struct topology_yaml *yaml = NULL;
	struct generation_stage *stage = NULL;
	const struct generation_info *info;
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/topology.yaml", w->plan->directory);
	err = topology_yaml_load(&yaml, path, w->why);
	if (err == 0)
		err = generation_stage_new(&stage, w->conf->state_dir,
			"edgectl init", topology_yaml_fill, yaml, w->why);
	topology_yaml_free(yaml);
	if (err != 0)
		return err;
	info = generation_stage_info(stage);
	generation_version_text(info->epoch, info->serial,
		w->result->generation);
	return generation_activate(stage, w->why);
}

int init_look_first(const struct init_plan *plan, bool force, struct why *why)
{
	static const char *const FILES[] = {
		"edge.yaml",
		"topology.yaml",
		"tls/internal.key",
		"tls/external-sip.key",
		"tls/external-webconf.key",
		"lab-ca/internal-ca.key",
		"lab-ca/external-ca.key",
	};
	char path[PATH_MAX];

	for (size_t i = 0; !force && i < ARRAY_COUNT(FILES); i++) {
		snprintf(path, sizeof(path), "%s/%s", plan->directory,
			FILES[i]);
		if (access(path, F_OK) == 0)
			return why_set(why, -EEXIST,
				"%s exists already; "
				"--force replaces it, --directory names "
				"another place",
				path);
	}
	return 0;
}

static int make_dirs(const struct init_plan *plan, struct why *why)
{
	static const struct {
		const char *below;
		mode_t mode;
	} DIRS[] = {{"", 0755}, {"/tls", 0755}, {"/lab-ca", 0700}};
	const bool lab = plan->certificates == INIT_CERTIFICATES_LAB;
	char path[PATH_MAX];
	int err = 0;

	for (size_t i = 0; err == 0 && i < (lab ? 3 : 2); i++) {
		snprintf(path, sizeof(path), "%s%s", plan->directory,
			DIRS[i].below);
		err = place_dir(path, DIRS[i].mode, (uid_t)-1, (gid_t)-1, why);
	}
	return err;
}

int init_write(const struct init_plan *plan, const char *const *peers,
	size_t peer_count, bool force, struct init_result *result,
	struct why *why)
{
	struct writer w = {
		.plan = plan,
		.force = force,
		.result = result,
		.why = why,
	};
	int err = 0;

	for (size_t i = 0; err == 0 && i < peer_count; i++)
		if (!init_is_name(peers[i]))
			err = why_set(why, EDGE_ECONFIG,
				"--peer %s: not a host name", peers[i]);
	if (err == 0)
		err = init_look_first(plan, force, why);
	if (err == 0)
		err = check_topology(plan, why);
	if (err == 0)
		err = make_dirs(plan, why);
	if (err == 0)
		err = make_yaml(&w);
	snprintf(result->conf_path, sizeof(result->conf_path), "%s/edge.yaml",
		plan->directory);
	if (err == 0)
		err = conf_load(&w.conf, result->conf_path, why);
	if (err == 0)
		err = make_certificates(&w, peers, peer_count);
	if (err == 0)
		err = place_dirs(w.conf, why);
	if (err == 0)
		err = apply(&w);
	conf_free(w.conf);
	certmake_ca_free(w.internal);
	certmake_ca_free(w.external);
	return err;
}
