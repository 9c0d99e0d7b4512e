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

struct attempt {
	struct bundle_filling *filling;
	struct sqlite3 *base;     /* what to begin with, or NULL */
	struct bundle_rows before; /* its rows */
};

static int fill(struct sqlite3 *db, void *arg, struct why *why)
{
	const struct attempt *a = arg;
	int err = bundle_change(db, a->filling->bundle,
		(struct str){a->before.text, a->before.len}, why);

	return err < 0 ? err : check(a->filling, db, why);
}

static int stage(struct generation_stage **out, const char *state_dir,
	struct attempt *a, struct why *why)
{
	const struct bundle_manifest *m = &a->filling->bundle->manifest;
	char source[256];
	const struct generation_origin origin = {
		.deployment = m->deployment,
		.epoch = m->version.epoch,
		.serial = m->version.serial,
		.created = m->created,
		.source = source,
		.manifest_sha256 = a->filling->bundle->sha256,
		.base = a->base,
	};

	snprintf(source, sizeof(source), "%.100s: %.140s", m->publisher,
		m->reason);
	str_tidy(source); /* it may end within a character */
	return generation_stage_make(out, state_dir, &origin, fill, a, why);
}

/* From what came before. Whatever is in the way of that, the other way
 * finds it again, and is the one that says so. */
static int stage_from(struct generation_stage **out, const char *state_dir,
	struct bundle_filling *filling)
{
	const struct bundle_base *base = filling->base;
	struct attempt a = {.filling = filling};
	int err = generation_copy(&a.base, base->path, base->file_sha256,
		NULL);

	if (err < 0)
		return err;
	err = bundle_unpack(&a.before, base->bundle, NULL);
	if (err == 0)
		err = stage(out, state_dir, &a, NULL);
	bundle_rows_fini(&a.before);
	sqlite3_close(a.base);
	if (err < 0)
		bundle_filling_fini(filling);
	return err;
}

int bundle_stage(struct generation_stage **out, const char *state_dir,
	struct bundle_filling *filling, struct why *why)
{
	struct attempt a = {.filling = filling};

	if (filling->base != NULL &&
		stage_from(out, state_dir, filling) == 0)
		return 0;
	return stage(out, state_dir, &a, why);
}

void bundle_filling_fini(struct bundle_filling *filling)
{
	free(filling->findings);
	filling->findings = NULL;
	filling->count = 0;
}
