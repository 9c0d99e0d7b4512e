/*
 * The steps of `edgectl test webconf`, each timed; a failure names the step
 * and the cause.
 */
#include "edgectl/probe/probe_webconf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "edgectl/call/ladder.h"
#include "edgectl/daemons.h"
#include "edgectl/output.h"
#include "edgectl/probe/probe.h"
#include "edgectl/webconf_plan.h"

#define ANSWER_MAX 65536u

struct participant {
	const struct cmd_call *call;
	struct probe probe;
	struct webconf_way way;
	struct webconf_client *client; /* owned until the answer */
	struct stream *stream;         /* owned once joined */
	struct webconf_answer answer;
	bool is_answered;
	bool is_over;
	char *heard; /* owned */
	size_t heard_len;
	json_t *steps; /* owned by the report */
};

static void add_step(struct participant *p, const char *name, uint64_t from_us,
	bool ok, const char *text)
{
	json_t *step = json_pack("{s:s, s:b, s:f}", "name", name, "ok", ok,
		"ms", (double)(mono_now_us() - from_us) / 1000.0);

	if (text != NULL && text[0] != '\0')
		json_object_set_new(step, "text", json_string(text));
	json_array_append_new(p->steps, step);
}

/* ---- ticket -------------------------------------------------------------- */

static bool get_ticket(struct participant *p, struct why *why)
{
	const char *given = cmd_get(p->call, "ticket");
	const uint64_t from_us = mono_now_us();
	json_t *reply = NULL;
	int err = 0;

	if (given == NULL) {
		err = webconf_plan_mint(p->call, &reply, why);
		given = json_string_value(json_object_get(reply, "ticket"));
	}
	if (err == 0)
		err = webconf_plan_ticket(&p->way, given != NULL ? given : "",
			why);
	json_decref(reply);
	add_step(p, "ticket", from_us, err == 0,
		err < 0 ? why_text(why, err) : "");
	return err == 0;
}

/* ---- join ---------------------------------------------------------------- */

static void on_data(struct stream *s, const uint8_t *data, size_t len,
	void *arg)
{
	struct participant *p = arg;

	(void)s;
	if (len > ANSWER_MAX - p->heard_len)
		len = ANSWER_MAX - p->heard_len;
	memcpy(p->heard + p->heard_len, data, len);
	p->heard_len += len;
}

static void on_end(struct stream *s, enum stream_end end, const char *detail,
	void *arg)
{
	struct participant *p = arg;

	(void)s;
	(void)end;
	(void)detail;
	p->stream = NULL;
	p->is_over = true;
}

static const struct stream_ops OPS = {
	.on_data = on_data,
	.on_end = on_end,
};

static void on_answer(struct webconf_client *client,
	const struct webconf_answer *answer, void *arg)
{
	struct participant *p = arg;

	(void)client;
	p->client = NULL;
	p->is_answered = true;
	p->answer = *answer;
	if (answer->err < 0)
		return;
	p->stream = answer->stream;
	stream_hand_over(p->stream, &OPS, p);
	if (answer->rest.n > 0)
		on_data(p->stream, (const uint8_t *)answer->rest.p,
			answer->rest.n, p);
}

static bool is_secure(void *arg)
{
	const struct participant *p = arg;

	return p->is_answered || webconf_client_is_secure(p->client);
}

static bool is_answered(void *arg)
{
	return ((const struct participant *)arg)->is_answered;
}

static const char *reason(const struct participant *p, int err)
{
	if (p->is_answered && p->answer.err < 0)
		return p->answer.text;
	return err < 0 ? err_text(err) : "";
}

static void trace_at(struct participant *p, const json_t *row,
	const char *key, const char *from, const char *to, const char *what)
{
	const json_int_t at_us = json_integer_value(json_object_get(row, key));

	if (at_us > 0)
		ladder_add(p->probe.trace, (double)(at_us -
			p->probe.start_wall_us) / 1000.0, from, to, what);
}

/* What the edge said inside meanwhile, when it is this machine's. */
static void trace_inside(struct participant *p, const char *id)
{
	const json_t *row;
	struct conf *conf = NULL;
	json_t *reply = NULL;
	struct why quiet;
	char path[128];

	snprintf(path, sizeof(path), "/v1/relays?session=%s", id);
	if (conf_load(&conf, p->call->conf_path, &quiet) == 0 &&
		daemons_call(conf, CONF_WEBCONF_EDGE, path, NULL, &reply,
			&quiet) == 0) {
		row = json_array_get(json_object_get(reply, "relays"), 0);
		trace_at(p, row, "asked_at_us", "webconf-edge", "inside",
			"PAIR");
		trace_at(p, row, "joined_at_us", "inside", "webconf-edge",
			"PAIR_OK");
	}
	json_decref(reply);
	conf_free(conf);
}

static double ms_of(const struct participant *p, uint64_t mono_us)
{
	return (double)(mono_us - p->probe.start_us) / 1000.0;
}

static void trace_answer(struct participant *p)
{
	const struct webconf_answer *a = &p->answer;
	char id[2 * WCE_ID_LEN + 1];

	if (a->hello_us > 0)
		ladder_add(p->probe.trace, ms_of(p, a->hello_us), "outside",
			"webconf-edge", "CLIENT_HELLO");
	ladder_add(p->probe.trace, ms_of(p, a->answer_us), "webconf-edge",
		"outside", a->err == 0 ? "CLIENT_OK" :
		a->code != WCE_E_NONE ? "ERROR" : "end");
	if (a->err < 0)
		return;
	str_hex(p->answer.session, sizeof(p->answer.session), id);
	trace_inside(p, id);
}

static bool join(struct participant *p)
{
	uint64_t from_us = mono_now_us();
	int64_t limit_ms = mono_since_ms(mono_now(), p->probe.deadline);
	int err = webconf_client_new(&p->client, p->probe.loop, &p->way,
		on_answer, p);

	if (err == 0)
		err = probe_wait(&p->probe, limit_ms, is_secure, p);
	if (err == 0 && p->is_answered)
		err = p->answer.err;
	add_step(p, "tls", from_us, err == 0, reason(p, err));
	if (err < 0)
		return false;
	from_us = mono_now_us();
	err = probe_wait(&p->probe, limit_ms, is_answered, p);
	if (err == 0)
		err = p->answer.err;
	add_step(p, "join", from_us, err == 0, reason(p, err));
	if (p->is_answered)
		trace_answer(p);
	return err == 0;
}

/* ---- talk ---------------------------------------------------------------- */

static bool has_heard(void *arg)
{
	const struct participant *p = arg;
	const char *wanted = cmd_get(p->call, "expect");

	if (p->is_over)
		return true;
	if (wanted == NULL)
		return p->heard_len > 0;
	return memmem(p->heard, p->heard_len, wanted, strlen(wanted)) != NULL;
}

/* "\r\n" as people write it on a command line. */
static size_t unescape(const char *text, char *out)
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		char c = *text;

		if (c == '\\' && (text[1] == 'r' || text[1] == 'n'))
			c = *++text == 'r' ? '\r' : '\n';
		out[n++] = c;
	}
	return n;
}

static bool talk(struct participant *p)
{
	const char *text = cmd_get(p->call, "send");
	const uint64_t from_us = mono_now_us();
	char *bytes;
	size_t len;
	int err;
	bool ok;

	if (text == NULL)
		return true;
	bytes = malloc(strlen(text) + 1);
	if (bytes == NULL)
		return false;
	len = unescape(text, bytes);
	err = stream_send(p->stream, bytes, len);
	free(bytes);
	probe_trace(&p->probe, "outside", "inside", "%zu bytes", len);
	if (err >= 0)
		err = probe_wait(&p->probe, mono_since_ms(mono_now(),
			p->probe.deadline), has_heard, p);
	if (p->is_over)
		err = 0; /* what came before the end counts */
	p->is_over = false;
	ok = err == 0 && has_heard(p);
	if (p->heard_len > 0)
		probe_trace(&p->probe, "inside", "outside", "%zu bytes",
			p->heard_len);
	add_step(p, "answer", from_us, ok, ok ? "" : err < 0 ? err_text(err) :
		"the other end closed without the answer that was expected");
	return ok;
}

/* ---- report -------------------------------------------------------------- */

int probe_webconf_run(json_t **report, const struct cmd_call *call,
	struct why *why)
{
	struct participant p = {.call = call};
	char id[2 * WCE_ID_LEN + 1];
	json_t *ladder;
	uint32_t timeout_s;
	bool ok = false;
	int err;

	if (cmd_get_number(call, "timeout", 1, 600, &timeout_s) < 0)
		return -ECANCELED; /* has been told */
	p.heard = malloc(ANSWER_MAX);
	p.steps = json_array();
	err = p.heard != NULL ? probe_init(&p.probe,
		(int64_t)timeout_s * 1000) : -ENOMEM;
	if (err == 0 && get_ticket(&p, why)) {
		err = webconf_plan_way(&p.way, call, why);
		ok = err == 0 && join(&p) && talk(&p);
	}
	str_hex(p.answer.session, sizeof(p.answer.session), id);
	ladder = json_incref(p.probe.trace);
	webconf_client_free(p.client);
	stream_free(p.stream);
	webconf_plan_fini(&p.way);
	if (p.probe.loop != NULL)
		probe_fini(&p.probe);
	free(p.heard);
	if (err < 0) {
		json_decref(p.steps);
		json_decref(ladder);
		return err;
	}
	ladder_sort(ladder);
	*report = json_pack("{s:b, s:o, s:o}", "ok", ok, "ladder", ladder,
		"steps", p.steps);
	if (p.is_answered && p.answer.err == 0)
		json_object_set_new(*report, "session", json_string(id));
	return 0;
}

static const struct output_column STEPS[] = {
	{"STEP", "name", 0},
	{"OK", "ok", 0},
	{"MS", "ms", 0},
	{"NOTE", "text", 0},
};

void probe_webconf_text(FILE *to, const json_t *report)
{
	const char *session = output_str(report, "session", "");

	ladder_print(to, json_object_get(report, "ladder"));
	fputc('\n', to);
	output_table(to, json_object_get(report, "steps"), STEPS,
		ARRAY_COUNT(STEPS));
	if (session[0] != '\0')
		fprintf(to, "\nsession %s\n", session);
}
