/*
 * One request from its arrival to its answer. evhttp frees its request when
 * the connection dies before the answer; the close callback tells us, and
 * from then on answers go nowhere. After the answer the request is evhttp's
 * again and the connection may carry the next one.
 */
#include "common/bus/bus_request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "common/base/why.h"

void bus_request_free(struct bus_request *req)
{
	list_remove(&req->node);
	bus_match_fini(&req->match);
	free(req);
}

/* evhttp_free() frees requests that are still on the connection; one that
 * it took off (the client closed) is ours to free. */
static void on_closed(struct evhttp_connection *con, void *arg)
{
	struct bus_request *req = arg;

	(void)con;
	if (evhttp_request_get_connection(req->ev) == NULL)
		evhttp_request_free(req->ev);
	req->ev = NULL;
}

int bus_request_new(struct bus_request **out, struct evhttp_request *ev,
	struct loop *loop, struct list *requests)
{
	struct bus_request *req = calloc(1, sizeof(*req));

	if (req == NULL)
		return -ENOMEM;
	req->ev = ev;
	req->loop = loop;
	list_push_back(requests, &req->node);
	evhttp_connection_set_closecb(evhttp_request_get_connection(ev),
		on_closed, req);
	*out = req;
	return 0;
}

const json_t *bus_body(const struct bus_request *req)
{
	return req->match.body;
}

const char *bus_query(const struct bus_request *req, const char *name)
{
	const char *value =
		json_string_value(json_object_get(req->match.query, name));

	return value != NULL ? value : "";
}

static const char *reason_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 409:
		return "Conflict";
	default:
		return "Service Unavailable";
	}
}

/* Hands the request back to evhttp and frees ours. */
static void answer(struct bus_request *req, int status, const char *type,
	const char *text)
{
	struct evbuffer *body = evbuffer_new();
	struct evhttp_connection *con;
	struct evkeyvalq *headers;

	if (req->ev == NULL)
		goto out;
	con = evhttp_request_get_connection(req->ev);
	evhttp_connection_set_closecb(con, NULL, NULL);
	headers = evhttp_request_get_output_headers(req->ev);
	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	if (body == NULL || evbuffer_add(body, text, strlen(text)) < 0)
		status = 503; /* out of memory: an empty answer */
	evhttp_send_reply(req->ev, status, reason_of(status), body);
out:
	if (body != NULL)
		evbuffer_free(body);
	bus_request_free(req);
}

void bus_reply(struct bus_request *req, int status, json_t *body)
{
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	if (text == NULL) {
		answer(req, 503, "application/json",
			"{\"error\":\"no_memory\","
			"\"text\":\"out of memory\"}\n");
		return;
	}
	answer(req, status, "application/json", text);
	free(text);
}

/* What is told about a request may quote it, and it may be no UTF-8. */
static json_t *any_text(char *text)
{
	json_t *string = json_string(text);

	if (string != NULL)
		return string;
	for (char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	}
	return json_string(text);
}

void bus_reply_error(struct bus_request *req, int status, const char *code,
	const char *fmt, ...)
{
	char text[WHY_LEN];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	bus_reply(req, status,
		json_pack("{s:s, s:o}", "error", code, "text",
			any_text(text)));
}

void bus_reply_text(struct bus_request *req, const char *content_type,
	const char *text)
{
	answer(req, 200, content_type, text);
}
