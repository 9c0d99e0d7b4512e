/*
 * The roll-out as a state machine over machines (docs/protocol/replication.md,
 * Roll-out). A refusal before activation costs nothing, so staging goes
 * everywhere first; a canary that refuses stops everything; more than one
 * machine and 2 % failing stops the rest. Machines that were away before
 * are no failures: they are tried for ever, ever less often.
 */
#include "edgectl/publish/rollout.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/rand.h"
#include "common/base/str.h"

#define RETRY_MIN_MS   2000
#define RETRY_MAX_MS   300000
#define RETRY_JITTER   20 /* percent */
#define TRIES_PATIENCE 2  /* then a machine is late and others go on */
#define CONFIRM_ASK_MS 100 /* and at once after the order */
#define HOLD_ASK_MS    2000
#define FAIL_PERCENT   2

static const char *const PHASES[] = {
	[ROLLOUT_STAGE] = "staging",
	[ROLLOUT_CANARY] = "canaries",
	[ROLLOUT_HOLD] = "watching the canaries",
	[ROLLOUT_REST] = "activating",
	[ROLLOUT_DONE] = "done",
	[ROLLOUT_STOPPED] = "stopped",
};

static const char *const STATES[ROLLOUT_STATES] = {
	[ROLLOUT_WAITING] = "waiting",
	[ROLLOUT_STAGED] = "staged",
	[ROLLOUT_CONFIRMING] = "confirming",
	[ROLLOUT_ACTIVE] = "active",
	[ROLLOUT_REFUSED] = "refused",
	[ROLLOUT_PINNED] = "pinned",
};

/* A machine's words go into a database that takes nothing but UTF-8, and a
 * cut may halve a character. */
static void EDGE_PRINTF(2, 3)
	say(char out[static WHY_LEN], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out, WHY_LEN, fmt, ap);
	va_end(ap);
	str_tidy(out);
}

const char *rollout_phase_name(enum rollout_phase phase)
{
	return PHASES[phase];
}

const char *rollout_state_name(enum rollout_state state)
{
	return STATES[state];
}

const char *rollout_member_word(const struct rollout_member *m)
{
	return m->state != ROLLOUT_ACTIVE && m->tries > 0 ? "away" :
							    STATES[m->state];
}

void rollout_begin(struct rollout *r, struct rollout_member *members,
	size_t count, struct mono now)
{
	rollout_fini(r);
	r->members = members;
	r->count = count;
	r->phase = ROLLOUT_STAGE;
	r->note[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		members[i].state = ROLLOUT_WAITING;
		members[i].next = now;
	}
}

void rollout_adopt(struct rollout *r)
{
	r->phase = ROLLOUT_REST;
	for (size_t i = 0; i < r->count; i++)
		r->members[i].state = ROLLOUT_ACTIVE;
}

void rollout_fini(struct rollout *r)
{
	free(r->members);
	r->members = NULL;
	r->count = 0;
}

/* ---- counting ----------------------------------------------------------- */

size_t rollout_count(const struct rollout *r, enum rollout_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += r->members[i].state == state;
	return n;
}

static bool is_late(const struct rollout_member *m)
{
	return m->is_late && (m->state == ROLLOUT_WAITING ||
				     m->state == ROLLOUT_CONFIRMING);
}

size_t rollout_late(const struct rollout *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += is_late(&r->members[i]);
	return n;
}

/* Refusals, and those that were there when it began and are not now. */
static size_t failures(const struct rollout *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct rollout_member *m = &r->members[i];

		n += m->state == ROLLOUT_REFUSED ||
			(is_late(m) && !m->was_away);
	}
	return n;
}

static size_t failures_max(const struct rollout *r)
{
	size_t share = r->count * FAIL_PERCENT / 100;

	return share > 1 ? share : 1;
}

/* ---- phases ------------------------------------------------------------- */

static void stop_at(struct rollout *r, const struct rollout_member *m,
	const char *what)
{
	r->phase = ROLLOUT_STOPPED;
	say(r->note, "%s: %.120s: %.300s", what, m->fqdn,
		m->error[0] != '\0' ? m->error : STATES[m->state]);
}

/* The last that failed stands for all; a refusal says more than a silence. */
static const struct rollout_member *find_failure(const struct rollout *r)
{
	const struct rollout_member *last = NULL;

	for (size_t i = 0; i < r->count; i++) {
		const struct rollout_member *m = &r->members[i];

		if (m->state == ROLLOUT_REFUSED ||
			(is_late(m) && (last == NULL ||
				last->state != ROLLOUT_REFUSED) &&
				(last == NULL || !m->was_away)))
			last = m;
	}
	return last;
}

static bool has_failed_too_often(struct rollout *r)
{
	const struct rollout_member *last = find_failure(r);
	size_t n = failures(r);
	char what[80];

	if ((n <= failures_max(r) && n < r->count) || last == NULL)
		return false;
	snprintf(what, sizeof(what), "%zu of %zu machines failed", n,
		r->count);
	stop_at(r, last, what);
	return true;
}

static bool is_settled(const struct rollout_member *m)
{
	return m->state == ROLLOUT_ACTIVE || m->state == ROLLOUT_PINNED ||
		m->state == ROLLOUT_REFUSED || is_late(m);
}

/* One that is pinned, or gone, tries nothing for the others. */
static bool can_try(const struct rollout_member *m)
{
	return m->state != ROLLOUT_PINNED && !is_late(m);
}

static bool has_canary(const struct rollout *r, unsigned pool)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct rollout_member *m = &r->members[i];

		if (m->pool == pool && m->is_canary && can_try(m))
			return true;
	}
	return false;
}

/* Named ones, else the first of each pool that has it staged; the next one
 * where that turns out to be of no use. */
static void choose_canaries(struct rollout *r)
{
	bool has_names = false;

	for (size_t i = 0; i < r->count; i++)
		has_names |= r->members[i].is_named &&
			can_try(&r->members[i]);
	for (size_t i = 0; i < r->count; i++) {
		struct rollout_member *m = &r->members[i];

		if (has_names)
			m->is_canary = m->is_named;
		else if (m->state == ROLLOUT_STAGED &&
			!has_canary(r, m->pool))
			m->is_canary = true;
	}
}

static void step_stage(struct rollout *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (!is_settled(&r->members[i]) &&
			r->members[i].state != ROLLOUT_STAGED)
			return;
	if (has_failed_too_often(r))
		return;
	for (size_t i = 0; i < r->count; i++)
		r->members[i].is_canary = false;
	r->phase = ROLLOUT_CANARY;
}

static void step_canary(struct rollout *r, struct mono now)
{
	bool has_others = false;

	choose_canaries(r);
	for (size_t i = 0; i < r->count; i++) {
		const struct rollout_member *m = &r->members[i];

		if (m->is_canary && m->state == ROLLOUT_REFUSED) {
			stop_at(r, m, "a canary refused it");
			return;
		}
		if (m->is_canary && !is_settled(m))
			return;
		has_others |= !m->is_canary && !is_settled(m);
	}
	r->phase = ROLLOUT_REST;
	if (has_others && r->hold_ms > 0) {
		r->phase = ROLLOUT_HOLD;
		r->hold_until = mono_after_ms(now, r->hold_ms);
	}
}

static void step_hold(struct rollout *r, struct mono now)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct rollout_member *m = &r->members[i];

		if (m->is_canary && m->state != ROLLOUT_ACTIVE &&
			m->state != ROLLOUT_PINNED && !is_late(m)) {
			stop_at(r, m, "a canary did not keep it");
			return;
		}
	}
	if (mono_is_past(r->hold_until, now))
		r->phase = ROLLOUT_REST;
}

static void step_rest(struct rollout *r)
{
	size_t done = rollout_count(r, ROLLOUT_ACTIVE) +
		rollout_count(r, ROLLOUT_PINNED);

	if (has_failed_too_often(r))
		return;
	if (done < r->count)
		return;
	r->phase = ROLLOUT_DONE;
	for (size_t i = 0; i < r->count; i++)
		r->members[i].was_switched = false;
}

void rollout_step(struct rollout *r, struct mono now)
{
	enum rollout_phase before;

	do {
		before = r->phase;
		switch (r->phase) {
		case ROLLOUT_STAGE:
			step_stage(r);
			break;
		case ROLLOUT_CANARY:
			step_canary(r, now);
			break;
		case ROLLOUT_HOLD:
			step_hold(r, now);
			break;
		case ROLLOUT_REST:
		case ROLLOUT_DONE:
			/* A machine may fall behind again later. */
			r->phase = ROLLOUT_REST;
			step_rest(r);
			if (before == ROLLOUT_DONE)
				before = r->phase;
			break;
		case ROLLOUT_STOPPED:
			break;
		}
	} while (r->phase != before && r->phase != ROLLOUT_DONE);
}

bool rollout_is_settled(const struct rollout *r)
{
	if (r->phase == ROLLOUT_DONE)
		return true;
	if (r->phase != ROLLOUT_REST)
		return false;
	for (size_t i = 0; i < r->count; i++)
		if (!is_settled(&r->members[i]))
			return false;
	return true;
}

/* ---- machines ----------------------------------------------------------- */

/* Never two of a pool at once, and none after one of them said no. */
static bool is_turn(const struct rollout *r, size_t i)
{
	const struct rollout_member *m = &r->members[i];

	if (r->phase == ROLLOUT_CANARY ? !m->is_canary :
					 r->phase != ROLLOUT_REST)
		return false;
	for (size_t k = 0; k < r->count; k++) {
		const struct rollout_member *o = &r->members[k];

		if (k != i && o->pool == m->pool &&
			(o->state == ROLLOUT_CONFIRMING ||
				o->state == ROLLOUT_REFUSED ||
				(o->is_busy && o->state == ROLLOUT_STAGED)))
			return false;
	}
	return true;
}

enum rollout_todo rollout_todo(const struct rollout *r, size_t i,
	struct mono now)
{
	const struct rollout_member *m = &r->members[i];

	if (m->is_busy || !mono_is_past(m->next, now))
		return ROLLOUT_NOTHING;
	switch (m->state) {
	case ROLLOUT_WAITING:
		return r->phase == ROLLOUT_STOPPED ? ROLLOUT_ASK :
						     ROLLOUT_PUT;
	case ROLLOUT_STAGED:
		return is_turn(r, i) ? ROLLOUT_ACTIVATE : ROLLOUT_NOTHING;
	case ROLLOUT_CONFIRMING:
	case ROLLOUT_ACTIVE:
	case ROLLOUT_REFUSED:
	case ROLLOUT_PINNED:
		return ROLLOUT_ASK;
	case ROLLOUT_STATES:
		break;
	}
	return ROLLOUT_NOTHING;
}

void rollout_started(struct rollout *r, size_t i, enum rollout_todo what,
	struct mono now)
{
	struct rollout_member *m = &r->members[i];

	m->is_busy = true;
	if (what == ROLLOUT_ACTIVATE)
		m->deadline = mono_after_ms(now, r->confirm_ms);
}

static void set_state(struct rollout *r, struct rollout_member *m,
	enum rollout_state state, struct mono now)
{
	int64_t delay = 0;

	if (state == ROLLOUT_CONFIRMING)
		delay = CONFIRM_ASK_MS;
	else if (state == ROLLOUT_ACTIVE)
		delay = r->phase == ROLLOUT_HOLD || r->phase == ROLLOUT_CANARY ?
			(r->poll_ms < HOLD_ASK_MS ? r->poll_ms : HOLD_ASK_MS) :
			r->poll_ms;
	else if (state == ROLLOUT_REFUSED || state == ROLLOUT_PINNED)
		delay = r->poll_ms;
	if (state == ROLLOUT_CONFIRMING ||
		(state == ROLLOUT_ACTIVE && m->state != ROLLOUT_ACTIVE))
		m->was_switched = true;
	m->state = state;
	m->next = mono_after_ms(now, delay);
}

/* Less and less often, never at the same moment as others. */
static void try_later(struct rollout_member *m, const char *text,
	struct mono now)
{
	int64_t delay = RETRY_MIN_MS;

	for (unsigned i = 0; i < m->tries && delay < RETRY_MAX_MS; i++)
		delay *= 2;
	if (delay > RETRY_MAX_MS)
		delay = RETRY_MAX_MS;
	m->tries++;
	m->is_late = m->was_away || m->tries >= TRIES_PATIENCE;
	m->next = mono_after_ms(now, rand_jitter_ms(delay, RETRY_JITTER));
	say(m->error, "%s", text);
}

static void on_behind(struct rollout *r, struct rollout_member *m,
	const char *text, struct mono now)
{
	/* It went back by itself, or its agent lost what it had. */
	if (m->state == ROLLOUT_CONFIRMING) {
		if (!mono_is_past(m->deadline, now)) {
			set_state(r, m, ROLLOUT_CONFIRMING, now);
			return;
		}
		say(m->error, "not active in time%s%s",
			text[0] != '\0' ? ": " : "", text);
		set_state(r, m, ROLLOUT_REFUSED, now);
	} else if (m->state == ROLLOUT_ACTIVE && r->phase == ROLLOUT_HOLD) {
		say(m->error, "%s", text);
		set_state(r, m, ROLLOUT_REFUSED, now);
	} else if (m->state == ROLLOUT_ACTIVE ||
		m->state == ROLLOUT_PINNED || m->state == ROLLOUT_STAGED) {
		set_state(r, m, ROLLOUT_WAITING, now);
	} else if (m->state == ROLLOUT_REFUSED) {
		m->next = mono_after_ms(now, r->poll_ms);
	} else {
		m->next = mono_after_ms(now, RETRY_MIN_MS);
	}
}

/* Who was pinned before is left alone. Who ran ours a moment ago was taken
 * back, by its agent (a daemon crashed) or its administrator, and says that
 * it is no good. */
static void on_pinned(struct rollout *r, struct rollout_member *m,
	const char *text, struct mono now)
{
	const bool was_taken_back = m->was_switched;

	m->was_switched = false;
	if (was_taken_back)
		say(m->error, "taken back: %s", text);
	else
		say(m->error, "%s", text);
	set_state(r, m, was_taken_back ? ROLLOUT_REFUSED : ROLLOUT_PINNED,
		now);
}

void rollout_told(struct rollout *r, size_t i, enum rollout_event event,
	const char *text, struct mono now)
{
	struct rollout_member *m = &r->members[i];

	m->is_busy = false;
	if (event == ROLLOUT_IS_AWAY) {
		if (m->state == ROLLOUT_CONFIRMING &&
			mono_is_past(m->deadline, now)) {
			say(m->error, "gone since it was activated: %.300s",
				text);
			set_state(r, m, ROLLOUT_REFUSED, now);
			return;
		}
		try_later(m, text, now);
		if (m->state == ROLLOUT_CONFIRMING)
			m->next = mono_after_ms(now, CONFIRM_ASK_MS * 5);
		return;
	}
	m->tries = 0;
	m->is_late = false;
	m->was_away = false;
	switch (event) {
	case ROLLOUT_IS_STAGED:
		m->error[0] = '\0';
		if (m->state == ROLLOUT_WAITING)
			set_state(r, m, ROLLOUT_STAGED, now);
		break;
	case ROLLOUT_IS_PENDING:
		set_state(r, m, ROLLOUT_CONFIRMING, now);
		m->next = now;
		break;
	case ROLLOUT_IS_ACTIVE:
		m->error[0] = '\0';
		set_state(r, m, ROLLOUT_ACTIVE, now);
		break;
	case ROLLOUT_IS_BEHIND:
		on_behind(r, m, text, now);
		break;
	case ROLLOUT_IS_PINNED:
		/* It stays refused until somebody says resume. */
		if (m->state != ROLLOUT_REFUSED)
			on_pinned(r, m, text, now);
		else
			set_state(r, m, ROLLOUT_REFUSED, now);
		break;
	case ROLLOUT_SAYS_NO:
		say(m->error, "%s", text);
		set_state(r, m, ROLLOUT_REFUSED, now);
		break;
	case ROLLOUT_IS_AWAY:
		break;
	}
}

void rollout_resume(struct rollout *r, struct mono now)
{
	for (size_t i = 0; i < r->count; i++) {
		struct rollout_member *m = &r->members[i];

		if (m->state == ROLLOUT_REFUSED)
			set_state(r, m, ROLLOUT_WAITING, now);
		if (is_late(m))
			m->was_away = true; /* known, and accepted */
	}
	r->note[0] = '\0';
	r->phase = ROLLOUT_STAGE;
}

void rollout_stop(struct rollout *r, const char *text)
{
	r->phase = ROLLOUT_STOPPED;
	say(r->note, "%s", text);
}

int64_t rollout_wait_ms(const struct rollout *r, struct mono now)
{
	int64_t wait = 60000;

	for (size_t i = 0; i < r->count; i++) {
		const struct rollout_member *m = &r->members[i];
		int64_t left = mono_since_ms(now, m->next);

		if (m->is_busy || (m->state == ROLLOUT_STAGED &&
					  !is_turn(r, i)))
			continue;
		if (left < wait)
			wait = left > 0 ? left : 0;
	}
	if (r->phase == ROLLOUT_HOLD) {
		int64_t left = mono_since_ms(now, r->hold_until);

		if (left < wait)
			wait = left > 0 ? left : 0;
	}
	return wait;
}
