/*
 * One listener, and for each of its connections a client and a relay. The
 * local side is not read before the edge has said yes.
 */
#include "edgectl/webconf_join.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/list.h"
#include "common/net/listener.h"
#include "common/net/relay.h"

#define HALF_CLOSE_MS 60000

struct join {
	const struct webconf_join_spec *spec;
	struct loop *loop;         /* owned, as the next three */
	struct listener *listener;
	struct loop_signal *term;
	struct loop_signal *interrupt;
	struct list rides;
	unsigned begun;
	unsigned ended;
	bool is_refused;
};

/* One connection. */
struct ride {
	struct list node;
	struct join *join; /* borrowed */
	struct addr from;
	struct stream *local;          /* owned until joined */
	struct webconf_client *client; /* owned until joined */
	struct relay *relay;           /* owned */
};

static void tell(const struct ride *r, const char *event, const char *text)
{
	const struct webconf_join_spec *spec = r->join->spec;

	spec->on_event(event, &r->from, text, spec->arg);
}

static void ride_free(struct ride *r)
{
	struct join *j = r->join;

	list_remove(&r->node);
	listener_gone(j->listener, &r->from);
	webconf_client_free(r->client);
	stream_free(r->local);
	relay_free(r->relay);
	free(r);
	j->ended++;
	if (j->spec->count > 0 && j->ended >= j->spec->count)
		loop_stop(j->loop);
}

static void on_relay_end(struct relay *relay, enum relay_end end,
	enum stream_end stream_end, const char *detail, void *arg)
{
	struct ride *r = arg;
	char text[160];

	(void)stream_end;
	snprintf(text, sizeof(text), "%s, %" PRIu64 " bytes out, %" PRIu64
		" bytes in%s%s", relay_end_name(end),
		relay_bytes(relay, RELAY_LEFT),
		relay_bytes(relay, RELAY_RIGHT), detail[0] != '\0' ? ", " : "",
		detail);
	tell(r, "closed", text);
	r->relay = NULL;
	ride_free(r);
}

static void on_answer(struct webconf_client *client,
	const struct webconf_answer *answer, void *arg)
{
	struct ride *r = arg;
	struct relay_spec spec = {
		.loop = r->join->loop,
		.left = r->local,
		.right = answer->stream,
		.half_close_ms = HALF_CLOSE_MS,
		.on_end = on_relay_end,
		.arg = r,
	};
	char id[2 * WCE_ID_LEN + 1];

	(void)client;
	r->client = NULL;
	if (answer->err < 0) {
		r->join->is_refused = true;
		tell(r, "refused", answer->text);
		ride_free(r);
		return;
	}
	if (relay_new(&r->relay, &spec) < 0) {
		stream_free(answer->stream);
		ride_free(r);
		return;
	}
	r->local = NULL;
	str_hex(answer->session, sizeof(answer->session), id);
	tell(r, "joined", id);
	relay_inject(r->relay, RELAY_RIGHT, answer->rest.p, answer->rest.n);
}

static void on_local_data(struct stream *stream, const uint8_t *data,
	size_t len, void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	stream_close(stream); /* it is paused: this can't be */
}

static void on_local_end(struct stream *stream, enum stream_end end,
	const char *detail, void *arg)
{
	struct ride *r = arg;

	(void)stream;
	(void)end;
	(void)detail;
	r->local = NULL;
	ride_free(r);
}

static const struct stream_ops LOCAL_OPS = {
	.on_data = on_local_data,
	.on_end = on_local_end,
};

static void on_accept(int fd, const struct addr *remote, void *arg)
{
	const struct stream_limits limits = {.queue_max = RELAY_QUEUE_MAX};
	struct join *j = arg;
	struct ride *r = calloc(1, sizeof(*r));
	int err;

	if (r == NULL || (j->spec->count > 0 && j->begun >= j->spec->count)) {
		free(r);
		close(fd);
		listener_gone(j->listener, remote);
		return;
	}
	j->begun++;
	r->join = j;
	r->from = *remote;
	list_push_back(&j->rides, &r->node);
	err = stream_accept(&r->local, j->loop, fd, remote, NULL, &limits,
		&LOCAL_OPS, r);
	if (err == 0) {
		stream_pause(r->local);
		err = webconf_client_new(&r->client, j->loop, j->spec->way,
			on_answer, r);
	}
	if (err < 0) {
		j->is_refused = true;
		tell(r, "refused", err_text(err));
		ride_free(r);
	}
}

static void on_signal(void *arg)
{
	struct join *j = arg;

	loop_stop(j->loop);
}

static int start(struct join *j, struct why *why)
{
	const struct listener_spec spec = {.address = j->spec->listen};
	int err = loop_new(&j->loop);

	if (err < 0)
		return why_set(why, err, "%s", err_text(err));
	err = listener_new(&j->listener, &spec, why);
	if (err == 0)
		err = loop_signal_new(&j->term, j->loop, SIGTERM, on_signal,
			j);
	if (err == 0)
		err = loop_signal_new(&j->interrupt, j->loop, SIGINT,
			on_signal, j);
	if (err == 0)
		err = listener_start(j->listener, j->loop, on_accept, j);
	return err;
}

int webconf_join_run(const struct webconf_join_spec *spec, struct why *why)
{
	struct join j = {.spec = spec};
	struct list *at;
	int err;

	list_init(&j.rides);
	err = start(&j, why);
	if (err == 0) {
		spec->on_listen(listener_address(j.listener), spec->arg);
		loop_run(j.loop);
	}
	while ((at = list_first(&j.rides)) != NULL)
		ride_free(container_of(at, struct ride, node));
	listener_free(j.listener);
	loop_signal_free(j.term);
	loop_signal_free(j.interrupt);
	if (j.loop != NULL)
		loop_free(j.loop);
	if (err == 0 && j.is_refused && spec->count > 0)
		return why_set(why, EDGE_EREFUSED, "a connection was refused");
	return err;
}
