/*
 * The loop of a publisher: record, office, requests, roll-out. Without the
 * record nothing new is published and nothing is pushed: an edge goes on
 * serving whatever happens here.
 */
#include "edgectl/publish/publisher.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "common/base/rand.h"
#include "common/store/sql.h"
#include "edgectl/publish/mirror.h"
#include "edgectl/publish/own_certificate.h"
#include "edgectl/publish/pool_ring.h"
#include "edgectl/publish/publisher_priv.h"
#include "edgectl/publish/signing_helper.h"
#include "edgectl/publish/trust_store.h"

#define LOCK_EVERY_MS  1000
#define LOOK_EVERY_MS  1000
#define WRITE_EVERY_MS 500
#define DUE_EVERY_MS   60000
#define REOPEN_MAX_MS  30000
#define POLL_MS        300 /* where the record can't wake us */

int publisher_new(struct publisher **out, const struct publish_conf *conf,
	struct why *why)
{
	struct publisher *p = calloc(1, sizeof(*p));
	int err = -ENOMEM;

	if (p == NULL)
		return err;
	p->conf = conf;
	err = own_certificate_check(conf, why);
	if (err == 0 && conf->mirror != NULL)
		err = mirror_check(conf->mirror, why);
	if (err == 0)
		err = signing_open(&p->signing, conf, why);
	if (err == 0)
		err = record_open(&p->record, conf->driver, conf->record, why);
	if (err < 0) {
		publisher_free(p);
		return err;
	}
	*out = p;
	return 0;
}

static void leave_office(struct publisher *p)
{
	publisher_drop_edges(p);
	record_publication_fini(&p->newest);
}

void publisher_free(struct publisher *p)
{
	if (p == NULL)
		return;
	leave_office(p);
	record_close(p->record);
	signing_fini(&p->signing);
	free(p);
}

int publisher_delegate(struct publisher *p, struct why *why)
{
	return signing_delegate(&p->signing, why);
}

struct record *publisher_record(struct publisher *p)
{
	return p->record;
}

bool publisher_is_in_office(const struct publisher *p)
{
	return p->record != NULL && record_epoch(p->record) != 0;
}

const struct rollout *publisher_rollout(const struct publisher *p)
{
	return &p->rollout;
}

struct bundle_version publisher_version(const struct publisher *p)
{
	return p->newest.version;
}

uint64_t publisher_bytes(const struct publisher *p)
{
	return p->bytes +
		(p->calls != NULL ? edge_calls_bytes(p->calls) : 0);
}

/* ---- the record --------------------------------------------------------- */

static void lose_record(struct publisher *p, const struct why *why)
{
	int64_t delay = 500;

	if (p->record == NULL)
		return;
	log_warning("publisher.record_lost", "text=%s",
		log_qz(why_text(why, EDGE_EPEER)));
	leave_office(p);
	record_close(p->record);
	p->record = NULL;
	p->open_tries = 0;
	p->next_open = mono_after_ms(mono_now(), rand_jitter_ms(delay, 20));
}

static void reopen(struct publisher *p)
{
	struct mono now = mono_now();
	struct why why = {""};
	int64_t delay = 1000;

	if (!mono_is_past(p->next_open, now))
		return;
	if (record_open(&p->record, p->conf->driver, p->conf->record, &why) ==
		0) {
		log_notice("publisher.record_found", "kind=%s",
			p->conf->driver->name);
		return;
	}
	p->record = NULL;
	for (unsigned i = 0; i < p->open_tries && delay < REOPEN_MAX_MS; i++)
		delay *= 2;
	p->open_tries++;
	log_limited(LOG_LEVEL_WARNING, 6, "publisher.record_away", "text=%s",
		log_qz(why.text));
	p->next_open = mono_after_ms(mono_now(), rand_jitter_ms(delay, 20));
}

/* ---- the newest publication --------------------------------------------- */

/* How the administrator wants this one rolled out. */
static void take_options(struct publisher *p)
{
	json_t *options = json_loads(p->newest.options, 0, NULL);
	const json_t *hold = json_object_get(options, "hold_s");
	const json_t *confirm = json_object_get(options, "confirm_s");
	const json_t *canaries = json_object_get(options, "canaries");
	const json_t *name;
	size_t i;

	p->rollout.hold_ms = 1000 * (json_is_integer(hold) ?
		json_integer_value(hold) : (json_int_t)p->conf->hold_s);
	p->rollout.confirm_ms = 1000 * (json_is_integer(confirm) ?
		json_integer_value(confirm) : (json_int_t)p->conf->confirm_s);
	p->rollout.poll_ms = 1000 * (int64_t)p->conf->poll_s;
	json_array_foreach (canaries, i, name)
		for (size_t k = 0; k < p->rollout.count; k++)
			p->rollout.members[k].is_named |=
				json_is_string(name) &&
				strcmp(json_string_value(name),
					p->rollout.members[k].fqdn) == 0;
	json_decref(options);
}

static int load_trust(struct publisher *p, struct why *why)
{
	struct bundle_trust trust;
	int err = trust_store_load(p->record, &trust, why);

	p->trust_serial = err == 0 ? trust.serial : 0;
	return err == -ENOENT ? 0 : err;
}

/* Begin with what the record has as the newest. */
static int load_newest(struct publisher *p, struct why *why)
{
	char version[BUNDLE_VERSION_LEN];
	int err;

	leave_office(p);
	err = load_trust(p, why);
	if (err == 0)
		err = record_load(p->record, &p->newest, why);
	if (err < 0)
		return err;
	err = publisher_load_edges(p, why);
	if (err < 0)
		return err;
	take_options(p);
	p->written = ROLLOUT_STAGE;
	if (strcmp(p->newest.state, "done") == 0) {
		rollout_adopt(&p->rollout);
		p->written = ROLLOUT_DONE;
	} else if (strcmp(p->newest.state, "stopped") == 0) {
		rollout_stop(&p->rollout, p->newest.note);
		p->written = ROLLOUT_STOPPED;
	}
	log_notice("publisher.bringing", "version=%s machines=%zu state=%s",
		bundle_version_text(p->newest.version, version),
		p->rollout.count, p->newest.state);
	return 0;
}

/* Edges learn of an epoch by what goes out under it. Where it is raised at
 * every take-over a restart must not be news to them; where a person raised
 * it, that is what he wants. */
static bool is_to_go_again(const struct publisher *p)
{
	return strcmp(p->newest.state, "rolling") == 0 ||
		(record_raises_by_hand(p->record) &&
			strcmp(p->newest.state, "done") == 0);
}

/* What the one before us did not bring to its end goes out again under our
 * epoch: then nothing of his is taken any more. */
static int take_office(struct publisher *p, struct why *why)
{
	uint32_t epoch = record_epoch(p->record);
	char reason[200];
	int err = pool_ring_register(p->record, p->conf, why);

	log_notice("publisher.office", "epoch=%u name=%s", epoch,
		p->conf->name);
	if (err == 0)
		err = load_newest(p, why);
	if (err == -ENOENT)
		return 0; /* nothing was ever published */
	if (err < 0 || p->newest.version.epoch == epoch || !is_to_go_again(p))
		return err;
	snprintf(reason, sizeof(reason), "taken over%s: epoch %u is over",
		strcmp(p->newest.state, "rolling") == 0 ?
			" in the middle of a roll-out" : "",
		p->newest.version.epoch);
	err = publisher_again(p, reason, NULL, why);
	return err == 0 ? load_newest(p, why) : err;
}

static int run_for_office(struct publisher *p, struct why *why)
{
	struct mono now = mono_now();
	int err;

	if (!mono_is_past(p->next_lock, now))
		return 0;
	p->next_lock = mono_after_ms(now, LOCK_EVERY_MS);
	err = record_lock(p->record, p->conf->name, why);
	if (err == EDGE_EBUSY)
		return 0;
	return err == 0 ? take_office(p, why) : err;
}

/* ---- in office ---------------------------------------------------------- */

/* Where the roll-out is, into the record, when that changed. */
static int write_phase(struct publisher *p, struct why *why)
{
	enum rollout_phase phase = p->rollout.phase;
	bool is_end = phase == ROLLOUT_DONE || phase == ROLLOUT_STOPPED;
	char note[WHY_LEN];
	int err;

	if (phase == p->written || p->rollout.count == 0 ||
		/* Done once is done: who falls behind later catches up. */
		(p->written == ROLLOUT_DONE && phase == ROLLOUT_REST))
		return 0;
	snprintf(note, sizeof(note), "%s", phase == ROLLOUT_STOPPED ?
		p->rollout.note : rollout_phase_name(phase));
	/* Who waits for the end looks at the machines then. */
	err = publisher_write(p, why);
	if (err == 0)
		err = record_put_state(p->record, p->newest.version,
			phase == ROLLOUT_DONE	 ? "done" :
			phase == ROLLOUT_STOPPED ? "stopped" :
						   "rolling", note, why);
	if (err < 0)
		return err; /* it is told again: nobody else would */
	p->written = phase;
	if (is_end)
		log_notice("publisher.rollout", "phase=%s text=%s",
			rollout_phase_name(phase), log_qz(p->rollout.note));
	return 0;
}

/* Keys of pools that are due, when nothing else is going on. */
static int renew_keys(struct publisher *p, struct why *why)
{
	struct mono now = mono_now();
	char reason[300] = "";
	int err;

	if (p->newest.sha256[0] == '\0' || !rollout_is_settled(&p->rollout) ||
		!mono_is_past(p->next_due, now))
		return 0;
	p->next_due = mono_after_ms(now, p->rollout.phase == ROLLOUT_DONE ?
		1000 * (int64_t)p->conf->poll_s : DUE_EVERY_MS);
	err = pool_ring_due(p->record, p->conf, p->edition.db,
		p->rollout.phase == ROLLOUT_DONE, reason, sizeof(reason), why);
	if (err < 0 || reason[0] == '\0')
		return err;
	err = publisher_again(p, reason, NULL, why);
	return err == 0 ? load_newest(p, why) : err;
}

static int serve_record(struct publisher *p, bool is_news, struct why *why)
{
	struct mono now = mono_now();
	int err = 0;

	if (is_news || mono_is_past(p->next_look, now)) {
		p->next_look = mono_after_ms(now, LOOK_EVERY_MS);
		err = record_check_office(p->record, why);
		if (err == 0)
			err = publisher_answer(p, why);
		if (err == 1)
			err = load_newest(p, why);
		if (err == 0)
			err = load_trust(p, why);
	}
	if (err == 0)
		publisher_drive(p);
	if (err == 0)
		err = write_phase(p, why);
	if (err == 0 && mono_is_past(p->next_write, now)) {
		p->next_write = mono_after_ms(now, WRITE_EVERY_MS);
		err = publisher_write(p, why);
	}
	return err == 0 ? renew_keys(p, why) : err;
}

void publisher_flush(struct publisher *p)
{
	struct why why = {""};
	int err = 0;

	if (!publisher_is_in_office(p))
		return;
	publisher_drive(p);
	err = write_phase(p, &why);
	if (err == 0)
		err = publisher_write(p, &why);
	if (err < 0)
		lose_record(p, &why);
}

static int wait_ms(const struct publisher *p, int max_wait_ms)
{
	int64_t wait = max_wait_ms;

	if (p->record != NULL && record_fd(p->record) < 0 && wait > POLL_MS)
		wait = POLL_MS;
	if (p->calls != NULL) {
		int64_t due = rollout_wait_ms(&p->rollout, mono_now());

		if (publisher_is_mirroring(p))
			due = 0;
		if (due < 5)
			due = edge_calls_count(p->calls) > 0 ? 5 : 1;
		if (due < wait)
			wait = due;
	}
	return (int)wait;
}

static void rest(struct publisher *p, int max_wait_ms)
{
	int fd = p->record != NULL ? record_fd(p->record) : -1;
	struct pollfd one = {.fd = fd, .events = POLLIN};
	int wait = wait_ms(p, max_wait_ms);

	if (p->calls != NULL)
		edge_calls_turn(p->calls, fd, wait);
	else
		poll(&one, fd >= 0, wait);
}

void publisher_turn(struct publisher *p, int max_wait_ms)
{
	struct why why = {""};
	int err;

	if (p->record == NULL)
		reopen(p);
	if (p->record != NULL) {
		err = record_poll(p->record);
		if (err >= 0 && record_epoch(p->record) == 0)
			err = run_for_office(p, &why) < 0 ? EDGE_EPEER : err;
		if (err >= 0 && record_epoch(p->record) != 0)
			err = serve_record(p, err == 1, &why);
		/* What is not the connection's fault is told, and tried
		 * again: the office stays. */
		if (err == EDGE_EPEER || err == EDGE_EREFUSED ||
			(err < 0 && record_epoch(p->record) == 0))
			lose_record(p, &why);
		else if (err < 0)
			log_limited(LOG_LEVEL_ERROR, 6, "publisher.failed",
				"text=%s", log_qz(why_text(&why, err)));
	}
	rest(p, max_wait_ms);
}
