/*
 * The import as a command tells it: the YAML with its remarks on standard
 * output, for review; with errors only those. Nothing is applied.
 */
#include "edgectl/topology/topology_import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "edgectl/output.h"
#include "edgectl/topology/tbxml.h"

static json_t *note_json(const struct tbxml_note *note)
{
	return json_pack("{s:s,s:I,s:I,s:s}", "level",
		tbxml_level_name(note->level), "line",
		(json_int_t)note->line, "count", (json_int_t)note->count,
		"text", note->text);
}

static int tell(json_t **object, const struct tbxml *t, const char *file,
	struct why *why)
{
	json_t *notes = json_array();
	char *yaml = NULL;
	int err = t->has_errors ? 0 : tbxml_yaml(t, file, &yaml, why);

	for (size_t i = 0; i < t->note_count && err == 0; i++)
		if (json_array_append_new(notes, note_json(&t->notes[i])) < 0)
			err = -ENOMEM;
	if (err < 0) {
		json_decref(notes);
		free(yaml);
		return err;
	}
	*object = json_pack("{s:b,s:s,s:o,s:s*}", "ok", !t->has_errors, "form",
		tbxml_form_name(t->form), "notes", notes, "yaml", yaml);
	free(yaml);
	return *object != NULL ? 0 : -ENOMEM;
}

int topology_import(json_t **object, const char *file, struct why *why)
{
	struct tbxml t;
	int err = tbxml_load(&t, file, why);

	if (err == 0)
		err = tell(object, &t, file, why);
	tbxml_fini(&t);
	return err;
}

void topology_import_print(FILE *to, const json_t *object)
{
	const json_t *note;
	size_t i;

	if (json_is_true(json_object_get(object, "ok"))) {
		fputs(output_str(object, "yaml", ""), to);
		return;
	}
	json_array_foreach (json_object_get(object, "notes"), i, note)
		if (strcmp(output_str(note, "level", ""), "error") == 0)
			fprintf(to, "line %lld: %s\n",
				(long long)json_integer_value(
					json_object_get(note, "line")),
				output_str(note, "text", ""));
	fputs("Nothing was imported: mend these in Topology Builder, or in a "
	      "copy of the file.\n", to);
}
