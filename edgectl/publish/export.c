/*
 * What a person carries to a new edge: the newest bundle, and whom to
 * believe.
 */
#include "edgectl/publish/export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "common/base/err.h"
#include "edgectl/output.h"
#include "edgectl/place.h"
#include "edgectl/publish/edition.h"
#include "edgectl/publish/order.h"
#include "edgectl/publish/publish_conf.h"
#include "edgectl/publish/record.h"
#include "edgectl/publish/trust_store.h"

static void print_export(FILE *to, const json_t *object)
{
	static const struct output_field FIELDS[] = {
		{"Bundle", "bundle", ""},
		{"Trust", "trust", ""},
		{"Version", "version", ""},
		{"Deployment", "deployment", ""},
		{"Keys", "keys", ""},
	};

	output_fields(to, object, FIELDS, ARRAY_COUNT(FIELDS));
	fprintf(to, "\nCarry both files to the edge and run there:\n"
		"  edgectl replication bootstrap --trust %s %s\n"
		"It prints deployment and keys: they must be those above.\n",
		output_str(object, "trust", ""),
		output_str(object, "bundle", ""));
}

/* trust.json lies beside the bundle. */
static int write_both(const char *path, const struct bundle_bytes *bundle,
	const struct bundle_trust *trust, char *beside, size_t cap,
	struct why *why)
{
	const char *slash = strrchr(path, '/');
	struct place_file file = {.path = path, .data = bundle->p,
		.len = bundle->len, .mode = 0644, .uid = (uid_t)-1,
		.gid = (gid_t)-1, .may_replace = true};
	char *json = NULL;
	int err = bundle_trust_print(trust, &json, why);

	snprintf(beside, cap, "%.*strust.json",
		slash != NULL ? (int)(slash - path + 1) : 0, path);
	if (err == 0)
		err = place_file(&file, why);
	if (err == 0) {
		file.path = beside;
		file.data = json;
		file.len = strlen(json);
		err = place_file(&file, why);
	}
	free(json);
	return err;
}

static json_t *export_json(const char *path, const char *beside,
	const struct record_publication *p, const struct bundle_trust *trust)
{
	json_t *keys = json_array();
	char version[BUNDLE_VERSION_LEN];

	for (size_t i = 0; i < trust->key_count; i++) {
		char id[2 * BUNDLE_KEY_ID_LEN + 1];

		str_hex(trust->keys[i].id, BUNDLE_KEY_ID_LEN, id);
		json_array_append_new(keys, json_string(id));
	}
	return json_pack("{s:b,s:s,s:s,s:s,s:s,s:o}", "ok", 1, "bundle", path,
		"trust", beside, "version",
		bundle_version_text(p->version, version), "deployment",
		trust->deployment, "keys", keys);
}

/* What was to be of one pool must not be of all of them. */
static int take_own(struct bundle_bytes *out, const struct edition *e,
	const char *pool, struct why *why)
{
	int err = edition_for(out, e, pool, why);

	if (err == 0 && out->p == NULL)
		err = why_set(why, EDGE_EREFUSED,
			"no part of this publication can be made for pool %s: "
			"publish it again with --force, or export without "
			"--pool the topology of all", pool);
	return err;
}

/* The whole, or what the machines of a pool get. */
static int write_bundle(const struct cmd_call *call,
	const struct record_publication *p, const struct bundle_trust *trust,
	char *beside, size_t cap, struct why *why)
{
	const char *pool = cmd_get(call, "pool");
	struct bundle_bytes bytes = {.p = NULL};
	struct edition edition;
	int err = edition_open(&edition, p->bundle, p->bundle_len,
		cmd_has(call, "pool"), why);

	if (err < 0)
		return err;
	if (cmd_has(call, "pool"))
		err = take_own(&bytes, &edition, pool, why);
	if (err == 0)
		err = write_both(call->argv[0], bytes.p != NULL ? &bytes :
			&(struct bundle_bytes){.p = p->bundle,
				.len = p->bundle_len}, trust, beside, cap,
			why);
	bundle_bytes_fini(&bytes);
	edition_close(&edition);
	return err;
}

int export_command(struct cmd_call *call)
{
	struct publish_conf *conf = order_conf(call);
	struct record_publication p = {.bundle = NULL};
	struct bundle_trust trust;
	struct record *r = NULL;
	struct why why = {""};
	char beside[1024];
	int status = CMD_OK;
	int err;

	if (conf == NULL)
		return CMD_USAGE;
	err = record_open(&r, conf->driver, conf->record, &why);
	if (err == 0)
		err = trust_store_load(r, &trust, &why);
	if (err == 0) {
		err = record_load(r, &p, &why);
		if (err == -ENOENT)
			why_set(&why, err, "nothing was published yet: "
				"'edgectl publish FILE' first; machines that "
				"can't be reached yet do not matter");
	}
	if (err == 0)
		err = write_bundle(call, &p, &trust, beside, sizeof(beside),
			&why);
	if (err < 0)
		status = cmd_fail(call, CMD_FAILED, err, &why);
	else
		output_print(call, export_json(call->argv[0], beside, &p,
			&trust), print_export);
	record_publication_fini(&p);
	record_close(r);
	publish_conf_free(conf);
	return status;
}
