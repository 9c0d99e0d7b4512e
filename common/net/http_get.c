/*
 * HTTP/1.0 as far as a list is fetched with it: one request, one answer, the
 * end of the connection is the end of the body. No redirects, no cookies, no
 * compression: the address is that of a certificate, and what comes is
 * believed for its signature alone.
 */
#include "common/net/http_get.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/dns_name.h"
#include "common/base/err.h"
#include "common/net/stream.h"

#define HEAD_MAX  16384
#define QUEUE_MAX 65536
#define REQUEST_LEN 1024

struct http_get {
	struct http_get_spec spec;
	struct http_url url;
	char *text; /* owned: the url */
	struct resolve_query *query;
	struct stream *stream; /* owned */
	struct loop_timer *timer;
	char *got; /* owned */
	size_t len;
	size_t cap;
};

/* ---- codec --------------------------------------------------------------- */

int http_url_parse(struct str text, struct http_url *out)
{
	struct str host, port = STR_LIT("80");
	uint32_t number;
	size_t end;

	if (!str_istarts(text, "http://"))
		return EDGE_EMALFORMED;
	text = str_skip(text, 7);
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7f)
			return EDGE_EMALFORMED;
	}
	end = str_find(text, '/');
	host = (struct str){text.p, end};
	out->path = end < text.n ? str_skip(text, end) : STR_LIT("/");
	if (host.n > 0 && host.p[0] == '[') {
		size_t close = str_find(host, ']');

		if (close == host.n)
			return EDGE_EMALFORMED;
		if (close + 1 < host.n && host.p[close + 1] == ':')
			port = str_skip(host, close + 2);
		else if (close + 1 < host.n)
			return EDGE_EMALFORMED;
		host = (struct str){host.p + 1, close - 1};
	} else if (str_find(host, ':') < host.n) {
		port = str_skip(host, str_find(host, ':') + 1);
		host.n = str_find(host, ':');
	}
	if (str_to_u32(port, &number) != 0 || number == 0 ||
		number > UINT16_MAX || host.n == 0 ||
		str_find(host, '@') < host.n)
		return EDGE_EMALFORMED;
	out->host = host;
	out->port = (uint16_t)number;
	return 0;
}

/* Content-Length of the head, or no. */
static bool length_of(struct str head, size_t *len)
{
	struct str line;

	while (str_split(&head, '\n', &line)) {
		size_t colon = str_find(line, ':');
		uint32_t n;

		if (!str_ieq_z(str_trim((struct str){line.p, colon}),
			"Content-Length"))
			continue;
		if (str_to_u32(str_trim(str_skip(line, colon + 1)), &n) != 0)
			return false;
		*len = n;
		return true;
	}
	return false;
}

int http_answer(struct str text, bool is_eof, size_t max, unsigned *status,
	struct str *body)
{
	const char *end = text.n >= 4 ? memmem(text.p, text.n, "\r\n\r\n",
		4) : NULL;
	struct str head, rest, word;
	uint32_t number;
	size_t len;

	if (end == NULL && text.n > HEAD_MAX)
		return EDGE_EMALFORMED;
	if (end == NULL)
		return is_eof ? EDGE_EMALFORMED : 1;
	head = (struct str){text.p, (size_t)(end - text.p)};
	rest = str_skip(text, head.n + 4);
	if (!str_starts(head, "HTTP/1.") || head.n < 12)
		return EDGE_EMALFORMED;
	word = (struct str){head.p + 9, 3};
	if (str_to_u32(word, &number) != 0)
		return EDGE_EMALFORMED;
	*status = number;
	if (number != 200)
		return EDGE_EREFUSED;
	if (length_of(head, &len)) {
		if (len > max)
			return EDGE_ETOOBIG;
		if (rest.n < len)
			return is_eof ? EDGE_EMALFORMED : 1;
		rest.n = len;
	} else if (!is_eof) {
		return rest.n > max ? EDGE_ETOOBIG : 1;
	}
	if (rest.n > max)
		return EDGE_ETOOBIG;
	*body = rest;
	return 0;
}

/* ---- one request --------------------------------------------------------- */

void http_get_cancel(struct http_get *get)
{
	if (get == NULL)
		return;
	resolve_cancel(get->query);
	stream_free(get->stream);
	loop_timer_free(get->timer);
	free(get->got);
	free(get->text);
	free(get);
}

void *http_get_keep(struct http_get *get)
{
	void *room = get->got;

	get->got = NULL;
	return room;
}

/* The last thing: get is gone after it. */
static void finish(struct http_get *get, const void *body, size_t len,
	const char *detail)
{
	get->spec.cb(body, len, detail, get->spec.arg);
	http_get_cancel(get);
}

/* True when it is over. */
static bool judge(struct http_get *get, bool is_eof)
{
	char text[64];
	struct str body = {NULL, 0};
	unsigned status = 0;
	int err = http_answer((struct str){get->got, get->len}, is_eof,
		get->spec.max, &status, &body);

	if (err == 1)
		return false;
	if (err == EDGE_EREFUSED)
		snprintf(text, sizeof(text), "the server answered %u",
			status);
	else
		snprintf(text, sizeof(text), "%s", err_text(err));
	finish(get, err == 0 ? (body.p != NULL ? body.p : "") : NULL,
		body.n, err == 0 ? "" : text);
	return true;
}

static void on_ready(struct stream *s, void *arg)
{
	struct http_get *get = arg;
	char text[REQUEST_LEN];
	int n = snprintf(text, sizeof(text), "GET %.*s HTTP/1.0\r\n"
		"Host: %.*s\r\nAccept: */*\r\nConnection: close\r\n\r\n",
		STR_ARG(get->url.path), STR_ARG(get->url.host));

	if (n > 0 && (size_t)n < sizeof(text))
		(void)stream_send(s, text, (size_t)n);
}

static void on_data(struct stream *s, const uint8_t *data, size_t len,
	void *arg)
{
	struct http_get *get = arg;
	size_t need = get->len + len;

	(void)s;
	if (need > get->spec.max + HEAD_MAX) {
		finish(get, NULL, 0, "the answer is too long");
		return;
	}
	if (need > get->cap) {
		size_t cap = need * 2;
		char *more = realloc(get->got, cap);

		if (more == NULL) {
			finish(get, NULL, 0, "no memory");
			return;
		}
		get->got = more;
		get->cap = cap;
	}
	memcpy(get->got + get->len, data, len);
	get->len = need;
	(void)judge(get, false);
}

static void on_end(struct stream *s, enum stream_end end, const char *detail,
	void *arg)
{
	struct http_get *get = arg;

	(void)s;
	get->stream = NULL;
	if (end != STREAM_END_PEER)
		finish(get, NULL, 0, detail[0] != '\0' ? detail :
			stream_end_name(end));
	else
		(void)judge(get, true);
}

static const struct stream_ops ops = {
	.on_ready = on_ready,
	.on_data = on_data,
	.on_end = on_end,
};

static void on_addresses(int err, const struct addr *addrs, size_t count,
	const char *detail, void *arg)
{
	struct http_get *get = arg;
	struct stream_target to = {.local = get->spec.local,
		.bind_device = get->spec.bind_device};
	struct stream_limits limits = {
		.handshake_ms = get->spec.timeout_ms,
		.queue_max = QUEUE_MAX,
	};
	size_t i = 0;

	get->query = NULL;
	if (err != 0) {
		finish(get, NULL, 0, detail);
		return;
	}
	while (i < count && !get->spec.may_ask(&addrs[i], get->spec.arg))
		i++;
	if (i == count) {
		finish(get, NULL, 0, "its name leads to no address that may "
			"be asked");
		return;
	}
	to.remote = addrs[i];
	if (to.local.family != to.remote.family)
		memset(&to.local, 0, sizeof(to.local));
	err = stream_connect(&get->stream, get->spec.loop, &to, NULL,
		&limits, &ops, get);
	if (err != 0)
		finish(get, NULL, 0, err_text(err));
}

static void on_late(void *arg)
{
	finish(arg, NULL, 0, "no answer in time");
}

int http_get_new(struct http_get **out, const struct http_get_spec *spec)
{
	struct http_get *get = calloc(1, sizeof(*get));
	char host[DNS_NAME_LEN];
	int err = -ENOMEM;

	if (get == NULL)
		goto out;
	get->spec = *spec;
	get->text = strdup(spec->url);
	if (get->text == NULL)
		goto out;
	err = http_url_parse(str_of(get->text), &get->url);
	if (err == 0)
		err = str_copy(get->url.host, host, sizeof(host));
	if (err == 0)
		err = loop_timer_new(&get->timer, spec->loop, on_late, get);
	if (err == 0)
		err = resolve_host(&get->query, spec->resolver, host,
			get->url.port, RESOLVE_OUTSIDE, on_addresses, get);
	if (err != 0)
		goto out;
	loop_timer_start(get->timer, spec->timeout_ms);
	*out = get;
	get = NULL;
out:
	http_get_cancel(get);
	return err;
}
