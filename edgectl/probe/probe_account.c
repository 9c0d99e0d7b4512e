/* REGISTER (RFC 3261 section 10, RFC 5626) and SERVICE ([MS-AVEDGEA]). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/rand.h"
#include "edgectl/probe/probe_account.h"

/* A version 4 UUID in text (RFC 4122). */
static void make_instance(char *out, size_t cap)
{
	uint8_t b[16];

	rand_bytes(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(out, cap,
		"<urn:uuid:%02x%02x%02x%02x-%02x%02x-%02x%02x-"
		"%02x%02x-%02x%02x%02x%02x%02x%02x>",
		b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9],
		b[10], b[11], b[12], b[13], b[14], b[15]);
}

void probe_account_init(struct probe_account *a, struct probe_sip *sip)
{
	char tag[13];

	memset(a, 0, sizeof(*a));
	a->sip = sip;
	rand_token(tag, sizeof(tag) - 1);
	rand_token(a->call_id, 24);
	snprintf(a->from, sizeof(a->from), "<%s>;tag=%s", probe_sip_aor(sip),
		tag);
	make_instance(a->instance, sizeof(a->instance));
}

/* What the registrar granted: parameter of our Contact, or Expires. */
static uint32_t granted(struct probe_sip_msg *reply, uint32_t asked_s)
{
	struct sip_addr contact;
	struct str text;
	uint32_t value;

	if (sip_msg_addr(reply->msg, SIP_HEADER_CONTACT, 0, &contact) == 0 &&
		sip_param_find(contact.params, "expires", &text) &&
		str_to_u32(text, &value) == 0)
		return value;
	if (str_to_u32(sip_msg_header(reply->msg, "Expires"), &value) == 0)
		return value;
	return asked_s;
}

int probe_account_register(struct probe_account *a, uint32_t expires_s,
	struct why *why)
{
	char uri[340];
	char to[400];
	char contact[900];
	char expires[16];
	struct probe_sip_msg reply = {NULL, NULL};
	struct sip_field fields[] = {
		{"Expires", {expires, 0}},
		{"Supported", STR_LIT("path, outbound")},
	};
	const struct probe_sip_ask ask = {
		.method = "REGISTER",
		.uri = uri,
		.from = a->from,
		.to = to,
		.call_id = a->call_id,
		.cseq = &a->cseq,
		.contact = contact,
		.fields = fields,
		.field_count = ARRAY_COUNT(fields),
	};
	int err;

	snprintf(uri, sizeof(uri), "sip:%s", probe_sip_domain(a->sip));
	snprintf(to, sizeof(to), "<%s>", probe_sip_aor(a->sip));
	snprintf(expires, sizeof(expires), "%u", expires_s);
	snprintf(contact, sizeof(contact),
		"%s;reg-id=1;+sip.instance=\"%s\""
		";expires=%u",
		probe_sip_contact(a->sip), a->instance, expires_s);
	fields[0].value = str_of(expires);
	err = probe_sip_ask(a->sip, &ask, &reply, why);
	if (err == 0)
		a->granted_s = granted(&reply, expires_s);
	probe_sip_msg_free(&reply);
	return err;
}

int probe_account_credentials(struct probe_account *a, const char *mras_uri,
	const char *location, struct probe_mras *out, struct why *why)
{
	char id[13];
	char call_id[25];
	char to[600];
	uint32_t cseq = 0;
	struct probe_sip_msg reply = {NULL, NULL};
	const struct probe_mras_request request = {
		.id = id,
		.to = mras_uri,
		.from = probe_sip_aor(a->sip),
		.location = location,
		.minutes = 480,
	};
	struct probe_sip_ask ask = {
		.method = "SERVICE",
		.uri = mras_uri,
		.from = a->from,
		.to = to,
		.call_id = call_id,
		.cseq = &cseq,
		.contact = probe_sip_contact(a->sip),
		.content_type = PROBE_MRAS_TYPE,
	};
	char *body;
	int err;

	rand_token(id, sizeof(id) - 1);
	rand_token(call_id, sizeof(call_id) - 1);
	snprintf(to, sizeof(to), "<%s>", mras_uri);
	body = probe_mras_body(&request);
	if (body == NULL)
		return -ENOMEM;
	ask.body = str_of(body);
	err = probe_sip_ask(a->sip, &ask, &reply, why);
	if (err == 0)
		err = probe_mras_parse(out, reply.msg->body, location, why);
	probe_sip_msg_free(&reply);
	free(body);
	return err;
}
