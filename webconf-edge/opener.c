/*
 * The list of openers, and WCE/1's. Lives here: first bytes of clients and
 * the answers to them. Does not live here: whether the ticket is good
 * (admit.c), connections (front.c).
 */
#include "webconf-edge/opener.h"

#include <string.h>

#include "common/base/err.h"

static const struct opener *const OPENERS[] = {
	&OPENER_WCE,
};

const struct opener *opener_find_in(const struct opener *const *list,
	size_t count, struct str bytes, enum opener_verdict *verdict)
{
	*verdict = OPENER_NO;
	for (size_t i = 0; i < count; i++) {
		enum opener_verdict one = list[i]->probe(bytes);

		if (one == OPENER_YES) {
			*verdict = OPENER_YES;
			return list[i];
		}
		if (one == OPENER_MORE)
			*verdict = OPENER_MORE;
	}
	return NULL;
}

const struct opener *opener_find(struct str bytes,
	enum opener_verdict *verdict)
{
	return opener_find_in(OPENERS, ARRAY_COUNT(OPENERS), bytes, verdict);
}

/* ---- WCE/1 --------------------------------------------------------------- */

/* Another version is WCE all the same, and is told so. */
static enum opener_verdict probe_wce(struct str bytes)
{
	static const char magic[2] = {'W', 'E'};

	for (size_t i = 0; i < bytes.n && i < sizeof(magic); i++)
		if (bytes.p[i] != magic[i])
			return OPENER_NO;
	return bytes.n < sizeof(magic) ? OPENER_MORE : OPENER_YES;
}

static int parse_wce(struct str bytes, struct opening *out)
{
	struct wce_fields fields;
	struct wce_frame frame;
	int err;

	if (bytes.n >= 3 && bytes.p[2] != 1)
		return EDGE_EUNKNOWN;
	if (bytes.n >= 4 && bytes.p[3] != WCE_CLIENT_HELLO)
		return EDGE_EMALFORMED;
	if (bytes.n < WCE_HEAD_LEN)
		return 0;
	err = wce_head_read((const uint8_t *)bytes.p, &frame);
	if (err < 0)
		return err;
	if (frame.channel != 0)
		return EDGE_EMALFORMED;
	if (frame.len > WCE_HELLO_MAX)
		return EDGE_ETOOBIG;
	if (bytes.n < WCE_HEAD_LEN + frame.len)
		return 0;
	frame.payload = (const uint8_t *)bytes.p + WCE_HEAD_LEN;
	err = wce_fields_read(&fields, &frame);
	if (err < 0)
		return err;
	out->ticket = wce_bytes(&fields, WCE_TICKET);
	out->conference = wce_bytes(&fields, WCE_CONFERENCE);
	out->consumed = WCE_HEAD_LEN + frame.len;
	return 1;
}

static size_t accept_wce(const struct opening_ok *ok,
	uint8_t out[static OPENER_REPLY_MAX])
{
	struct wbuf w = wbuf_of(out, OPENER_REPLY_MAX);
	size_t at = wce_begin(&w, WCE_CLIENT_OK);

	wce_put(&w, WCE_SESSION, ok->session, WCE_ID_LEN);
	wce_put_u32(&w, WCE_IDLE_S, ok->idle_s);
	wce_end(&w, at);
	return w.len;
}

static size_t reject_wce(const struct opening_no *no,
	uint8_t out[static OPENER_REPLY_MAX])
{
	struct wbuf w = wbuf_of(out, OPENER_REPLY_MAX);
	size_t at = wce_begin(&w, WCE_ERROR);

	wce_put_u16(&w, WCE_CODE, (uint16_t)no->code);
	if (no->retry_s > 0)
		wce_put_u32(&w, WCE_RETRY_S, no->retry_s);
	if (no->alternates[0] != '\0')
		wce_put_text(&w, WCE_ALTERNATES, no->alternates);
	wce_end(&w, at);
	return w.len;
}

const struct opener OPENER_WCE = {
	.name = "wce",
	.probe = probe_wce,
	.parse = parse_wce,
	.accept = accept_wce,
	.reject = reject_wce,
};
