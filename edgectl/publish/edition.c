/* Opening a publication once for all machines that are to get it. */
#include "edgectl/publish/edition.h"

#include <sqlite3.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"

/* Parts are made again from the rows. If they do not come out as those that
 * were signed, as with another release of zstd, the whole is good, too. */
static int cut(struct edition *e, struct why *why)
{
	int err = bundle_cut_make(&e->cut, e->db, why);

	if (err < 0 || bundle_cut_is_of(e->cut, &e->whole.manifest))
		return err;
	log_notice("publisher.uncut", "text=%s", log_qz("the parts of this "
		"publication can't be made again as they were signed; every "
		"machine gets all of it until the next one"));
	bundle_cut_free(e->cut);
	e->cut = NULL;
	return 0;
}

int edition_open(struct edition *out, const void *bytes, size_t len,
	bool is_cut, struct why *why)
{
	struct edition e = {.db = NULL};
	int err = bundle_read(&e.whole, bytes, len, why);

	if (err == 0)
		err = bundle_scratch(&e.db, &e.whole, why);
	if (err == 0 && is_cut && e.whole.manifest.parts > 0)
		err = cut(&e, why);
	if (err < 0) {
		edition_close(&e);
		return err;
	}
	*out = e;
	return 0;
}

void edition_close(struct edition *e)
{
	bundle_cut_free(e->cut);
	sqlite3_close(e->db);
	bundle_fini(&e->whole);
	memset(e, 0, sizeof(*e));
}

int edition_for(struct bundle_bytes *out, const struct edition *e,
	const char *pool, struct why *why)
{
	int err = EDGE_ETOOBIG;

	memset(out, 0, sizeof(*out));
	if (e->cut != NULL)
		err = bundle_cut_for(out, e->cut, e->db, &e->whole, pool,
			why);
	return err == EDGE_ETOOBIG ? 0 : err;
}
