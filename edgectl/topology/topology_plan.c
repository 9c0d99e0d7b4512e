/*
 * The plan behind `edgectl topology plan` and `apply`: both see the same
 * difference and the same findings. What daemons say to it is
 * topology_apply.c.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/addr.h"
#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/net/device.h"
#include "common/store/sql.h"
#include "edgectl/output.h"
#include "edgectl/topology/topology_plan.h"

/* One more finding, in front or at the end. */
static int add_finding(struct topology_plan *plan, const char *rule,
	bool is_error, const char *text, const char *keys)
{
	size_t n = plan->finding_count;
	struct topology_finding *rows = realloc(plan->findings,
		(n + 1) * sizeof(*rows));
	size_t at = is_error ? 0 : n;

	if (rows == NULL)
		return -ENOMEM;
	plan->findings = rows;
	memmove(&rows[at + 1], &rows[at], (n - at) * sizeof(*rows));
	rows[at].rule = rule;
	rows[at].is_error = is_error;
	snprintf(rows[at].at, sizeof(rows[at].at), "%s", keys);
	snprintf(rows[at].text, sizeof(rows[at].text), "%s", text);
	plan->finding_count++;
	return 0;
}

/* This machine must be in it, or its daemons would not start again. */
static int check_machine(struct topology_plan *plan, struct sqlite3 *db,
	const struct conf *conf, struct why *why)
{
	struct sqlite3_stmt *stmt;
	char text[WHY_LEN];
	int err;

	err = sql_query(&stmt, db, why, "SELECT 1 FROM machine WHERE fqdn=?",
		"t", conf->machine);
	if (err < 0)
		return err;
	err = sql_next(stmt, why);
	sqlite3_finalize(stmt);
	if (err != 0)
		return err < 0 ? err : 0;
	snprintf(text, sizeof(text),
		"this machine, %s, is not in it: add it below the machines of "
		"an edge pool, or correct 'machine' in %s", conf->machine,
		conf->path);
	return add_finding(plan, "this-machine", true, text, "edges");
}

/* No error: the address may come later, with the device or a cluster. The
 * daemons refuse it while it is not there, and the doctor says so. */
static int check_addresses(struct topology_plan *plan, struct sqlite3 *db,
	const struct conf *conf, struct why *why)
{
	static const char SQL[] =
		"SELECT DISTINCT n.address, n.side, 'edges/'||p.fqdn||"
		"'/machines/'||m.fqdn FROM net_interface n JOIN machine m"
		" USING(machine_id) JOIN pool p USING(pool_id) WHERE m.fqdn=?";
	struct sqlite3_stmt *stmt;
	int err = sql_query(&stmt, db, why, SQL, "t", conf->machine);

	if (err < 0)
		return err;
	while ((err = sql_next(stmt, why)) == 1) {
		const char *address = sql_text(stmt, 0);
		char device[NET_DEVICE_LEN];
		char text[WHY_LEN];
		struct addr a;

		if (addr_parse(str_of(address), &a) < 0 ||
			net_device_of(&a, device) == 0)
			continue;
		snprintf(text, sizeof(text),
			"%s (%s) is on no device of this host: correct it, or "
			"'ip address add' it before the daemons start",
			address, sql_text(stmt, 1));
		err = add_finding(plan, "no-device", false, text,
			sql_text(stmt, 2));
		if (err < 0)
			break;
	}
	sqlite3_finalize(stmt);
	return err;
}

static int find_errors(struct topology_plan *plan, struct sqlite3 *db,
	const struct conf *conf, struct why *why)
{
	int err = topology_check(db, &plan->findings, &plan->finding_count,
		why);

	if (err == 0)
		err = check_machine(plan, db, conf, why);
	if (err == 0)
		err = check_addresses(plan, db, conf, why);
	for (size_t i = 0; i < plan->finding_count && err == 0; i++) {
		if (plan->findings[i].is_error)
			plan->has_errors = true;
	}
	return err;
}

/* The current generation, or NULL with a finding that says why not. */
static int open_current(struct topology_plan *plan, struct sqlite3 **out,
	const struct conf *conf)
{
	struct generation_info info;
	struct sqlite3 *db = NULL;
	struct why why = {""};
	char path[sizeof(info.path)];
	char text[WHY_LEN];
	int err = generation_current_path(conf->state_dir, path, sizeof(path),
		&why);

	if (err == -ENOENT)
		return 0; /* the first one */
	if (err == 0)
		err = generation_open(&db, path, &why);
	if (err == 0)
		err = generation_read_info(db, path, &info, &why);
	if (err == 0) {
		plan->has_current = true;
		generation_version_text(info.epoch, info.serial,
			plan->current);
		*out = db;
		return 0;
	}
	sqlite3_close(db);
	if (err == -EACCES)
		snprintf(text, sizeof(text),
			"no right to read the current generation, so "
			"everything counts as new: become root or a member of "
			"group sallyport");
	else
		snprintf(text, sizeof(text),
			"the current generation can't be read, so everything "
			"counts as new: %.300s", why_text(&why, err));
	return add_finding(plan, "current", false, text, "");
}

int topology_plan_take(struct topology_plan *plan, const struct conf *conf,
	struct topology_yaml *yaml, struct why *why)
{
	struct sqlite3 *current = NULL;
	struct sqlite3 *next = NULL;
	int err;

	memset(plan, 0, sizeof(*plan));
	plan->yaml = yaml;
	err = topology_yaml_scratch(&next, plan->yaml, why);
	if (err == 0)
		err = find_errors(plan, next, conf, why);
	if (err == 0)
		err = open_current(plan, &current, conf);
	if (err == 0)
		err = topology_diff(&plan->diff, current, next, why);
	sqlite3_close(current);
	sqlite3_close(next);
	return err;
}

int topology_plan_make(struct topology_plan *plan, const struct conf *conf,
	const char *file, struct why *why)
{
	struct topology_yaml *yaml = NULL;
	int err = topology_yaml_load(&yaml, file, why);

	memset(plan, 0, sizeof(*plan));
	return err == 0 ? topology_plan_take(plan, conf, yaml, why) : err;
}

void topology_plan_fini(struct topology_plan *plan)
{
	topology_yaml_free(plan->yaml);
	topology_diff_fini(&plan->diff);
	free(plan->findings);
	memset(plan, 0, sizeof(*plan));
}

/* ---- telling ------------------------------------------------------------ */

static json_t *change_json(const struct topology_change *c)
{
	return json_pack("{s:s,s:s,s:s?,s:s?}", "change",
		topology_change_name(c->kind), "path", c->path, "was", c->was,
		"is", c->is);
}

int topology_plan_tell(const struct topology_plan *plan, json_t *object)
{
	json_t *changes = json_array();
	json_t *findings = json_array();
	struct why why;

	for (size_t i = 0; i < plan->diff.count; i++)
		json_array_append_new(changes,
			change_json(&plan->diff.rows[i]));
	for (size_t i = 0; i < plan->finding_count; i++) {
		const struct topology_finding *f = &plan->findings[i];

		topology_yaml_place(plan->yaml, f->at, f->text, &why);
		json_array_append_new(findings,
			json_pack("{s:s,s:s,s:s}", "level",
				f->is_error ? "error" : "warning", "rule",
				f->rule, "text", why.text));
	}
	json_object_set_new(object, "changes", changes);
	json_object_set_new(object, "findings", findings);
	json_object_set_new(object, "current",
		plan->has_current ? json_string(plan->current) : json_null());
	return json_object_get(object, "findings") != NULL ? 0 : -ENOMEM;
}

static void print_change(FILE *to, const json_t *row)
{
	const char *kind = output_str(row, "change", "");
	const char *path = output_str(row, "path", "");
	const char *was = output_str(row, "was", "");
	const char *is = output_str(row, "is", "");

	if (strcmp(kind, "added") == 0)
		fprintf(to, "  + %s: %s\n", path, is);
	else if (strcmp(kind, "removed") == 0)
		fprintf(to, "  - %s: %s\n", path, was);
	else
		fprintf(to, "  ~ %s: %s -> %s\n", path, was, is);
}

void topology_plan_print(FILE *to, const json_t *object)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(object, "changes"), i, row)
		print_change(to, row);
	json_array_foreach (json_object_get(object, "findings"), i, row)
		fprintf(to, "%s: %s\n", output_str(row, "level", ""),
			output_str(row, "text", ""));
}
