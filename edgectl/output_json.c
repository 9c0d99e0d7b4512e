/* For programs: the object itself, on one line, keys in insertion order. */
#include <stdlib.h>

#include "edgectl/output.h"

void output_json(FILE *to, const json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	fprintf(to, "%s\n", text != NULL ? text : "null");
	free(text);
}

void output_print(const struct cmd_call *call, json_t *object,
	output_text_fn *text)
{
	if (call->json || text == NULL)
		output_json(stdout, object);
	else
		text(stdout, object);
	json_decref(object);
}
