/*
 * The trial of one way. Who looks at the relay: a socket of ours, if the
 * relay talks to its address; a second allocation, if not (on the edge
 * itself our address is one of the suite, which no relay may talk to), and
 * always one where the relay port is a TCP port.
 */
#include "edgectl/probe/probe_av.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/rand.h"
#include "edgectl/probe/probe_ms_turn.h"
#include "edgectl/probe/probe_observer.h"
#include "edgectl/probe/probe_turn.h"

#define AWAIT_MS 1000
#define TRIES    3
#define LENGTH_LEN 2

/* The allocation under trial, in either dialect. */
struct end {
	struct probe_turn *rfc;
	struct probe_ms_turn *ms;
};

struct trial {
	struct probe *probe;
	const struct probe_av *spec;
	struct end end;
	struct addr advertised;
	struct addr observed; /* unset = nothing came */
	const char *seen_by;
	/* Before a token in a byte stream stands its length (RFC 4571). */
	uint8_t framed[LENGTH_LEN + PROBE_TOKEN_LEN];
	bool has_token; /* the witness got it */
};

/* ---- the allocation ----------------------------------------------------- */

static void on_nothing(const uint8_t *data, size_t len,
	const struct addr *peer, void *arg)
{
	(void)data;
	(void)len;
	(void)peer;
	(void)arg;
}

static int begin_rfc(struct trial *t, struct why *why)
{
	const struct probe_av *s = t->spec;
	const struct probe_turn_spec spec = {.label = s->side,
		.way = s->way,
		.local = s->local,
		.server = s->server,
		.name = s->name,
		.trust = s->trust,
		.user = s->user,
		.password = s->password,
		.on_data = on_nothing};
	int err = probe_turn_new(&t->end.rfc, t->probe, &spec, why);

	if (err == 0)
		err = probe_turn_allocate(t->end.rfc, why);
	if (err == 0)
		t->advertised = *probe_turn_relay(t->end.rfc);
	return err;
}

static int begin_ms(struct trial *t, struct why *why)
{
	const struct probe_av *s = t->spec;
	const struct probe_ms_turn_spec spec = {.label = s->side,
		.way = s->way,
		.local = s->local,
		.server = s->server,
		.user = s->user,
		.password = s->password};
	int err = probe_ms_turn_new(&t->end.ms, t->probe, &spec, why);

	if (err == 0)
		err = probe_ms_turn_allocate(t->end.ms, why);
	if (err == 0)
		t->advertised = *probe_ms_turn_relay(t->end.ms);
	return err;
}

/* Let the peer in; EDGE_EREFUSED when the relay does not talk to it. In
 * MS-TURN sending does it, and a refusal is silence. */
static int permit(struct trial *t, const struct addr *peer, struct why *why)
{
	if (t->end.rfc != NULL)
		return probe_turn_permit(t->end.rfc, peer, why);
	return 0;
}

/* An allocation of MS-TURN over TCP has a TCP relay port. */
static bool is_byte_stream(const struct trial *t)
{
	return t->spec->is_ms && t->spec->way != PROBE_UDP;
}

static const uint8_t *token_of(const struct trial *t)
{
	return t->framed + LENGTH_LEN;
}

static void send_token(struct trial *t, const struct addr *peer)
{
	int err;

	if (t->end.rfc != NULL)
		err = probe_turn_send(t->end.rfc, peer, token_of(t),
			PROBE_TOKEN_LEN);
	else if (is_byte_stream(t))
		err = probe_ms_turn_send(t->end.ms, peer, t->framed,
			sizeof(t->framed));
	else
		err = probe_ms_turn_send(t->end.ms, peer, token_of(t),
			PROBE_TOKEN_LEN);

	if (err != 0)
		probe_trace(t->probe, t->spec->side, "av-edge",
			"a token can't be sent: %s", err_text(err));
}

/* Given back; what fails here ends with its lifetime. */
static void end_trial(struct trial *t)
{
	struct why why = {""};
	int err = 0;

	if (t->end.rfc != NULL && addr_is_set(&t->advertised))
		err = probe_turn_refresh(t->end.rfc, 0, &why);
	if (t->end.ms != NULL && addr_is_set(&t->advertised))
		err = probe_ms_turn_delete(t->end.ms, &why);
	if (err != 0)
		probe_trace(t->probe, t->spec->side, "av-edge", "%s",
			why_text(&why, err));
	probe_turn_free(t->end.rfc);
	probe_ms_turn_free(t->end.ms);
}

/* ---- who looks at it ---------------------------------------------------- */

static int look_by_socket(struct trial *t, struct why *why)
{
	struct probe_observer *o = NULL;
	const struct addr *mapped;
	int err = probe_observer_new(&o, t->probe, &t->spec->observer,
		&t->spec->stun, why);

	if (err != 0)
		return err;
	mapped = probe_observer_mapped(o);
	err = permit(t, mapped, why);
	for (unsigned i = 0; i < TRIES && err == 0; i++) {
		/* A NAT before us lets in whom we have written to; a NAT
		 * before the relay may hide its address once we have. */
		if (i > 0)
			probe_observer_send(o, &t->advertised, token_of(t));
		send_token(t, mapped);
		err = probe_observer_await(o, token_of(t), AWAIT_MS,
			&t->observed);
		if (err != -ETIMEDOUT)
			break;
		err = i + 1 < TRIES ? 0 : -ETIMEDOUT;
	}
	if (err == 0)
		t->seen_by = "a socket";
	probe_observer_free(o);
	return err;
}

static void on_witness(const uint8_t *data, size_t len,
	const struct addr *peer, void *arg)
{
	struct trial *t = arg;

	if (len < PROBE_TOKEN_LEN || memcmp(data + len - PROBE_TOKEN_LEN,
			token_of(t), PROBE_TOKEN_LEN) != 0)
		return;
	t->observed = *peer;
	t->has_token = true;
}

static bool has_witness(void *arg)
{
	const struct trial *t = arg;

	return t->has_token;
}

static int look_by_allocation(struct trial *t, struct why *why)
{
	const struct probe_av *s = t->spec;
	const struct probe_turn_spec spec = {.label = "witness",
		.local = s->local,
		.server = s->stun,
		.user = s->user,
		.password = s->password,
		.on_data = on_witness,
		.arg = t};
	struct probe_turn *witness = NULL;
	int err = probe_turn_new(&witness, t->probe, &spec, why);

	if (err == 0)
		err = probe_turn_allocate(witness, why);
	if (err == 0)
		err = probe_turn_permit(witness, &t->advertised, why);
	if (err == 0)
		err = permit(t, probe_turn_relay(witness), why);
	for (unsigned i = 0; i < TRIES && err == 0 && !t->has_token; i++) {
		send_token(t, probe_turn_relay(witness));
		err = probe_wait(t->probe, AWAIT_MS, has_witness, t);
		if (err == -ETIMEDOUT && i + 1 < TRIES)
			err = 0;
	}
	if (err == 0)
		t->seen_by = "an allocation";
	if (witness != NULL) {
		struct why quiet = {""};

		if (probe_turn_refresh(witness, 0, &quiet) != 0)
			probe_trace(t->probe, "witness", "av-edge", "%s",
				quiet.text);
	}
	probe_turn_free(witness);
	return err;
}

/* Both ends begin: each lets the other in by sending to it. */
static int look_by_stream(struct trial *t, struct why *why)
{
	const struct probe_av *s = t->spec;
	const struct probe_ms_turn_spec spec = {.label = "witness",
		.way = s->way,
		.local = s->local,
		.server = s->server,
		.user = s->user,
		.password = s->password,
		.on_data = on_witness,
		.arg = t};
	const uint8_t hello[LENGTH_LEN + 1] = {0, 1, 0};
	struct probe_ms_turn *witness = NULL;
	int err = probe_ms_turn_new(&witness, t->probe, &spec, why);

	if (err == 0)
		err = probe_ms_turn_allocate(witness, why);
	if (err == 0)
		err = probe_ms_turn_send(witness, &t->advertised, hello,
			sizeof(hello));
	for (unsigned i = 0; i < TRIES && err == 0 && !t->has_token; i++) {
		send_token(t, probe_ms_turn_relay(witness));
		err = probe_wait(t->probe, AWAIT_MS, has_witness, t);
		if (err == -ETIMEDOUT && i + 1 < TRIES)
			err = 0;
	}
	if (err == 0)
		t->seen_by = "an allocation";
	if (witness != NULL && probe_ms_turn_delete(witness, why) != 0)
		probe_trace(t->probe, "witness", "av-edge", "%s", why->text);
	probe_ms_turn_free(witness);
	return err;
}

static int look(struct trial *t, struct why *why)
{
	struct why by_socket = {""};

	buf_store_u16(t->framed, PROBE_TOKEN_LEN);
	rand_bytes(t->framed + LENGTH_LEN, PROBE_TOKEN_LEN);
	if (is_byte_stream(t))
		return look_by_stream(t, why);
	if (!addr_is_set(&t->spec->stun))
		return why_set(why, EDGE_EUNKNOWN,
			"the relay has no UDP port to look at it from");
	if (look_by_socket(t, &by_socket) == 0)
		return 0;
	probe_trace(t->probe, t->spec->side, "av-edge",
		"no datagram seen (%s), looked at by an allocation",
		by_socket.text[0] != '\0' ? by_socket.text : "silence");
	return look_by_allocation(t, why);
}

/* ---- the report --------------------------------------------------------- */

static void add_addr(json_t *row, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_LEN];

	json_object_set_new(row, key, addr_is_set(a) ?
		json_string(addr_text(a, text)) : json_null());
}

static json_t *row_of(const struct trial *t, int err, const struct why *why,
	int64_t ms)
{
	const struct probe_av *s = t->spec;
	const bool is_same = addr_eq(&t->advertised, &t->observed);
	char observed[ADDR_TEXT_LEN];
	json_t *row = json_pack("{s:s, s:s, s:s, s:b, s:s?, s:I}", "side",
		s->side, "way", probe_way_name(s->way), "dialect",
		s->is_ms ? "ms-turn" : "rfc", "ok", err == 0 && is_same,
		"seen_by", t->seen_by, "ms", (json_int_t)ms);

	add_addr(row, "server", &s->server);
	add_addr(row, "advertised", &t->advertised);
	add_addr(row, "observed", &t->observed);
	if (err != 0)
		json_object_set_new(row, "text",
			json_string(why_text(why, err)));
	else if (!is_same)
		json_object_set_new(row, "text", json_sprintf(
			"peers see %s: set the public address (nat) of av in "
			"the topology to that, or let the NAT keep the port",
			addr_text(&t->observed, observed)));
	else
		json_object_set_new(row, "text", json_string(""));
	return row;
}

json_t *probe_av_run(struct probe *probe, const struct probe_av *spec)
{
	struct trial t = {.probe = probe, .spec = spec};
	const int64_t start_ms = probe_elapsed_ms(probe);
	struct why why = {""};
	json_t *row;
	int err;

	err = spec->is_ms ? begin_ms(&t, &why) : begin_rfc(&t, &why);
	if (err == 0) {
		err = look(&t, &why);
		if (err != 0 && why.text[0] == '\0')
			why_set(&why, err, "allocated, but nothing comes "
				"through the relay address: does a firewall "
				"drop the range of relay ports?");
	}
	row = row_of(&t, err, &why, probe_elapsed_ms(probe) - start_ms);
	end_trial(&t);
	return row;
}
