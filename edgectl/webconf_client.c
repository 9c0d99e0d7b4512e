/*
 * The client's half of WCE/1 (docs/protocol/webconf.md 5). What is sent
 * through it, and where it comes from, is the caller's affair.
 */
#include "edgectl/webconf_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/rand.h"
#include "common/net/relay.h"

#define HELLO_MAX (WCE_HEAD_LEN + WCE_HELLO_MAX)

struct webconf_client {
	struct loop *loop;             /* borrowed */
	const struct webconf_way *way; /* borrowed */
	struct stream *stream;         /* owned */
	struct wce_reader reader;
	bool is_secure;
	uint64_t hello_us;
	webconf_client_cb *cb;
	void *arg;
};

int webconf_way_ticket(struct webconf_way *way, struct str text,
	struct why *why)
{
	struct ticket ticket;

	if (digest_unb64url(str_trim(text), way->ticket, sizeof(way->ticket),
		    &way->ticket_len) < 0 ||
		ticket_read((struct str){(const char *)way->ticket,
			way->ticket_len}, &ticket) < 0)
		return why_set(why, EDGE_ECONFIG, "this is not a ticket; "
			"`edgectl webconf ticket` on the inside mints one");
	if (way->name[0] == '\0')
		memcpy(way->name, ticket.audience, sizeof(ticket.audience));
	return 0;
}

void webconf_client_free(struct webconf_client *w)
{
	if (w == NULL)
		return;
	stream_free(w->stream);
	wce_reader_fini(&w->reader);
	free(w);
}

static void finish(struct webconf_client *w, struct webconf_answer *answer)
{
	answer->hello_us = w->hello_us;
	answer->answer_us = mono_now_us();
	if (answer->err == 0) {
		answer->stream = w->stream;
		w->stream = NULL;
	}
	w->cb(w, answer, w->arg);
	webconf_client_free(w);
}

static void fail(struct webconf_client *w, int err, const char *text)
{
	struct webconf_answer answer = {.err = err};

	snprintf(answer.text, sizeof(answer.text), "%s", text);
	finish(w, &answer);
}

static void take_error(struct webconf_client *w, const struct wce_fields *f)
{
	struct webconf_answer answer = {
		.err = EDGE_EREFUSED,
		.code = (enum wce_code)wce_number(f, WCE_CODE),
		.retry_s = (uint32_t)wce_number(f, WCE_RETRY_S),
	};

	if (str_copy(wce_bytes(f, WCE_ALTERNATES), answer.alternates,
		    sizeof(answer.alternates)) < 0)
		answer.alternates[0] = '\0';
	snprintf(answer.text, sizeof(answer.text), "the edge refuses: %s",
		wce_code_name(answer.code));
	finish(w, &answer);
}

static void on_ready(struct stream *stream, void *arg)
{
	struct webconf_client *w = arg;
	uint8_t hello[HELLO_MAX];
	struct wbuf b = wbuf_of(hello, sizeof(hello));
	size_t at = wce_begin(&b, WCE_CLIENT_HELLO);
	uint8_t nonce[16];

	w->is_secure = true;
	w->hello_us = mono_now_us();
	rand_bytes(nonce, sizeof(nonce));
	wce_put(&b, WCE_TICKET, w->way->ticket, w->way->ticket_len);
	wce_put_text(&b, WCE_CONFERENCE, w->way->conference);
	wce_put(&b, WCE_NONCE, nonce, sizeof(nonce));
	wce_put_text(&b, WCE_PRODUCT, "edgectl " EDGE_VERSION);
	wce_end(&b, at);
	(void)stream_send(stream, hello, b.len);
}

static void on_data(struct stream *stream, const uint8_t *data, size_t len,
	void *arg)
{
	struct str rest = {(const char *)data, len};
	struct webconf_answer answer = {.err = 0};
	struct webconf_client *w = arg;
	struct wce_frame frame;
	struct wce_fields f;
	int rc = wce_reader_next(&w->reader, &rest, &frame);

	(void)stream;
	if (rc == 0)
		return;
	if (rc < 0 || wce_fields_read(&f, &frame) < 0) {
		fail(w, EDGE_EPEER, "what answers does not speak WCE/1");
		return;
	}
	if (frame.type == WCE_ERROR) {
		take_error(w, &f);
		return;
	}
	if (frame.type != WCE_CLIENT_OK) {
		fail(w, EDGE_EPEER, "the edge answered out of turn");
		return;
	}
	wce_copy(&f, WCE_SESSION, answer.session, sizeof(answer.session));
	answer.rest = rest;
	finish(w, &answer);
}

static void on_end(struct stream *stream, enum stream_end end,
	const char *detail, void *arg)
{
	struct webconf_client *w = arg;
	char text[256];

	(void)stream;
	w->stream = NULL;
	snprintf(text, sizeof(text), "%s%s%s", end == STREAM_END_PEER ?
		"the edge closed the connection" : stream_end_name(end),
		detail[0] != '\0' ? ": " : "", detail);
	fail(w, EDGE_EPEER, text);
}

static const struct stream_ops OPS = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_end = on_end,
};

int webconf_client_new(struct webconf_client **out, struct loop *loop,
	const struct webconf_way *way, webconf_client_cb *cb, void *arg)
{
	const struct stream_limits limits = {.queue_max = RELAY_QUEUE_MAX};
	const struct stream_target target = {
		.local = way->local,
		.remote = way->edge,
		.name = way->name,
	};
	struct webconf_client *w = calloc(1, sizeof(*w));
	int err;

	if (w == NULL)
		return -ENOMEM;
	if (strlen(way->conference) > WCE_URI_MAX) {
		free(w);
		return EDGE_ETOOBIG;
	}
	w->loop = loop;
	w->way = way;
	w->cb = cb;
	w->arg = arg;
	wce_reader_init(&w->reader, WCE_HELLO_MAX);
	err = stream_connect(&w->stream, loop, &target, way->tls, &limits,
		&OPS, w);
	if (err < 0) {
		webconf_client_free(w);
		return err;
	}
	*out = w;
	return 0;
}

bool webconf_client_is_secure(const struct webconf_client *w)
{
	return w->is_secure;
}
