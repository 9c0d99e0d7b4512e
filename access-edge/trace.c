/*
 * The live ladder. Costs one look at an empty list when nobody reads.
 */
#include "access-edge/trace.h"

#include <stdlib.h>

#include "access-edge/ctl.h"
#include "common/base/clock.h"

struct reader {
	struct list node;
	struct bus_stream *stream;
};

void trace_init(struct trace *t)
{
	list_init(&t->readers);
}

void trace_fini(struct trace *t)
{
	struct list *it;

	while (t->readers.next != NULL &&
		(it = list_first(&t->readers)) != NULL) {
		struct reader *r = container_of(it, struct reader, node);

		list_remove(it);
		bus_stream_end(r->stream);
		free(r);
	}
}

static void on_gone(struct bus_stream *s, void *arg)
{
	struct reader *r = arg;

	(void)s;
	list_remove(&r->node);
	free(r);
}

void trace_add_reader(struct trace *t, struct bus_request *req)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		bus_reply_error(req, 503, "ENOMEM", "out of memory");
		return;
	}
	list_init(&r->node);
	r->stream = bus_stream_start(req, on_gone, r);
	if (r->stream == NULL) {
		free(r);
		return;
	}
	list_push_back(&t->readers, &r->node);
}

bool trace_is_on(const struct trace *t)
{
	return !list_is_empty(&t->readers);
}

static json_t *line_of(const struct session *s, enum trace_way way,
	const struct sip_msg *m)
{
	char remote[ADDR_TEXT_LEN], local[ADDR_TEXT_LEN];
	struct str start = str_trim(m->start);

	addr_text(&s->origin.remote, remote);
	addr_text(&s->origin.local, local);
	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:I,"
		" s:o, s:o, s:o, s:b}",
		"at_ms", (json_int_t)wall_now_ms(),
		"way", way == TRACE_IN ? "in" : "out",
		"session", s->origin.cid_text,
		"side", origin_side_name(s->origin.role),
		"remote", remote, "local", local,
		"start", ctl_text(start),
		"method", ctl_text(m->method),
		"status", (json_int_t)m->status,
		"call_id", ctl_text(m->call_id),
		"from", ctl_text(m->from.uri.text),
		"to", ctl_text(m->to.uri.text),
		"is_request", m->is_request);
}

static void tell(struct trace *t, json_t *line)
{
	struct list *it, *next;

	if (line == NULL)
		return;
	list_for_each_safe(it, next, &t->readers) {
		struct reader *r = container_of(it, struct reader, node);

		bus_stream_line(r->stream, json_incref(line));
	}
	json_decref(line);
}

void trace_message(struct trace *t, const struct session *s,
	enum trace_way way, const struct sip_msg *m)
{
	if (trace_is_on(t))
		tell(t, line_of(s, way, m));
}

void trace_text(struct trace *t, const struct session *s,
	const char *text, size_t len)
{
	struct sip_fault fault;
	struct sip_msg *m;

	if (!trace_is_on(t))
		return;
	if (sip_msg_parse(&m, (struct str){text, len}, &fault) == 0)
		tell(t, line_of(s, TRACE_OUT, m));
	sip_msg_free(m);
}
