/* Pinning by the file, which works without the agent; unpinning by the agent
 * where it runs, because it knows what waits. */
#include "edgectl/topology/topology_pin.h"

#include <errno.h>

#include "common/base/log.h"
#include "common/store/pin.h"
#include "edgectl/daemons.h"
#include "edgectl/topology/topology_apply.h"

int topology_pin(const struct conf *conf, const char *reason, bool *is_new,
	struct why *why)
{
	struct pin pin;
	int err;

	*is_new = false;
	if (!topology_apply_is_published(conf))
		return 0;
	*is_new = !pin_read(&pin, conf->state_dir);
	err = pin_set(conf->state_dir, "edgectl", reason, why);
	if (err < 0)
		*is_new = false;
	return err < 0 ? err : 0;
}

void topology_pin_undo(const struct conf *conf, bool is_new)
{
	struct why why = {""};

	if (is_new && pin_clear(conf->state_dir, &why) < 0)
		log_warning("pin.kept", "text=%s", log_qz(why.text));
}

int topology_unpin(const struct conf *conf, bool *was_pinned,
	struct why *why)
{
	json_t *body = json_object();
	json_t *reply = NULL;
	struct pin pin;
	int err;

	*was_pinned = pin_read(&pin, conf->state_dir);
	err = daemons_call(conf, CONF_REPLICATION_AGENT, "/v1/unpin", body,
		&reply, why);
	json_decref(body);
	json_decref(reply);
	if (err == -ENOENT || err == -ECONNREFUSED)
		return pin_clear(conf->state_dir, why);
	return err;
}
