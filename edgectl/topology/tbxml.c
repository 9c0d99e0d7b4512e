/*
 * The frame of the import: one schema in memory, read, turned into rows,
 * notes kept on the way, and printed for review. XML is tbxml_read.c, the
 * meaning is tbxml_rows.c.
 */
#include "edgectl/topology/tbxml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/store/generation.h"
#include "common/store/sql.h"
#include "common/store/topology_check.h"
#include "common/store/topology_yaml.h"
#include "edgectl/topology/tbxml_priv.h"

#define NOTES_MAX 2000u

static const char *const FORMS[] = {
	[TBXML_BUILDER] = "Topology Builder file",
	[TBXML_PUBLISHED] = "published topology",
};

static const char *const LEVELS[] = {
	[TBXML_ERROR] = "error",
	[TBXML_REVIEW] = "review",
	[TBXML_IGNORED] = "ignored",
	[TBXML_LEFT] = "left out",
};

const char *tbxml_form_name(enum tbxml_form form)
{
	return FORMS[form];
}

const char *tbxml_level_name(enum tbxml_level level)
{
	return LEVELS[level];
}

/* ---- notes -------------------------------------------------------------- */

static int add_note(struct tbxml *t, const struct tbxml_note *note)
{
	struct tbxml_note *rows;

	for (size_t i = 0; i < t->note_count; i++) {
		if (t->notes[i].level != note->level ||
			strcmp(t->notes[i].text, note->text) != 0)
			continue;
		t->notes[i].count++;
		return 0;
	}
	if (t->note_count == NOTES_MAX)
		return EDGE_ETOOBIG;
	rows = realloc(t->notes, (t->note_count + 1) * sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	t->notes = rows;
	t->notes[t->note_count++] = *note;
	return 0;
}

int tbxml_note(struct tbxml *t, enum tbxml_level level, unsigned long line,
	const char *fmt, ...)
{
	struct tbxml_note note = {.level = level, .line = line, .count = 1};
	char text[2 * WHY_LEN];
	struct why why;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* For its replacing of control characters. */
	why_set(&why, 0, "%s", text);
	snprintf(note.text, sizeof(note.text), "%s", why.text);
	if (level == TBXML_ERROR)
		t->has_errors = true;
	return add_note(t, &note);
}

static int by_level(const void *a, const void *b)
{
	const struct tbxml_note *x = a;
	const struct tbxml_note *y = b;

	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return strcmp(x->text, y->text);
}

/* What `edgectl topology plan` would say to it: to the text as a person
 * gets it, read back. */
static int note_findings(struct tbxml *t, struct why *why)
{
	struct topology_finding *rows = NULL;
	struct topology_yaml *yaml = NULL;
	struct sqlite3 *db = NULL;
	char *text = NULL;
	size_t count = 0;
	int err = topology_yaml_dump(t->db, &text, why);

	if (err == 0)
		err = topology_yaml_parse(&yaml, "import", str_of(text), why);
	if (err == 0)
		err = topology_yaml_scratch(&db, yaml, why);
	if (err == 0)
		err = topology_check(db, &rows, &count, why);
	for (size_t i = 0; i < count && err == 0; i++)
		err = tbxml_note(t, TBXML_REVIEW, 0, "%s: %s",
			rows[i].is_error ? "the check says error" :
					   "the check warns",
			rows[i].text);
	free(rows);
	sqlite3_close(db);
	topology_yaml_free(yaml);
	free(text);
	return err;
}

/* ---- the whole ---------------------------------------------------------- */

int tbxml_parse(struct tbxml *out, const char *name, struct str text,
	struct why *why)
{
	int err;

	memset(out, 0, sizeof(*out));
	if (text.n > TBXML_FILE_MAX)
		return why_set(why, EDGE_ETOOBIG, "%s: more than %u MiB", name,
			TBXML_FILE_MAX >> 20);
	err = generation_scratch(&out->db, why);
	if (err == 0)
		err = sql_script(out->db, why, "PRAGMA temp_store=2; BEGIN");
	if (err == 0)
		err = tbxml_read(out, name, text, why);
	if (err == 0)
		err = tbxml_rows(out, why);
	if (err == 0)
		err = sql_script(out->db, why, "COMMIT");
	if (err == 0 && !out->has_errors)
		err = note_findings(out, why);
	if (err == EDGE_ETOOBIG && out->note_count == NOTES_MAX)
		why_set(why, err, "%s: more than %u different remarks: is it "
			"a topology?", name, NOTES_MAX);
	if (out->note_count > 0)
		qsort(out->notes, out->note_count, sizeof(*out->notes),
			by_level);
	return err;
}

static int read_file(FILE *from, const char *path, char **out, size_t *len,
	struct why *why)
{
	char *text = malloc(TBXML_FILE_MAX + 2);

	if (text == NULL)
		return -ENOMEM;
	*len = fread(text, 1, TBXML_FILE_MAX + 1, from);
	if (ferror(from)) {
		int err = errno != 0 ? -errno : -EIO;

		free(text);
		return why_set(why, err, "%s: %s", path, err_text(err));
	}
	*out = text;
	return 0;
}

int tbxml_load(struct tbxml *out, const char *path, struct why *why)
{
	bool is_input = strcmp(path, "-") == 0;
	FILE *from = is_input ? stdin : fopen(path, "re");
	char *text = NULL;
	size_t len = 0;
	int err;

	memset(out, 0, sizeof(*out));
	if (from == NULL)
		return why_set(why, -errno, "%s: %s", path, err_text(-errno));
	err = read_file(from, path, &text, &len, why);
	if (!is_input)
		fclose(from);
	if (err == 0)
		err = tbxml_parse(out, is_input ? "standard input" : path,
			(struct str){text, len}, why);
	free(text);
	return err;
}

void tbxml_fini(struct tbxml *t)
{
	sqlite3_close(t->db);
	free(t->notes);
	memset(t, 0, sizeof(*t));
}

/* ---- for review --------------------------------------------------------- */

static void print_note(FILE *to, const struct tbxml_note *note)
{
	fputs("#   ", to);
	if (note->line != 0)
		fprintf(to, "line %lu: ", note->line);
	fputs(note->text, to);
	if (note->count > 1)
		fprintf(to, " (%zu times)", note->count);
	putc('\n', to);
}

static void print_notes(FILE *to, const struct tbxml *t)
{
	static const char *const TITLES[] = {
		[TBXML_ERROR] = "Errors:",
		[TBXML_REVIEW] = "Look at these before you apply it:",
		[TBXML_IGNORED] = "Not understood, so ignored:",
		[TBXML_LEFT] = "Understood, and of no use to an edge:",
	};

	for (size_t i = 0; i < t->note_count; i++) {
		if (i == 0 || t->notes[i].level != t->notes[i - 1].level)
			fprintf(to, "#\n# %s\n", TITLES[t->notes[i].level]);
		print_note(to, &t->notes[i]);
	}
}

int tbxml_yaml(const struct tbxml *t, const char *name, char **text,
	struct why *why)
{
	struct why clean;
	char *rows = NULL;
	char *out = NULL;
	size_t len = 0;
	FILE *to;
	int err = topology_yaml_dump(t->db, &rows, why);

	if (err < 0)
		return err;
	to = open_memstream(&out, &len);
	if (to == NULL) {
		free(rows);
		return -ENOMEM;
	}
	why_set(&clean, 0, "%s", name);
	fprintf(to, "# Imported from a %s, %s.\n"
		"# For review: nothing was changed. See what it would do with\n"
		"#   edgectl topology plan FILE\n", tbxml_form_name(t->form),
		clean.text);
	print_notes(to, t);
	fprintf(to, "\n%s", rows);
	free(rows);
	if (fclose(to) != 0) {
		free(out);
		return -ENOMEM;
	}
	*text = out;
	return 0;
}
