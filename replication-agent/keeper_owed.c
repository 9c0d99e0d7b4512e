/*
 * What is owed to the disk: decisions that were taken while it was full or
 * read-only. They hold in memory, show in status, and are written as soon as
 * that goes. For the pin there is a spare file on the disk, too, which takes
 * no room to use, so that even a death forgets nothing but the reason.
 */
#include <string.h>

#include "common/base/log.h"
#include "common/base/str.h"
#include "replication-agent/keeper.h"

#define BY "replication-agent"

static void owe(struct keeper *k, const struct pin *pin, bool has_file)
{
	pthread_mutex_lock(&k->lock);
	k->view.is_pin_owed = pin != NULL;
	k->view.has_pin_file = has_file;
	if (pin != NULL)
		k->view.owed = *pin;
	pthread_mutex_unlock(&k->lock);
}

void keeper_pin(struct keeper *k, const char *reason)
{
	struct pin pin = {.at = wall_now(), .by = BY};
	struct why why = {""};
	int err = pin_set(k->conf->state_dir, BY, reason, &why);

	if (err == 0) {
		owe(k, NULL, false);
		return;
	}
	snprintf(pin.reason, sizeof(pin.reason), "%s", reason);
	str_tidy(pin.reason);
	log_error("pin.unsaved", "spare=%d text=%s", err > 0,
		log_qz(why.text));
	owe(k, &pin, err > 0);
}

void keeper_forget_pin(struct keeper *k)
{
	owe(k, NULL, false);
}

bool keeper_is_pinned(const struct keeper *k, const struct keeper_view *view,
	struct pin *out)
{
	const bool has_file = pin_read(out, k->conf->state_dir);

	/* Somebody took the spare away: they let go. */
	if (!view->is_pin_owed || (view->has_pin_file && !has_file))
		return has_file;
	*out = view->owed;
	return true;
}

static void settle_pin(struct keeper *k)
{
	struct pin pin;
	struct why why = {""};
	int err;

	if (!k->view.is_pin_owed)
		return;
	if (!keeper_is_pinned(k, &k->view, &pin)) {
		owe(k, NULL, false);
		return;
	}
	err = pin_set(k->conf->state_dir, k->view.owed.by,
		k->view.owed.reason, &why);
	if (err == 0)
		owe(k, NULL, false);
	else if (err > 0 && !k->view.has_pin_file)
		owe(k, &k->view.owed, true);
}

void keeper_settle(struct keeper *k)
{
	struct why why = {""};

	settle_pin(k);
	if (record_settle(k->record, &why) < 0 ||
		pin_reserve(k->conf->state_dir, &why) < 0)
		log_limited(LOG_LEVEL_WARNING, 1, "record.unsaved",
			"text=%s", log_qz(why.text));
}

void keeper_keep(struct keeper *k, const struct record_facts *facts)
{
	struct why why = {""};

	if (record_keep(k->record, facts, &why) < 0)
		log_error("record.unsaved", "text=%s", log_qz(why.text));
}
