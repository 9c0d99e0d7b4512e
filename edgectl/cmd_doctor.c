/* edgectl doctor: look at everything, say what is wrong and what to do. */
#include "edgectl/commands.h"
#include "edgectl/doctor/doctor.h"
#include "edgectl/output.h"

static int run(struct cmd_call *call)
{
	json_t *report = doctor_examine(call->conf_path);
	const bool ok = json_is_true(json_object_get(report, "ok"));

	output_print(call, report, doctor_text);
	return ok ? CMD_OK : CMD_FAILED;
}

static const struct cmd_verb VERBS[] = {
	{
		.words = "",
		.help = "look at everything, say what is wrong and what to do",
		.more = "Looks at configuration, certificates, names, "
			"routes, listeners, clock and\n"
			"kernel. Each finding is ok, warn or fail; what is "
			"not ok comes with what to\n"
			"do about it. Status 1 when something fails.",
		.examples = "edgectl doctor\n"
			    "edgectl doctor --json | jq '.findings[] | "
			    "select(.level==\"fail\")'\n",
		.run = run,
	},
};

const struct cmd cmd_doctor = {
	.noun = "doctor",
	.help = "look at everything, say what is wrong and what to do",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
