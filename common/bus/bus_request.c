/*
 * One request of the bus from its arrival to its answer. What evhttp makes
 * of it is http_ask.c's affair.
 */
#include "common/bus/bus_request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/why.h"

void bus_request_free(struct bus_request *req)
{
	list_remove(&req->node);
	bus_match_fini(&req->match);
	free(req);
}

int bus_request_new(struct bus_request **out, struct evhttp_request *ev,
	struct loop *loop, struct list *requests)
{
	struct bus_request *req = calloc(1, sizeof(*req));

	if (req == NULL)
		return -ENOMEM;
	req->loop = loop;
	list_push_back(requests, &req->node);
	http_ask_init(&req->ask, ev);
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

/* Hands the request back to evhttp and frees ours. */
static void answer(struct bus_request *req, int status, const char *type,
	const char *text)
{
	http_ask_answer(&req->ask, status, type, text, strlen(text));
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
