/*
 * Requests of our own, line by line from a struct. What a forwarded request
 * looks like is not made here: that is an edited message.
 */
#include "common/sip/sip_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/rand.h"
#include "common/sip/sip_writer.h"

static void request_line(struct sip_writer *w, const struct sip_request *r)
{
	struct str uri = str_of(r->uri);

	if (!sip_is_token(str_of(r->method)) || !sip_is_one_line(uri) ||
		uri.n == 0 || str_find(uri, ' ') < uri.n)
		w->err = EDGE_EMALFORMED;
	sip_write_z(w, r->method);
	sip_write_z(w, " ");
	sip_write(w, uri);
	sip_write_z(w, " SIP/2.0\r\n");
}

static void via_line(struct sip_writer *w, const struct sip_request *r)
{
	if (!sip_is_one_line(str_of(r->via_host)) ||
		!sip_is_one_line(str_of(r->branch)) ||
		!sip_is_one_line(str_of(r->via_params)))
		w->err = EDGE_EMALFORMED;
	sip_write_z(w, "Via: SIP/2.0/TLS ");
	sip_write_z(w, r->via_host);
	sip_write_z(w, ";branch=");
	sip_write_z(w, r->branch);
	sip_write_z(w, r->via_params);
	sip_write_z(w, "\r\n");
}

static void number_line(struct sip_writer *w, const char *name, size_t n,
	const char *after)
{
	sip_write_z(w, name);
	sip_write_number(w, n);
	sip_write_z(w, after);
}

int sip_build(const struct sip_request *request, char **out, size_t *len)
{
	const struct sip_request *r = request;
	struct sip_writer w = {NULL, 0, 0, 0};

	request_line(&w, r);
	via_line(&w, r);
	for (size_t i = 0; i < r->route_count; i++)
		sip_write_line_z(&w, "Route", r->routes[i]);
	number_line(&w, "Max-Forwards: ",
		r->max_forwards == 0 ? 70 : r->max_forwards, "\r\n");
	sip_write_line_z(&w, "From", r->from);
	sip_write_line_z(&w, "To", r->to);
	sip_write_line_z(&w, "Call-ID", r->call_id);
	number_line(&w, "CSeq: ", r->cseq, " ");
	sip_write_z(&w, r->method);
	sip_write_z(&w, "\r\n");
	sip_write_line_z(&w, "Contact", r->contact);
	for (size_t i = 0; i < r->field_count; i++)
		sip_write_line(&w, r->fields[i].name, r->fields[i].value);
	sip_write_body(&w, r->content_type, r->body);
	return sip_write_end(&w, out, len);
}

const char *sip_branch(char out[static SIP_BRANCH_LEN])
{
	memcpy(out, "z9hG4bK", 7);
	rand_token(out + 7, SIP_BRANCH_LEN - 8);
	return out;
}

/* Heap copy in which folds have become blanks. */
static char *unfolded(struct str s)
{
	char *text = str_dup(s);

	for (char *p = text; p != NULL && *p != '\0'; p++) {
		if (*p == '\r' || *p == '\n')
			*p = ' ';
	}
	return text;
}

int sip_routes_from(const struct sip_msg *m, bool reverse, char ***routes,
	size_t *count)
{
	struct str value;
	size_t n = 0;
	char **list;

	while (sip_msg_value(m, SIP_HEADER_RECORD_ROUTE, n, &value))
		n++;
	list = calloc(n + 1, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		size_t at = reverse ? n - 1 - i : i;

		if (sip_msg_value(m, SIP_HEADER_RECORD_ROUTE, i, &value))
			list[at] = unfolded(value);
		if (list[at] == NULL) {
			sip_routes_free(list, n);
			return -ENOMEM;
		}
	}
	*routes = list;
	*count = n;
	return 0;
}

void sip_routes_free(char **routes, size_t count)
{
	if (routes == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		free(routes[i]);
	free(routes);
}
