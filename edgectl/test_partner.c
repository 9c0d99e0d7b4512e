/*
 * The daemon does the work: it has the certificate, the external address and
 * the rules. Here the question is asked and the answer drawn.
 */
#include <stdio.h>

#include "common/base/attr.h"
#include "edgectl/daemons.h"
#include "edgectl/output.h"
#include "edgectl/test_partner.h"

#define TIMEOUT_MS 45000 /* every server tried, and the answer */

static const struct output_column STEPS[] = {
	{"STEP", "step", 0},
	{"RESULT", "result", 0},
	{"FINDING", "finding", 100},
};

static void partner_text(FILE *to, const json_t *object)
{
	bool is_good = json_is_true(json_object_get(object, "ok"));

	output_table(to, json_object_get(object, "steps"), STEPS,
		ARRAY_COUNT(STEPS));
	fprintf(to, "\nTarget   %s\nResult   %s\nLatency  %lld ms\n",
		output_str(object, "server", "none"), is_good ? "success" :
		"failure", (long long)json_integer_value(json_object_get(
		object, "took_ms")));
}

int test_partner_run(struct cmd_call *call)
{
	const char *proxy = cmd_get(call, "proxy");
	struct conf *conf = NULL;
	struct why why = {""};
	json_t *reply = NULL;
	json_t *body;
	int status, err;

	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	body = json_pack("{s:s}", "domain", call->argv[0]);
	if (proxy != NULL)
		json_object_set_new(body, "proxy", json_string(proxy));
	err = daemons_call_within(conf, CONF_ACCESS_EDGE,
		"/v1/partners/test", body, TIMEOUT_MS, &reply, &why);
	json_decref(body);
	conf_free(conf);
	if (err != 0)
		return cmd_fail(call, CMD_USAGE, err, &why);
	status = json_is_true(json_object_get(reply, "ok")) ? CMD_OK :
		CMD_FAILED;
	output_print(call, reply, partner_text);
	return status;
}
