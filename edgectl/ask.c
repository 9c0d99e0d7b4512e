/*
 * Asking one daemon and printing its answer: what most commands come down
 * to. Many daemons at once: daemons.c.
 */
#include "edgectl/ask.h"

#include "edgectl/daemons.h"

int ask_daemon(struct cmd_call *call, enum conf_daemon daemon,
	const char *path, const json_t *body, output_text_fn *text)
{
	struct why why = {""};
	struct conf *conf = NULL;
	json_t *reply = NULL;
	int err;

	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	err = daemons_call(conf, daemon, path, body, &reply, &why);
	conf_free(conf);
	if (err < 0)
		return cmd_fail(call, CMD_FAILED, err, &why);
	json_object_set_new(reply, "ok", json_true());
	output_print(call, reply, text);
	return CMD_OK;
}
