/* For programs: the object itself, on one line, keys in insertion order. */
#include <stdlib.h>

#include "common/base/str.h"
#include "edgectl/output.h"

/* What would steer a terminal stays, but escaped: the same to a program,
 * harmless to who looks. Below U+007F JSON itself asks for that. */
void output_json(FILE *to, const json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	const char *at = text != NULL ? text : "null";

	while (*at != '\0') {
		unsigned code;
		size_t n = str_steering_len(at, &code);

		if (n > 0)
			fprintf(to, "\\u%04x", code);
		else
			fputc(*at, to);
		at += n > 0 ? n : 1;
	}
	fputc('\n', to);
	free(text);
}

void output_print(const struct cmd_call *call, json_t *object,
	output_text_fn *text)
{
	if (call->json || text == NULL) {
		output_json(stdout, object);
	} else {
		output_clean_all(object);
		text(stdout, object);
	}
	json_decref(object);
}
