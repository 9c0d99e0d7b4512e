/*
 * Answers that we make ourselves. Lines of the request that an answer must
 * repeat are copied as they came; only To may get a tag.
 */
#include "common/sip/sip_reply.h"

#include <string.h>

#include "common/base/err.h"
#include "common/base/rand.h"
#include "common/sip/sip_writer.h"

/* Threat S2: nothing that ends a line too early is repeated. */
static void copy_raw(struct sip_writer *w, struct str raw)
{
	if (memchr(raw.p, '\0', raw.n) != NULL && w->err == 0)
		w->err = EDGE_EMALFORMED;
	sip_write(w, raw);
}

static void copy_lines(struct sip_writer *w, const struct sip_msg *m,
	enum sip_header id)
{
	const struct sip_line *line;

	for (size_t n = 0; (line = sip_msg_line(m, id, n)) != NULL; n++)
		copy_raw(w, line->raw);
}

/* The one line that an answer must repeat. That it is missing may be what
 * a 400 is about (RFC 4475 section 3.3.1). */
static void copy_one(struct sip_writer *w, const struct sip_msg *m,
	enum sip_header id, unsigned status)
{
	const struct sip_line *line = sip_msg_line(m, id, 0);

	if (line == NULL && w->err == 0 && status != 400)
		w->err = EDGE_EMALFORMED;
	if (line != NULL)
		copy_raw(w, line->raw);
}

static void copy_to(struct sip_writer *w, const struct sip_msg *m,
	const struct sip_reply *reply)
{
	const struct sip_line *line = sip_msg_line(m, SIP_HEADER_TO, 0);
	char random[SIP_TAG_LEN + 1];
	const char *tag = reply->to_tag;
	struct str present;

	if (line == NULL || reply->status == 100 ||
		sip_param_find(sip_params_of(line->value), "tag", &present)) {
		copy_one(w, m, SIP_HEADER_TO, reply->status);
		return;
	}
	if (tag == NULL) {
		rand_token(random, SIP_TAG_LEN);
		tag = random;
	}
	copy_raw(w, (struct str){line->raw.p,
		(size_t)(line->value.p - line->raw.p) + line->value.n});
	sip_write_z(w, ";tag=");
	sip_write_z(w, tag);
	sip_write_z(w, "\r\n");
}

static void status_line(struct sip_writer *w, const struct sip_reply *reply)
{
	const char *reason = reply->reason;

	if (reason == NULL || !sip_is_one_line(str_of(reason)))
		reason = sip_reason_text(reply->status);
	sip_write_z(w, "SIP/2.0 ");
	sip_write_number(w, reply->status);
	sip_write_z(w, " ");
	sip_write_z(w, reason);
	sip_write_z(w, "\r\n");
}

static void write_fields(struct sip_writer *w, const struct sip_field *f,
	size_t count)
{
	for (size_t i = 0; i < count; i++)
		sip_write_line(w, f[i].name, f[i].value);
}

int sip_reply_print(const struct sip_msg *request,
	const struct sip_reply *reply, char **out, size_t *len)
{
	struct sip_writer w = {NULL, 0, 0, 0};

	if (!request->is_request ||
		sip_msg_line(request, SIP_HEADER_VIA, 0) == NULL)
		return EDGE_EMALFORMED;
	status_line(&w, reply);
	write_fields(&w, reply->first, reply->first_count);
	copy_lines(&w, request, SIP_HEADER_VIA);
	if (reply->keep_record_route)
		copy_lines(&w, request, SIP_HEADER_RECORD_ROUTE);
	copy_one(&w, request, SIP_HEADER_FROM, reply->status);
	copy_to(&w, request, reply);
	copy_one(&w, request, SIP_HEADER_CALL_ID, reply->status);
	copy_one(&w, request, SIP_HEADER_CSEQ, reply->status);
	write_fields(&w, reply->fields, reply->field_count);
	sip_write_body(&w, reply->content_type, reply->body);
	return sip_write_end(&w, out, len);
}
