/*
 * Answering over evhttp. It frees its request when the connection dies
 * before the answer; the close callback tells us, and from then on answers
 * go nowhere. After the answer the request is evhttp's again and the
 * connection may carry the next one.
 */
#include "common/bus/http_ask.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "common/base/attr.h"

static const struct {
	int status;
	const char *reason;
} REASONS[] = {
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{400, "Bad Request"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{409, "Conflict"},
	{413, "Content Too Large"},
	{415, "Unsupported Media Type"},
	{422, "Unprocessable Content"},
	{500, "Internal Server Error"},
	{507, "Insufficient Storage"},
};

const char *http_reason(int status)
{
	for (size_t i = 0; i < ARRAY_COUNT(REASONS); i++)
		if (REASONS[i].status == status)
			return REASONS[i].reason;
	return "Service Unavailable";
}

const char *http_method_name(struct evhttp_request *ev)
{
	switch (evhttp_request_get_command(ev)) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_HEAD:
		return "HEAD";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	case EVHTTP_REQ_OPTIONS:
	case EVHTTP_REQ_TRACE:
	case EVHTTP_REQ_CONNECT:
	case EVHTTP_REQ_PATCH:
		break;
	}
	return "other";
}

/* evhttp_free() frees requests that are still on the connection; one that
 * it took off (the client closed) is ours to free. */
static void on_closed(struct evhttp_connection *con, void *arg)
{
	struct http_ask *ask = arg;

	(void)con;
	if (evhttp_request_get_connection(ask->ev) == NULL)
		evhttp_request_free(ask->ev);
	ask->ev = NULL;
}

void http_ask_init(struct http_ask *ask, struct evhttp_request *ev)
{
	ask->ev = ev;
	evhttp_connection_set_closecb(evhttp_request_get_connection(ev),
		on_closed, ask);
}

bool http_ask_is_gone(const struct http_ask *ask)
{
	return ask->ev == NULL;
}

void http_ask_header(struct http_ask *ask, const char *name,
	const char *value)
{
	if (ask->ev != NULL)
		evhttp_add_header(evhttp_request_get_output_headers(ask->ev),
			name, value);
}

void http_ask_answer(struct http_ask *ask, int status, const char *type,
	const char *text, size_t len)
{
	struct evbuffer *body = evbuffer_new();
	struct evhttp_connection *con;

	if (ask->ev == NULL)
		goto out;
	con = evhttp_request_get_connection(ask->ev);
	evhttp_connection_set_closecb(con, NULL, NULL);
	if (type != NULL)
		http_ask_header(ask, "Content-Type", type);
	http_ask_header(ask, "Cache-Control", "no-store");
	if (body == NULL || evbuffer_add(body, text, len) < 0)
		status = 503; /* out of memory: an empty answer */
	evhttp_send_reply(ask->ev, status, http_reason(status), body);
	ask->ev = NULL;
out:
	if (body != NULL)
		evbuffer_free(body);
}
