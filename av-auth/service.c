/*
 * What av-auth says to a SIP request: SERVICE gets credentials or a
 * reasonPhrase, OPTIONS 200, all else 405. Errors of the body are answered
 * with 200 and a reasonPhrase, errors of SIP with a SIP status.
 */
#include "av-auth/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "av-auth/counters.h"
#include "av-auth/remember.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "common/sip/sip_reply.h"
#include "common/sip/sip_text.h"

/* Lines that a peer can cause at will. */
#define LINES_PER_MINUTE 60

static const struct sip_field ALLOW[] = {
	{"Allow", {"SERVICE, OPTIONS", 16}},
};
static const struct sip_field ACCEPT[] = {
	{"Accept", {AVEDGE_CONTENT_TYPE, sizeof(AVEDGE_CONTENT_TYPE) - 1}},
};
static const struct sip_field OPTIONS_FIELDS[] = {
	{"Allow", {"SERVICE, OPTIONS", 16}},
	{"Accept", {AVEDGE_CONTENT_TYPE, sizeof(AVEDGE_CONTENT_TYPE) - 1}},
};

static const enum av_auth_counter REASON_COUNTERS[AVEDGE_REASON_COUNT] = {
	[AVEDGE_MALFORMED] = COUNT_MALFORMED,
	[AVEDGE_TOO_LARGE] = COUNT_TOO_LARGE,
	[AVEDGE_NOT_SUPPORTED] = COUNT_NOT_SUPPORTED,
	[AVEDGE_BUSY] = COUNT_BUSY,
	[AVEDGE_INTERNAL] = COUNT_INTERNAL,
	[AVEDGE_VERSION_MISMATCH] = COUNT_VERSION,
	[AVEDGE_FORBIDDEN] = COUNT_FORBIDDEN,
};

int service_init(struct service *s)
{
	s->scratch = NULL;
	return answers_init(&s->answers);
}

void service_fini(struct service *s)
{
	answers_fini(&s->answers);
	free(s->scratch);
	s->scratch = NULL;
}

/* ---- answers that are not kept ------------------------------------------ */

static int say(struct service *s, const struct sip_msg *m,
	const struct sip_reply *answer, struct str *reply)
{
	char *text;
	size_t len;
	int err;

	err = sip_reply_print(m, answer, &text, &len);
	if (err == EDGE_EMALFORMED)
		return 0; /* can't be answered at all */
	if (err < 0)
		return err;
	free(s->scratch);
	s->scratch = text;
	*reply = (struct str){text, len};
	return 0;
}

int service_refuse(struct service *s, const struct sip_msg *m,
	unsigned status, const char *reason, struct str *reply)
{
	const struct sip_reply answer = {.status = status, .reason = reason};

	*reply = (struct str){NULL, 0};
	counter_add(s->counters, COUNT_BAD_SIP, 1);
	if (status == 0)
		return 0;
	return say(s, m, &answer, reply);
}

static int say_options(struct service *s, const struct sip_msg *m,
	struct str *reply)
{
	const struct sip_reply answer = {.status = 200,
		.fields = OPTIONS_FIELDS,
		.field_count = ARRAY_COUNT(OPTIONS_FIELDS)};

	counter_add(s->counters, COUNT_OPTIONS, 1);
	return say(s, m, &answer, reply);
}

/* NEGOTIATE too: no compression is a proper answer to it. */
static int say_bad_method(struct service *s, const struct sip_msg *m,
	struct str *reply)
{
	const struct sip_reply answer = {.status = 405,
		.fields = ALLOW,
		.field_count = ARRAY_COUNT(ALLOW)};

	counter_add(s->counters, COUNT_OTHER, 1);
	counter_add(s->counters, COUNT_BAD_METHOD, 1);
	return say(s, m, &answer, reply);
}

static int say_bad_extension(struct service *s, const struct sip_msg *m,
	struct str *reply)
{
	const struct sip_line *line = sip_msg_line(m, SIP_HEADER_REQUIRE, 0);
	const struct sip_field unsupported = {"Unsupported", line->value};
	const struct sip_reply answer = {.status = 420,
		.fields = &unsupported,
		.field_count = 1};

	counter_add(s->counters, COUNT_BAD_EXTENSION, 1);
	return say(s, m, &answer, reply);
}

static int say_bad_type(struct service *s, const struct sip_msg *m,
	struct str *reply)
{
	const struct sip_reply answer = {.status = 415,
		.fields = ACCEPT,
		.field_count = ARRAY_COUNT(ACCEPT)};

	counter_add(s->counters, COUNT_BAD_TYPE, 1);
	return say(s, m, &answer, reply);
}

/* ---- SERVICE ------------------------------------------------------------ */

/* A missing body is the XML's affair, not that of Content-Type. */
static bool is_our_type(const struct sip_msg *m)
{
	struct str type = m->content_type;
	struct str coding = sip_msg_header(m, "Content-Encoding");

	type.n -= sip_params_of(type).n;
	if (str_is_empty(type) && str_is_empty(m->body))
		return true;
	if (!str_is_empty(coding) && !str_ieq_z(coding, "identity"))
		return false;
	return str_ieq_z(str_trim(type), AVEDGE_CONTENT_TYPE);
}

static void tell(struct service *s, const struct avedge_response *a,
	const struct service_from *from, const char *cause)
{
	const struct avedge_request *q = a->request;

	if (a->reason == AVEDGE_OK) {
		counter_add(s->counters,
			q->major == AV_CRED_V1 ? COUNT_ISSUED_V1 :
						 COUNT_ISSUED_V2,
			a->grant_count);
		log_info("credentials.issued",
			"session=%s server=%s identity=%s count=%zu "
			"version=%u.%u location=%s lifetime_min=%" PRIu32,
			from->session, log_qz(from->server),
			log_q(q->items[0].identity), q->item_count, q->major,
			q->minor,
			log_qz(avedge_location_text(q->items[0].location)),
			a->grants[0].duration_min);
		return;
	}
	counter_add(s->counters, REASON_COUNTERS[a->reason], 1);
	log_limited(LOG_LEVEL_WARNING, LINES_PER_MINUTE, "credentials.refused",
		"session=%s server=%s reason=%s cause=%s", from->session,
		log_qz(from->server), log_qz(avedge_reason_text(a->reason)),
		log_qz(cause));
}

/* Read, decide, write. The request's memory lives in *q. */
static void decide(struct service *s, const struct sip_msg *m,
	const struct service_from *from, struct avedge_request *q,
	struct avedge_response *a)
{
	const char *cause = "";
	enum avedge_reason reason = avedge_request_parse(q, m->body, &cause);

	if (reason == AVEDGE_OK && !rates_take(s->rates, from->server,
					   q->item_count, from->now)) {
		reason = AVEDGE_BUSY;
		cause = "server asks for more than credential_rate";
	}
	if (reason == AVEDGE_OK)
		issue_answer(a, s->policy, s->ring, q, from->wall);
	else
		issue_refuse(a, q, reason);
	tell(s, a, from, cause);
	remember_answer(s->recall, m, a, from, cause);
}

static int print_answer(const struct sip_msg *m,
	const struct avedge_response *a, char **text, size_t *len)
{
	struct sip_reply answer = {.status = 200,
		.keep_record_route = true,
		.content_type = AVEDGE_CONTENT_TYPE};
	char *body;
	size_t body_len;
	int err;

	err = avedge_response_print(a, &body, &body_len);
	if (err < 0)
		return err;
	answer.body = (struct str){body, body_len};
	err = sip_reply_print(m, &answer, text, len);
	digest_wipe(body, body_len);
	free(body);
	return err;
}

static int answer_service(struct service *s, const struct sip_msg *m,
	const struct service_from *from, struct str *reply)
{
	uint8_t key[ANSWERS_KEY_LEN];
	struct avedge_request q;
	struct avedge_response a;
	size_t len = 0;
	char *text;
	int err;

	counter_add(s->counters, COUNT_SERVICE, 1);
	answers_key(m, from->server, key);
	*reply = answers_find(&s->answers, key, from->now);
	if (!str_is_empty(*reply)) {
		counter_add(s->counters, COUNT_REPEATED, 1);
		return 0;
	}
	if (sip_msg_line(m, SIP_HEADER_REQUIRE, 0) != NULL) {
		remember_refusal(s->recall, m, from, 420, "it has Require");
		return say_bad_extension(s, m, reply);
	}
	if (!is_our_type(m)) {
		remember_refusal(s->recall, m, from, 415,
			"its Content-Type is not that of [MS-AVEDGEA]");
		return say_bad_type(s, m, reply);
	}
	decide(s, m, from, &q, &a);
	err = print_answer(m, &a, &text, &len);
	issue_response_fini(&a);
	avedge_request_fini(&q);
	if (err < 0)
		return err;
	return answers_put(&s->answers, key, text, len, from->now, reply);
}

int service_answer(struct service *s, const struct sip_msg *m,
	const struct service_from *from, struct str *reply)
{
	*reply = (struct str){NULL, 0};
	if (!m->is_request || m->method_id == SIP_ACK)
		return 0;
	if (m->method_id == SIP_SERVICE)
		return answer_service(s, m, from, reply);
	if (m->method_id == SIP_OPTIONS)
		return say_options(s, m, reply);
	return say_bad_method(s, m, reply);
}
