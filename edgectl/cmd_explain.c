/*
 * edgectl explain: every daemon of this machine is asked what it remembers
 * about a call, user, address ..., then once more about the credentials that
 * turned up, and one story is told (requirement R10).
 */
#include <errno.h>
#include <string.h>

#include <curl/curl.h>

#include "edgectl/commands.h"
#include "edgectl/daemons.h"
#include "edgectl/output.h"
#include "edgectl/ports.h"
#include "edgectl/story.h"

#define PATH_MAX_LEN 2048
#define ABOUT_MAX    512

/* Counts the daemons that answered; the others have their why in notes. */
static size_t ask_all(struct story *s, const struct conf *conf,
	const char *about, json_t *notes)
{
	char *escaped = curl_easy_escape(NULL, about, 0);
	char path[PATH_MAX_LEN];
	size_t answered = 0;

	if (escaped == NULL)
		return 0;
	snprintf(path, sizeof(path), "/v1/explain?about=%s", escaped);
	curl_free(escaped);
	for (size_t i = 0; i < CONF_DAEMON_COUNT; i++) {
		const enum conf_daemon id = PORTS_SERVICES[i].daemon;
		struct why why = {""};
		json_t *answer = NULL;
		int err = daemons_call(conf, id, path, NULL, &answer, &why);

		if (err == 0) {
			story_add(s, conf_daemon_name(id), answer);
			answered++;
		} else if (err != -ENOENT && notes != NULL) {
			json_array_append_new(notes,
				json_string(why_text(&why, err)));
		}
		json_decref(answer);
	}
	return answered;
}

static void follow_credentials(struct story *s, const struct conf *conf)
{
	const char *ids[STORY_CREDENTIALS_MAX];
	const size_t count = story_credentials(s, ids);

	for (size_t i = 0; i < count; i++)
		ask_all(s, conf, ids[i], NULL);
}

/* The answer as one object; notes is taken. */
static json_t *report(const struct story *s, const char *about, json_t *notes)
{
	const bool is_found = json_array_size(s->records) > 0;
	json_t *object = json_pack("{s:b, s:s, s:O, s:O, s:o}", "ok", is_found,
		"about", about, "records", s->records, "since", s->since,
		"unanswered", notes);

	if (!is_found)
		json_object_set_new(object, "hint",
			json_string(story_hint(about)));
	return object;
}

static int run(struct cmd_call *call)
{
	const char *about = call->argv[0];
	struct conf *conf = NULL;
	struct story story = {NULL, NULL};
	json_t *notes;
	int status;

	if (strlen(about) > ABOUT_MAX)
		return cmd_fail_text(call, CMD_USAGE,
			"that is longer than %d characters", ABOUT_MAX);
	if (cmd_conf(call, &conf) != 0)
		return CMD_USAGE;
	notes = json_array();
	if (story_init(&story) != 0) {
		status = cmd_fail_text(call, CMD_FAILED, "out of memory");
		json_decref(notes);
	} else if (ask_all(&story, conf, about, notes) == 0) {
		const char *note = json_string_value(json_array_get(notes, 0));

		status = cmd_fail_text(call, CMD_FAILED,
			"no daemon answers here: %s",
			note != NULL ? note
				     : "none runs; see 'edgectl status'");
		json_decref(notes);
	} else {
		follow_credentials(&story, conf);
		story_sort(&story);
		status = json_array_size(story.records) > 0 ? CMD_OK
							    : CMD_FAILED;
		output_print(call, report(&story, about, notes), story_text);
	}
	story_fini(&story);
	conf_free(conf);
	return status;
}

static const struct cmd_verb VERBS[] = {
	{
		.words = "SUBJECT",
		.words_min = 1,
		.words_max = 1,
		.help = "tell what was decided about a call, user or address",
		.more = "SUBJECT is a call-id, a user, an address with or "
			"without a port, a domain, a\n"
			"credential id, or the id of a session or "
			"allocation. Every daemon tells what it\n"
			"refused, ended or let in of late, and why; status 1 "
			"when there is nothing.\n"
			"The memory is bounded: what is older is in the "
			"journal.",
		.examples = "edgectl explain alice@example.com\n"
			    "edgectl explain 198.51.100.7\n"
			    "edgectl explain 8d1b6f6be7e24d2e --json\n",
		.run = run,
	},
};

const struct cmd cmd_explain = {
	.noun = "explain",
	.help = "tell what was decided about a call, user or address",
	.verbs = VERBS,
	.verb_count = ARRAY_COUNT(VERBS),
};
