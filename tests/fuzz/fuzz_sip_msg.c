/*
 * Parse, print, edit, answer. What parses prints octet for octet; what was
 * edited is one message again, says the same to sofia's own parser, and
 * holds none of the headers that were taken out (threats S1, S2, S4).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>

#include "common/sip/sip_edit.h"
#include "common/sip/sip_frame.h"
#include "common/sip/sip_msg.h"
#include "common/sip/sip_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define TRUST "ms-edge-proxy-message-trust"

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Exactly one message, for a framer too. */
static void must_be_one(const char *text, size_t len)
{
	const struct sip_frame_limits limits = {1 << 22, 1 << 22, 1 << 20,
		1 << 22};
	struct str rest = {text, len};
	struct sip_frame f;
	struct sip_frame_item item;

	sip_frame_init(&f, &limits);
	must(sip_frame_next(&f, &rest, &item) == 0);
	must(item.kind == SIP_FRAME_MESSAGE);
	must(item.message.n == len && rest.n == 0);
	sip_frame_fini(&f);
}

/* What sofia sees of the same bytes. */
static void must_agree(const struct sip_msg *m, const char *text, size_t len)
{
	msg_t *sofia = msg_create(sip_default_mclass(), 0);
	msg_iovec_t iov[8];
	sip_t *sip;

	must(sofia != NULL);
	msg_maxsize(sofia, 1 << 22);
	if (msg_recv_iovec(sofia, iov, 8, (usize_t)len, 1) <= 0) {
		msg_destroy(sofia);
		return;
	}
	for (size_t at = 0, i = 0; at < len; i++) {
		size_t n = iov[i].mv_len < len - at ? iov[i].mv_len :
			len - at;

		memcpy(iov[i].mv_base, text + at, n);
		at += n;
	}
	msg_recv_commit(sofia, (usize_t)len, 1);
	msg_extract(sofia);
	sip = sip_object(sofia);
	if (sip != NULL && sip->sip_error == NULL && (sip->sip_request !=
		NULL || sip->sip_status != NULL)) {
		if (sip->sip_call_id != NULL)
			must(str_eq_z(m->call_id,
				sip->sip_call_id->i_id));
		if (sip->sip_from != NULL && sip->sip_from->a_tag != NULL)
			must(str_eq_z(m->from_tag, sip->sip_from->a_tag));
		if (sip->sip_via != NULL && sip->sip_via->v_branch != NULL)
			must(str_eq_z(m->via.branch,
				sip->sip_via->v_branch));
		for (sip_unknown_t *u = sip->sip_unknown; u != NULL;
			u = u->un_next)
			must(u->un_name == NULL ||
				strcasecmp(u->un_name, TRUST) != 0);
	}
	msg_destroy(sofia);
}

static void print_is_same(const struct sip_msg *m, struct str text)
{
	char *out = NULL;
	size_t len = 0;

	must(sip_msg_print(m, &out, &len) == 0);
	if (sip_msg_line(m, SIP_HEADER_CONTENT_LENGTH, 0) != NULL) {
		must(len == text.n);
		must(memcmp(out, text.p, len) == 0);
	}
	free(out);
}

static void edit(struct sip_msg *m)
{
	struct addr source;
	struct sip_addr a;
	struct sip_via via;

	sip_remove(m, TRUST);
	sip_remove(m, "P-Asserted-Identity");
	if (addr_parse_z("192.0.2.1", 5061, &source) == 0 && m->is_request)
		must(sip_mark_received(m, &source, "1D") == 0);
	for (size_t n = 0; n < 4; n++) {
		(void)!sip_msg_addr(m, SIP_HEADER_ROUTE, n, &a);
		(void)!sip_msg_addr(m, SIP_HEADER_CONTACT, n, &a);
		(void)!sip_msg_via(m, n, &via);
	}
	if (m->route_count > 1)
		must(sip_drop_value(m, SIP_HEADER_ROUTE, 1) == 0);
	if (m->route_count > 0)
		must(sip_pop(m, SIP_HEADER_ROUTE) == 0);
	if (sip_msg_line(m, SIP_HEADER_CONTACT, 0) != NULL)
		must(sip_replace(m, SIP_HEADER_CONTACT, 0,
			STR_LIT("<sip:new@192.0.2.1>")) == 0);
	must(sip_push(m, SIP_HEADER_RECORD_ROUTE,
		STR_LIT("<sip:t@e.test;lr>")) == 0);
	must(sip_set_max_forwards(m, 69) == 0);
	must(sip_push(m, SIP_HEADER_VIA,
		STR_LIT("SIP/2.0/TLS e.test;branch=z9hG4bKx")) == 0);
}

static void answer(const struct sip_msg *m)
{
	char *out = NULL;
	size_t len = 0;
	struct sip_fault fault;
	struct sip_msg *back = NULL;

	if (sip_reply_print(m, &(struct sip_reply){.status = 404}, &out,
		&len) != 0)
		return;
	must_be_one(out, len);
	(void)!sip_msg_parse(&back, (struct str){out, len}, &fault);
	sip_msg_free(back);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str text = {(const char *)data, len};
	struct sip_fault fault;
	struct sip_msg *m = NULL, *back = NULL;
	char *out = NULL;
	size_t out_len = 0;
	int err = sip_msg_parse(&m, text, &fault);

	must(m != NULL);
	if (m->is_request)
		answer(m);
	if (err == 0 && m->method_id != SIP_NEGOTIATE) {
		print_is_same(m, text);
		edit(m);
		must(sip_msg_print(m, &out, &out_len) == 0);
		must_be_one(out, out_len);
		must(sip_msg_parse(&back, (struct str){out, out_len},
			&fault) == 0);
		must(str_eq(back->call_id, m->call_id));
		must(str_eq_z(back->via.branch, "z9hG4bKx"));
		must(!sip_msg_has_header(back, TRUST));
		must_agree(back, out, out_len);
		free(out);
	}
	sip_msg_free(back);
	sip_msg_free(m);
	return 0;
}
