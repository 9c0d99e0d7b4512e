/*
 * When a publication is handed out: once the canaries have passed it, as
 * those who fetch activate at once; a few files in each turn, the head last.
 */
#include <string.h>

#include "common/base/log.h"
#include "edgectl/publish/mirror.h"
#include "edgectl/publish/publisher_priv.h"

#define FILES_A_TURN 32
#define RETRY_MS     30000

static int put_whole(struct publisher *p, struct why *why)
{
	int err = p->mirror.has_whole ? 0 :
		mirror_put_whole(p->conf->mirror, p->newest.sha256,
			p->newest.bundle, p->newest.bundle_len, why);

	p->mirror.has_whole |= err == 0;
	return err;
}

/* Who needs the whole asks for it when there is nothing of its own. */
static int put_own(struct publisher *p, size_t i, struct why *why)
{
	const struct edge_target *target = &p->edges[i].target;
	struct bundle_bytes own;
	int err = edition_for(&own, &p->edition, target->pool, why);

	if (err == 0 && own.p == NULL)
		return put_whole(p, why);
	if (err == 0)
		err = mirror_put_own(p->conf->mirror, p->newest.sha256,
			target->fqdn, own.p, own.len, why);
	bundle_bytes_fini(&own);
	return err;
}

static int put_bundles(struct publisher *p, struct why *why)
{
	struct publisher_mirror *m = &p->mirror;
	int err = 0;

	if (p->edition.cut == NULL) {
		err = put_whole(p, why);
		if (err == 0)
			m->at = p->rollout.count;
	}
	for (int n = 0; n < FILES_A_TURN && m->at < p->rollout.count &&
		err == 0; n++) {
		err = put_own(p, m->at, why);
		if (err == 0)
			m->at++;
	}
	return err;
}

/* The head that the edges get, whenever there is a new one. */
static int put_head(struct publisher *p, struct why *why)
{
	struct publisher_mirror *m = &p->mirror;
	int err;

	if (p->head.p == NULL)
		return 0;
	err = mirror_put_head(p->conf->mirror, p->head.p, p->head.len, why);
	if (err < 0)
		return err;
	if (m->head_made.ms == 0) {
		log_notice("publisher.mirrored", "files=%zu folder=%s",
			p->rollout.count, log_qz(p->conf->mirror));
		mirror_sweep(p->conf->mirror, p->newest.sha256);
	}
	m->head_made = p->head_made;
	return 0;
}

/* Files are missing, or the head. */
static bool is_due(const struct publisher *p)
{
	const struct publisher_mirror *m = &p->mirror;

	return p->conf->mirror != NULL &&
		(p->rollout.phase == ROLLOUT_REST ||
			p->rollout.phase == ROLLOUT_DONE) &&
		(m->at < p->rollout.count ||
			(p->head.p != NULL &&
				m->head_made.ms != p->head_made.ms));
}

void publisher_mirror_drive(struct publisher *p, struct mono now)
{
	struct publisher_mirror *m = &p->mirror;
	struct why why = {""};
	int err;

	if (!is_due(p) || !mono_is_past(m->next, now))
		return;
	err = put_bundles(p, &why);
	if (err == 0 && m->at == p->rollout.count)
		err = put_head(p, &why);
	if (err == 0)
		return;
	m->next = mono_after_ms(now, RETRY_MS);
	log_error("publisher.mirror_failed", "text=%s", log_qz(why.text));
}

bool publisher_is_mirroring(const struct publisher *p)
{
	return is_due(p) && p->mirror.next.ms == 0;
}
