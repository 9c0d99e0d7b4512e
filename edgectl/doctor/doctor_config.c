/*
 * The doctor on configuration: edge.yaml, the current generation, its
 * semantic checks. Loads both for the other rooms.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "common/store/generation.h"
#include "common/store/topology_check.h"
#include "edgectl/doctor/doctor.h"

static void check_semantics(struct doctor *d, const char *path)
{
	struct topology_finding *rows = NULL;
	struct sqlite3 *db = NULL;
	struct why why = {""};
	size_t count = 0;
	int err = generation_open(&db, path, &why);

	if (err == 0)
		err = topology_check(db, &rows, &count, &why);
	if (err != 0)
		doctor_add(d, DOCTOR_FAIL, "topology",
			"edgectl topology "
			"rollback",
			"%s", why_text(&why, err));
	for (size_t i = 0; i < count; i++)
		doctor_add(d, rows[i].is_error ? DOCTOR_FAIL : DOCTOR_WARN,
			rows[i].rule,
			"change topology.yaml, then 'edgectl "
			"topology plan' and 'apply'",
			"%s", rows[i].text);
	if (err == 0 && count == 0)
		doctor_add(d, DOCTOR_OK, "rules", NULL,
			"the topology keeps every rule");
	free(rows);
	sqlite3_close(db);
}

static void load_topology(struct doctor *d)
{
	char version[TOPOLOGY_VERSION_LEN];
	char path[PATH_MAX];
	struct why why = {""};
	int err = generation_current_path(d->conf->state_dir, path,
		sizeof(path), &why);

	if (err == -ENOENT) {
		doctor_add(d, DOCTOR_FAIL, "topology",
			"edgectl topology apply topology.yaml",
			"%s/topology: none yet", d->conf->state_dir);
		return;
	}
	if (err == 0)
		err = topology_load(&d->topology, path, d->conf->machine, &why);
	if (err == -EACCES) {
		doctor_add(d, DOCTOR_FAIL, "topology",
			"call the doctor as root: it looks at keys, too",
			"%s", why_text(&why, err));
		return;
	}
	if (err != 0) {
		doctor_add(d, DOCTOR_FAIL, "topology",
			"make 'machine' in edge.yaml and the machine's name "
			"in the topology the same, or roll back",
			"%s", why_text(&why, err));
		return;
	}
	doctor_add(d, DOCTOR_OK, "topology", NULL, "generation %s for %s",
		topology_version_text(d->topology, version), d->conf->machine);
	check_semantics(d, path);
}

void doctor_config(struct doctor *d)
{
	struct why why = {""};
	struct stat st;
	int err = conf_load(&d->conf, d->conf_path, &why);

	if (err != 0) {
		doctor_add(d, DOCTOR_FAIL, "edge.yaml",
			stat(d->conf_path, &st) == 0 ?
				"correct the line, or make a new file with "
				"'edgectl init'" :
				"name another file with -c, or make one with "
				"'edgectl init'",
			"%s", why_text(&why, err));
		return;
	}
	if (stat(d->conf_path, &st) == 0 && (st.st_mode & S_IWOTH) != 0)
		doctor_add(d, DOCTOR_FAIL, "edge.yaml", "chmod o-w it",
			"%s: everybody can write it", d->conf_path);
	else
		doctor_add(d, DOCTOR_OK, "edge.yaml", NULL, "%s", d->conf_path);
	load_topology(d);
}
