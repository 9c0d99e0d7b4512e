/*
 * Waiting for an order. The wait turns a publisher of our own, which takes
 * the office when it is free: so one command works with and without a
 * `publish serve` somewhere.
 */
#include "edgectl/publish/order.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "edgectl/output.h"
#include "edgectl/publish/fleet_status.h"
#include "edgectl/publish/own_certificate.h"
#include "edgectl/publish/publisher.h"
#include "edgectl/publish/request.h"

#define TURN_MS      250
#define SETTLE_MS    1000 /* between looks at the record */
#define NOBODY_MS    60000

struct order {
	struct cmd_call *call;
	struct publisher *p;
	FILE *progress; /* NULL = nobody looks */
	bool is_screen;
	int64_t id;
	json_t *answer; /* owned; NULL = none yet */
	struct bundle_version version;
	struct mono next_look;
	char shown[300];
	char state[16];
	char note[WHY_LEN];
	bool is_settled;
};

const char *order_who(char out[static 256])
{
	const char *name = getenv("SUDO_USER");
	const struct passwd *pw = name == NULL ? getpwuid(getuid()) : NULL;
	char host[128] = "";

	if (pw != NULL)
		name = pw->pw_name;
	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	snprintf(out, 256, "%.100s@%.120s", name != NULL ? name : "unknown",
		host);
	return out;
}

struct publish_conf *order_conf(const struct cmd_call *call)
{
	struct publish_conf *conf = NULL;
	struct why why = {""};
	int err = publish_conf_load(&conf, cmd_get(call, "publisher"), &why);

	if (err == 0)
		return conf;
	if (err == -ENOENT && !cmd_has(call, "publisher")) {
		cmd_fail_text(call, CMD_USAGE, "%s: there is none, so this "
			"machine is no publisher. Name another file with "
			"--publisher, or make this one, see "
			"publisher.yaml(5); an edge is looked at with "
			"'edgectl replication status'", PUBLISH_CONF_PATH);
		return NULL;
	}
	cmd_fail_text(call, CMD_USAGE, "%s; name another file with "
		"--publisher, see publisher.yaml(5)", why_text(&why, err));
	return NULL;
}

json_t *order_options(const struct cmd_call *call)
{
	static const struct {
		const char *option;
		const char *key;
		uint32_t min;
	} NUMBERS[] = {{"hold", "hold_s", 0}, {"confirm", "confirm_s", 1}};
	json_t *o = json_object();
	json_t *canaries = json_array();
	const char *name;

	for (size_t i = 0; i < ARRAY_COUNT(NUMBERS); i++) {
		uint32_t number;

		if (cmd_get(call, NUMBERS[i].option) == NULL)
			continue;
		if (cmd_get_number(call, NUMBERS[i].option, NUMBERS[i].min,
			    86400, &number) != 0) {
			json_decref(canaries);
			json_decref(o);
			return NULL;
		}
		json_object_set_new(o, NUMBERS[i].key, json_integer(number));
	}
	for (size_t i = 0; (name = cmd_get_nth(call, "canary", i)) != NULL;
		i++)
		json_array_append_new(canaries, json_string(name));
	if (json_array_size(canaries) > 0)
		json_object_set(o, "canaries", canaries);
	json_decref(canaries);
	return o;
}

/* Ctrl-C. The one thing the handler may touch. */
static volatile sig_atomic_t has_left;

static void on_signal(int signo)
{
	(void)signo;
	has_left = 1;
}

static void take_signals(void)
{
	const struct sigaction act = {.sa_handler = on_signal,
		.sa_flags = (int)SA_RESETHAND}; /* the second one ends us */

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

/* ---- progress ----------------------------------------------------------- */

static void show(struct order *o, const char *line)
{
	if (o->progress == NULL || strcmp(line, o->shown) == 0)
		return;
	if (o->is_screen)
		fprintf(o->progress, "\r\033[K%s", line);
	else
		fprintf(o->progress, "%s\n", line);
	fflush(o->progress);
	snprintf(o->shown, sizeof(o->shown), "%s", line);
}

static void end_progress(struct order *o)
{
	if (o->progress != NULL && o->is_screen && o->shown[0] != '\0')
		fputc('\n', o->progress);
}

/* ---- waiting ------------------------------------------------------------ */

/* Has it been answered? */
static int look_for_answer(struct order *o, struct why *why)
{
	const char *version;
	int err = request_result(publisher_record(o->p), o->id, &o->answer,
		why);

	if (err < 0 || o->answer == NULL)
		return err;
	version = json_string_value(json_object_get(o->answer, "version"));
	if (version != NULL &&
		bundle_version_parse(str_of(version), &o->version) < 0)
		o->version.serial = 0;
	return 0;
}

/* Of our own roll-out the record has what we put there: now, or it would
 * be told of the moment before. */
static int look_at_rollout(struct order *o, struct why *why)
{
	char counts[200];
	char line[300];
	int err;

	publisher_flush(o->p);
	if (publisher_record(o->p) == NULL)
		return why_set(why, EDGE_EPEER,
			"the record can't be reached; trying again");
	err = fleet_status_line(publisher_record(o->p), o->version, counts,
		sizeof(counts), o->state, o->note, &o->is_settled, why);

	if (err < 0)
		return err;
	/* Why it stopped is a sentence, and told at the end. */
	snprintf(line, sizeof(line), "%.90s: %s", o->note[0] != '\0' &&
		strcmp(o->state, "stopped") != 0 ? o->note : o->state, counts);
	show(o, line);
	return 0;
}

static bool is_over(const struct order *o)
{
	const struct rollout *mine = publisher_rollout(o->p);

	if (o->answer == NULL || has_left)
		return has_left;
	if (!json_is_true(json_object_get(o->answer, "ok")) ||
		o->version.serial == 0 || cmd_has(o->call, "no-wait"))
		return true;
	if (publisher_is_in_office(o->p))
		return mine->count > 0 && (mine->phase == ROLLOUT_STOPPED ||
			(rollout_is_settled(mine) &&
				!publisher_is_mirroring(o->p)));
	return strcmp(o->state, "stopped") == 0 || o->is_settled;
}

static void wait_for_it(struct order *o)
{
	struct mono begun = mono_now();
	bool is_told = false;

	while (!is_over(o)) {
		struct why why = {""};
		struct mono now = mono_now();
		int err = 0;

		publisher_turn(o->p, TURN_MS);
		if (publisher_record(o->p) == NULL) {
			show(o, "the record can't be reached; trying again");
			continue;
		}
		if (o->answer == NULL)
			err = look_for_answer(o, &why);
		if (err == 0 && o->answer != NULL && o->version.serial != 0 &&
			(mono_is_past(o->next_look, now) || is_over(o))) {
			o->next_look = mono_after_ms(now, SETTLE_MS);
			err = look_at_rollout(o, &why);
		}
		if (err < 0)
			show(o, why_text(&why, err));
		if (o->answer == NULL && !is_told &&
			mono_since_ms(begun, now) > NOBODY_MS) {
			is_told = true;
			show(o, "the publisher in office does not answer; "
				"still waiting (the order stays in the "
				"record)");
		}
	}
}

/* ---- the end ------------------------------------------------------------ */

/* What to do about those that have not got it. */
static void print_advice(FILE *to, const json_t *object)
{
	const json_t *row;
	size_t away = 0;
	size_t i;

	json_array_foreach (json_object_get(object, "replicas"), i, row)
		away += strcmp(output_str(row, "state", ""), "away") == 0;
	if (away > 0)
		fprintf(to, "\n%zu of %zu can't be reached. They get it when "
			"they answer: a running 'edgectl publish serve' goes "
			"on trying, else the next 'edgectl publish' does.\n",
			away, i);
	if (strcmp(output_str(object, "state", ""), "stopped") == 0)
		fputs("\nThe roll-out stopped. When what they say is mended, "
		      "'edgectl publish resume' goes on; 'edgectl publish "
		      "rollback' brings back what was before.\n", to);
}

static void print_end(FILE *to, const json_t *object)
{
	const json_t *note;
	size_t i;

	if (json_is_true(json_object_get(object, "resumed"))) {
		fprintf(to, "Went on with %s: %s.\n",
			output_str(object, "version", ""),
			output_str(object, "state", "on its way"));
	} else if (!json_is_true(json_object_get(object, "changed")) &&
		json_object_get(object, "version") != NULL) {
		fprintf(to, "Nothing to publish: this is what %s has "
			"already.\n", output_str(object, "version", ""));
	} else if (json_object_get(object, "version") != NULL) {
		fprintf(to, "Published %s: %s.\n",
			output_str(object, "version", ""),
			output_str(object, "state", "on its way"));
	} else {
		fputs("Done.\n", to);
	}
	json_array_foreach (json_object_get(object, "notes"), i, note)
		fprintf(to, "note: %s\n", json_string_value(note));
	if (json_object_get(object, "replicas") != NULL) {
		putc('\n', to);
		fleet_status_print(to, object);
	}
	print_advice(to, object);
}

/* Where everybody is, beside the answer. */
static int conclude(struct order *o)
{
	json_t *object = json_deep_copy(o->answer);
	struct record *r;
	json_t *fleet = NULL;
	struct why why = {""};
	size_t open;
	int status = CMD_OK;

	publisher_flush(o->p);
	r = publisher_record(o->p);
	if (r != NULL && o->version.serial != 0 &&
		!cmd_has(o->call, "no-wait") &&
		fleet_status(r, &fleet, &why) == 0) {
		json_object_del(fleet, "ok");
		json_object_set_new(object, "state",
			json_string(output_str(fleet, "publication.state",
				"")));
		open = json_array_size(json_object_get(fleet, "replicas"));
		for (size_t i = 0; i < json_array_size(json_object_get(fleet,
					   "replicas")); i++)
			open -= json_is_true(json_object_get(json_array_get(
				json_object_get(fleet, "replicas"), i),
				"UpToDate"));
		if (open > 0) {
			json_object_update(object, fleet);
			json_object_set_new(object, "ok", json_false());
			status = CMD_FAILED;
		}
	}
	json_decref(fleet);
	output_print(o->call, object, print_end);
	return status;
}

/* Nobody watches any more. What nobody has begun is taken back; what was
 * published is in the record, and goes on with the next who turns it. */
static int leave(struct order *o)
{
	struct record *r = publisher_record(o->p);
	struct why why = {""};

	if (o->answer == NULL) {
		if (r == NULL || request_withdraw(r, o->id, &why) < 0)
			why_set(&why, 0, "left while the record can't be "
				"reached: see 'edgectl publish status' whether "
				"the order was carried out");
		else
			why_set(&why, 0, "left; the order is taken back, "
				"unless it was begun: 'edgectl publish "
				"status'");
	} else {
		why_set(&why, 0, "left; the roll-out goes on if 'edgectl "
			"publish serve' runs, else with 'edgectl publish "
			"resume'");
	}
	return cmd_fail(o->call, CMD_FAILED, -EINTR, &why);
}

static int finish(struct order *o)
{
	struct why why = {""};

	end_progress(o);
	if (has_left)
		return leave(o);
	if (json_is_true(json_object_get(o->answer, "ok")))
		return conclude(o);
	why_set(&why, 0, "%s", output_str(o->answer, "text", "it failed"));
	return cmd_fail(o->call, CMD_FAILED, EDGE_EREFUSED, &why);
}

int order_run(struct cmd_call *call, const struct publish_conf *conf,
	const char *kind, json_t *body)
{
	struct order o = {.call = call};
	struct why why = {""};
	char who[256];
	int status;
	int err = publisher_new(&o.p, conf, &why);

	if (err == 0)
		err = own_certificate_in_time(conf, &why);
	if (err == 0)
		err = request_put(publisher_record(o.p), kind, order_who(who),
			body, &o.id, &why);
	json_decref(body);
	if (err < 0) {
		publisher_free(o.p);
		return cmd_fail(call, CMD_USAGE, err, &why);
	}
	if (!call->json) {
		o.progress = stderr;
		o.is_screen = isatty(STDERR_FILENO) == 1;
	}
	take_signals();
	wait_for_it(&o);
	status = finish(&o);
	json_decref(o.answer);
	publisher_free(o.p);
	return status;
}
