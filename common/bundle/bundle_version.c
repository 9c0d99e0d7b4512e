/*
 * Versions as pairs, and the one rule about them: forwards only. No file and
 * no clock is looked at here (docs/protocol/replication.md 4).
 */
#include "common/bundle/bundle_version.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"

int bundle_version_compare(struct bundle_version a, struct bundle_version b)
{
	if (a.epoch != b.epoch)
		return a.epoch < b.epoch ? -1 : 1;
	if (a.serial != b.serial)
		return a.serial < b.serial ? -1 : 1;
	return 0;
}

const char *bundle_version_text(struct bundle_version v,
	char out[static BUNDLE_VERSION_LEN])
{
	snprintf(out, BUNDLE_VERSION_LEN, "%" PRIu32 ".%" PRIu64, v.epoch,
		v.serial);
	return out;
}

int bundle_version_parse(struct str text, struct bundle_version *out)
{
	size_t dot = str_find(text, '.');
	struct bundle_version v;
	int err;

	if (dot == text.n)
		return EDGE_EMALFORMED;
	err = str_to_u32((struct str){text.p, dot}, &v.epoch);
	if (err == 0)
		err = str_to_u64(str_skip(text, dot + 1), &v.serial);
	if (err == 0)
		*out = v;
	return err;
}

enum bundle_verdict bundle_judge(const struct bundle_mark *mark,
	struct bundle_version version, const char *sha256)
{
	int order = bundle_version_compare(version, mark->version);

	if (order != 0)
		return order > 0 ? BUNDLE_NEWER : BUNDLE_OLDER;
	return strcmp(mark->sha256, sha256) == 0 ? BUNDLE_KNOWN :
						   BUNDLE_CONFLICT;
}
