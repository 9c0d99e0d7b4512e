/*
 * The steps of the synthetic call in their order, and the report. What a
 * step means for one end is call_party.c's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "edgectl/call/call.h"
#include "edgectl/call/call_party.h"
#include "edgectl/call/call_report.h"
#include "edgectl/call/call_trace.h"

#define CHECKS_MS     6000
#define CHECK_EACH_MS 100
#define STRAGGLER_MS  500
#define KEEP_S        200

struct call {
	const struct test_plan *plan;
	struct probe probe;
	struct party outside;
	struct party inside;
	struct party *caller; /* one of them */
	struct party *callee;
	char *offer;  /* owned */
	char *answer; /* owned */
	struct mono invited;
	int64_t setup_ms;
	bool is_established;
	struct mono check_next;
	struct loop_timer *sound; /* owned */
	struct mono sound_next;
	uint32_t sound_left;
};

struct step {
	const char *name;
	int (*run)(struct call *c, struct why *why);
};

static int connect_outside(struct call *c, struct why *why)
{
	return party_connect(&c->outside, why);
}

static int register_outside(struct call *c, struct why *why)
{
	return party_register(&c->outside, why);
}

static int connect_inside(struct call *c, struct why *why)
{
	return party_connect(&c->inside, why);
}

static int register_inside(struct call *c, struct why *why)
{
	return party_register(&c->inside, why);
}

static int credentials_outside(struct call *c, struct why *why)
{
	return party_credentials(&c->outside, why);
}

static int credentials_inside(struct call *c, struct why *why)
{
	return party_credentials(&c->inside, why);
}

static int allocate_outside(struct call *c, struct why *why)
{
	return party_allocate(&c->outside, why);
}

static int allocate_inside(struct call *c, struct why *why)
{
	return party_allocate(&c->inside, why);
}

static int invite(struct call *c, struct why *why)
{
	struct str offer;
	int err = party_describe(c->caller, &c->offer, why);

	if (err != 0)
		return err;
	c->invited = mono_now();
	err = probe_dialog_invite(&c->caller->dialog,
		probe_sip_aor(c->callee->sip), c->offer, why);
	if (err == 0)
		err = probe_dialog_wait(&c->callee->dialog, &c->caller->dialog,
			&offer, why);
	if (err == 0)
		err = party_take_description(c->callee, offer, why);
	return err;
}

static int answer(struct call *c, struct why *why)
{
	struct probe_sip_msg reply = {NULL, NULL};
	int err = party_describe(c->callee, &c->answer, why);

	if (err == 0)
		err = probe_dialog_accept(&c->callee->dialog, c->answer, why);
	if (err == 0)
		err = probe_dialog_established(&c->caller->dialog, &reply, why);
	if (err == 0)
		err = party_take_description(c->caller, reply.msg->body, why);
	probe_sip_msg_free(&reply);
	c->setup_ms = mono_since_ms(c->invited, mono_now());
	if (err == 0)
		err = probe_dialog_wait_ack(&c->callee->dialog, why);
	c->is_established = err == 0;
	return err;
}

static bool checks_done(void *arg)
{
	struct call *c = arg;
	const struct mono now = mono_now();

	if (party_is_checked(c->caller) && party_is_checked(c->callee))
		return true;
	if (mono_is_past(c->check_next, now)) {
		c->check_next = mono_after_ms(now, CHECK_EACH_MS);
		party_check(c->caller);
		party_check(c->callee);
	}
	return false;
}

static int checks(struct call *c, struct why *why)
{
	int err = party_permit(c->caller, true, why);

	if (err == 0)
		err = party_permit(c->callee, false, why);
	if (err != 0)
		return err;
	c->check_next = mono_now();
	err = probe_wait(&c->probe, CHECKS_MS, checks_done, c);
	if (err != 0)
		return why_set(why, err,
			"connectivity checks between the "
			"relay addresses did not succeed (outside %s, inside "
			"%s)",
			party_is_checked(&c->outside) ? "good" :
							"no "
							"answer",
			party_is_checked(&c->inside) ? "good" : "no answer");
	err = party_open_media(c->caller, why);
	if (err == 0)
		err = party_open_media(c->callee, why);
	return err;
}

/* Every 20 ms on the average, whatever the timer's own lateness. */
static void on_sound(void *arg)
{
	struct call *c = arg;
	int64_t wait_ms;

	while (c->sound_left > 0 && mono_is_past(c->sound_next, mono_now())) {
		party_send_sound(c->caller);
		party_send_sound(c->callee);
		c->sound_left--;
		c->sound_next =
			mono_after_ms(c->sound_next, PROBE_SRTP_PERIOD_MS);
	}
	if (c->sound_left == 0)
		return;
	wait_ms = mono_since_ms(mono_now(), c->sound_next);
	loop_timer_start(c->sound, wait_ms > 0 ? wait_ms : 0);
}

static bool sound_sent(void *arg)
{
	const struct call *c = arg;

	return c->sound_left == 0;
}

static bool sound_came(void *arg)
{
	const struct call *c = arg;

	return probe_srtp_stats(c->caller->srtp)->received >=
		probe_srtp_sent(c->callee->srtp) &&
		probe_srtp_stats(c->callee->srtp)->received >=
		probe_srtp_sent(c->caller->srtp);
}

static int judge_sound(const struct call *c, const struct party *from,
	const struct party *to, struct why *why)
{
	const struct rtp_stats *stats = probe_srtp_stats(to->srtp);
	const uint32_t sent = probe_srtp_sent(from->srtp);
	const uint32_t lost = rtp_stats_lost(stats, sent);

	if (stats->received == 0)
		return why_set(why, EDGE_EPEER,
			"no sound from %s to %s: all "
			"%u packets lost",
			from->label, to->label, sent);
	if (probe_srtp_garbled(to->srtp) > 0 ||
		probe_srtp_refused(to->srtp) > 0)
		return why_set(why, EDGE_EFORGED,
			"sound from %s to %s was "
			"changed on its way (%u packets)",
			from->label, to->label,
			probe_srtp_garbled(to->srtp) +
				probe_srtp_refused(to->srtp));
	if ((uint64_t)lost * 100 > (uint64_t)sent * c->plan->max_loss_percent)
		return why_set(why, EDGE_EPEER,
			"%u of %u packets from %s to "
			"%s were lost, more than %u %%",
			lost, sent, from->label, to->label,
			c->plan->max_loss_percent);
	return 0;
}

static int talk(struct call *c, struct why *why)
{
	const uint32_t slice = KEEP_S * 1000 / PROBE_SRTP_PERIOD_MS;
	uint32_t left = c->plan->seconds * 1000 / PROBE_SRTP_PERIOD_MS;
	int err = 0;

	probe_trace(&c->probe, "outside", "av-edge", "SRTP, %u s",
		c->plan->seconds);
	probe_trace(&c->probe, "inside", "av-edge", "SRTP, %u s",
		c->plan->seconds);
	while (err == 0 && left > 0) {
		c->sound_left = left < slice ? left : slice;
		left -= c->sound_left;
		c->sound_next = mono_now();
		on_sound(c);
		err = probe_wait(&c->probe, (KEEP_S + 10) * 1000, sound_sent,
			c);
		if (err == 0 && left > 0)
			err = party_keep(c->caller, why);
		if (err == 0 && left > 0)
			err = party_keep(c->callee, why);
	}
	if (err != 0)
		return why->text[0] != '\0' ?
			err :
			why_set(why, err,
				"the time for the whole test was over");
	/* What has not come by then is lost, and counted as such. */
	err = probe_wait(&c->probe, STRAGGLER_MS, sound_came, c);
	if (err != 0 && err != -ETIMEDOUT)
		return err;
	err = judge_sound(c, &c->outside, &c->inside, why);
	if (err == 0)
		err = judge_sound(c, &c->inside, &c->outside, why);
	return err;
}

static int hang_up(struct call *c, struct why *why)
{
	return probe_dialog_bye(&c->caller->dialog, &c->callee->dialog, why);
}

static int release(struct call *c, struct why *why)
{
	int outside = party_release(&c->outside, why);
	int inside = party_release(&c->inside, why);

	return outside != 0 ? outside : inside;
}

static const struct step CALL_STEPS[] = {
	{"connect outside", connect_outside},
	{"register outside", register_outside},
	{"connect inside", connect_inside},
	{"register inside", register_inside},
	{"credentials outside", credentials_outside},
	{"credentials inside", credentials_inside},
	{"allocate outside", allocate_outside},
	{"allocate inside", allocate_inside},
	{"invite", invite},
	{"answer", answer},
	{"checks", checks},
	{"media", talk},
	{"hang up", hang_up},
	{"release", release},
};

static const struct step REGISTER_STEPS[] = {
	{"connect outside", connect_outside},
	{"register outside", register_outside},
	{"release", release},
};

/* ---- running them ---- */

static int call_init(struct call *c, const struct test_plan *plan)
{
	struct why why;
	int err;

	memset(c, 0, sizeof(*c));
	c->plan = plan;
	err = probe_srtp_open(&why);
	if (err == 0)
		err = probe_init(&c->probe,
			((int64_t)plan->timeout_s + plan->seconds) * 1000);
	if (err == 0)
		err = loop_timer_new(&c->sound, c->probe.loop, on_sound, c);
	c->outside = (struct party){
		.label = "outside",
		.server_label = "access-edge",
		.plan = plan,
		.end = &plan->outside,
		.probe = &c->probe,
	};
	c->inside = (struct party){
		.label = "inside",
		.server_label = "registrar",
		.plan = plan,
		.end = &plan->inside,
		.probe = &c->probe,
	};
	c->caller = plan->is_reverse ? &c->inside : &c->outside;
	c->callee = plan->is_reverse ? &c->outside : &c->inside;
	return err;
}

static void call_fini(struct call *c)
{
	party_fini(&c->outside);
	party_fini(&c->inside);
	loop_timer_free(c->sound);
	free(c->offer);
	free(c->answer);
	probe_srtp_close();
	probe_fini(&c->probe);
}

static void add_step(json_t *report, const char *name, bool ok, int64_t ms)
{
	json_array_append_new(json_object_get(report, "steps"),
		json_pack("{s:s,s:b,s:I}", "name", name, "ok", ok, "ms",
			(json_int_t)ms));
}

static void add_call(const struct call *c, json_t *report)
{
	char outside[ADDR_TEXT_LEN] = "";
	char inside[ADDR_TEXT_LEN] = "";
	json_t *call = json_pack("{s:b,s:I}", "established", c->is_established,
		"setup_ms", (json_int_t)c->setup_ms);

	if (c->outside.turn != NULL &&
		addr_is_set(probe_turn_relay(c->outside.turn)))
		addr_text(probe_turn_relay(c->outside.turn), outside);
	if (c->inside.turn != NULL &&
		addr_is_set(probe_turn_relay(c->inside.turn)))
		addr_text(probe_turn_relay(c->inside.turn), inside);
	json_object_set_new(call, "relay",
		json_pack("{s:s,s:s,s:s}", "outside", outside, "inside", inside,
			"path", "relay to relay, inside av-edge"));
	json_object_set_new(call, "media",
		call_report_media(&(struct call_streams){
			.outside = c->outside.srtp,
			.inside = c->inside.srtp,
		}));
	json_object_set_new(report, "call", call);
}

/* Steps until one fails; then what is open is given back, quietly. */
static bool run_steps(struct call *c, const struct step *steps, size_t count,
	json_t *report)
{
	struct why quiet;

	for (size_t i = 0; i < count; i++) {
		const struct mono start = mono_now();
		struct why why = {""};
		int err = steps[i].run(c, &why);

		add_step(report, steps[i].name, err == 0,
			mono_since_ms(start, mono_now()));
		if (err == 0)
			continue;
		json_object_set_new(report, "failed",
			json_pack("{s:s,s:s,s:s}", "step", steps[i].name,
				"error", err_name(err), "text",
				why_text(&why, err)));
		if (steps[i].run != release && release(c, &quiet) != 0)
			add_step(report, "release", false, 0);
		return false;
	}
	return true;
}

static json_t *run(const struct test_plan *plan, const struct step *steps,
	size_t count, bool is_call)
{
	struct call c;
	json_t *report = json_pack("{s:b,s:s,s:[]}", "ok", 0, "from",
		plan->outside.aor, "steps");
	bool ok =
		call_init(&c, plan) == 0 && run_steps(&c, steps, count, report);

	json_object_set_new(report, "ok", json_boolean(ok));
	if (is_call) {
		json_object_set_new(report, "to",
			json_string(plan->inside.aor));
		add_call(&c, report);
	}
	if (plan->inside_trace != NULL)
		call_trace_merge_file(c.probe.trace, plan->inside_trace,
			c.probe.start_wall_us);
	if (c.probe.trace != NULL)
		json_object_set(report, "ladder", c.probe.trace);
	json_object_set_new(report, "elapsed_ms",
		json_integer((json_int_t)probe_elapsed_ms(&c.probe)));
	call_fini(&c);
	return report;
}

json_t *call_run(const struct test_plan *plan)
{
	return run(plan, CALL_STEPS, ARRAY_COUNT(CALL_STEPS), true);
}

json_t *call_register(const struct test_plan *plan)
{
	return run(plan, REGISTER_STEPS, ARRAY_COUNT(REGISTER_STEPS), false);
}
