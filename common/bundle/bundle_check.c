/*
 * Where bundle and store meet: what a manifest says becomes `meta`, and the
 * rows are looked at as `edgectl topology plan` looks at a file. Whether to
 * believe the bundle was asked before.
 */
#include "common/bundle/bundle_check.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/err.h"
#include "common/base/str.h"

static int check(struct bundle_filling *f, struct sqlite3 *db,
	struct why *why)
{
	int err = topology_check(db, &f->findings, &f->count, why);

	if (err == 0 && f->count > 0 && f->findings[0].is_error)
		err = why_set(why, EDGE_EREFUSED, "%s", f->findings[0].text);
	return err;
}

static int fill(struct sqlite3 *db, void *arg, struct why *why)
{
	struct bundle_filling *f = arg;
	int err = bundle_fill(db, f->bundle, why);

	return err < 0 ? err : check(f, db, why);
}

int bundle_stage(struct generation_stage **out, const char *state_dir,
	struct bundle_filling *filling, struct why *why)
{
	const struct bundle_manifest *m = &filling->bundle->manifest;
	char source[256];
	const struct generation_origin origin = {
		.deployment = m->deployment,
		.epoch = m->version.epoch,
		.serial = m->version.serial,
		.created = m->created,
		.source = source,
		.manifest_sha256 = filling->bundle->sha256,
		.is_part = filling->bundle->part_count > 0,
	};

	snprintf(source, sizeof(source), "%.100s: %.140s", m->publisher,
		m->reason);
	str_tidy(source); /* it may end within a character */
	return generation_stage_make(out, state_dir, &origin, fill, filling,
		why);
}

void bundle_filling_fini(struct bundle_filling *filling)
{
	free(filling->findings);
	filling->findings = NULL;
	filling->count = 0;
}
