/*
 * Answers without an end: newline-delimited JSON in HTTP chunks. A reader
 * that does not keep up is cut when its queue passes the bound; nothing is
 * kept for it.
 */
#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "common/base/log.h"
#include "common/bus/bus_request.h"

#define QUEUE_MAX       (256u << 10)
#define WRITE_TIMEOUT_S 30

struct bus_stream {
	struct evhttp_request *ev;
	struct loop *loop;
	void (*on_gone)(struct bus_stream *s, void *arg);
	void *arg;
	bool is_cut;
};

/* The client went, we cut it, or the server is being freed. */
static void on_closed(struct evhttp_connection *con, void *arg)
{
	struct bus_stream *s = arg;

	(void)con;
	/* Off its connection already? Then evhttp leaves it to us. */
	if (evhttp_request_get_connection(s->ev) == NULL)
		evhttp_request_free(s->ev);
	s->ev = NULL;
	if (s->on_gone != NULL)
		s->on_gone(s, s->arg);
	bus_stream_end(s);
}

struct bus_stream *bus_stream_start(struct bus_request *req,
	void (*on_gone)(struct bus_stream *s, void *arg), void *arg)
{
	const struct timeval write_timeout = {.tv_sec = WRITE_TIMEOUT_S};
	struct bus_stream *s = NULL;
	struct evhttp_connection *con;
	struct evkeyvalq *headers;

	if (http_ask_is_gone(&req->ask)) {
		bus_request_free(req);
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		bus_reply_error(req, 503, "no_memory", "out of memory");
		return NULL;
	}
	s->ev = req->ask.ev;
	s->loop = req->loop;
	s->on_gone = on_gone;
	s->arg = arg;
	bus_request_free(req);

	con = evhttp_request_get_connection(s->ev);
	evhttp_connection_set_closecb(con, on_closed, s);
	headers = evhttp_request_get_output_headers(s->ev);
	evhttp_add_header(headers, "Content-Type", "application/x-ndjson");
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "Connection", "close");
	evhttp_send_reply_start(s->ev, 200, "OK");
	/* A reader has nothing more to say, and that is no reason to go. */
	bufferevent_set_timeouts(evhttp_connection_get_bufferevent(con), NULL,
		&write_timeout);
	return s;
}

/* From the loop: the caller of bus_stream_line() may be walking over its
 * streams. */
static void cut(void *arg)
{
	struct bus_stream *s = arg;

	evhttp_connection_free(evhttp_request_get_connection(s->ev));
}

static size_t queued(const struct bus_stream *s)
{
	struct evhttp_connection *con = evhttp_request_get_connection(s->ev);

	return evbuffer_get_length(bufferevent_get_output(
		evhttp_connection_get_bufferevent(con)));
}

void bus_stream_line(struct bus_stream *s, json_t *line)
{
	struct evbuffer *chunk = evbuffer_new();
	char *text = line != NULL ? json_dumps(line, JSON_COMPACT) : NULL;

	json_decref(line);
	if (s->is_cut || text == NULL || chunk == NULL)
		goto out;
	if (queued(s) > QUEUE_MAX) {
		log_limited(LOG_LEVEL_WARNING, 6, "bus.reader_cut",
			"queued=%zu", queued(s));
		s->is_cut = loop_defer(s->loop, cut, s) == 0;
		goto out;
	}
	if (evbuffer_add_printf(chunk, "%s\n", text) > 0)
		evhttp_send_reply_chunk(s->ev, chunk);
out:
	free(text);
	if (chunk != NULL)
		evbuffer_free(chunk);
}

void bus_stream_end(struct bus_stream *s)
{
	if (s->is_cut)
		loop_undefer(s->loop, cut, s);
	if (s->ev != NULL) {
		evhttp_connection_set_closecb(
			evhttp_request_get_connection(s->ev), NULL, NULL);
		evhttp_send_reply_end(s->ev);
	}
	free(s);
}
