/*
 * Messages at the border to other organisations. The table of headers is
 * trust.c's; here is the order (docs/protocol/access-edge.md, "Trust" and
 * "Diagnostics").
 */
#include "access-edge/partner_edit.h"

#include "access-edge/diag.h"
#include "access-edge/trust.h"
#include "common/base/err.h"
#include "common/sip/sip_edit.h"

static struct trust_peer peer_of(const struct policy *p,
	const struct partner *partner)
{
	return (struct trust_peer){
		.policy = p,
		.domain = str_of(partner->domain),
		.shares_domains = partner->shares_domains,
	};
}

/* Challenges and cancelled calls are no failures that anyone asks about. */
static bool is_silent_failure(const struct sip_msg *m)
{
	return !m->is_request && m->status >= 300 && m->status != 401 &&
		m->status != 407 && m->status != 487 &&
		!sip_msg_has_header(m, "ms-diagnostics");
}

static int explain(struct sip_msg *m, const struct policy *p,
	const struct partner *partner)
{
	struct diag_facts facts = {""};
	enum diag_id id = DIAG_PARTNER_SILENT;
	char value[DIAG_VALUE_LEN];

	if (!p->ms_headers || !is_silent_failure(m))
		return 0;
	if (partner->is_public)
		id = DIAG_PUBLIC_SILENT;
	else if (partner->shares_domains)
		id = DIAG_SHARED_SILENT;
	diag_fact(&facts, "Domain", partner->domain);
	diag_fact(&facts, "PeerServer", partner->server);
	return sip_add_last(m, "ms-diagnostics", str_of(diag_value(id, false,
		p->outside.fqdn, &facts, value)));
}

int partner_edit_in(struct sip_msg *m, const struct policy *p,
	const struct partner *partner)
{
	const struct trust_peer peer = peer_of(p, partner);
	const struct trust_mark mark = partner_mark(partner,
		trust_claim_of(m));
	int gone = trust_strip(m, TRUST_FROM_PARTNER, &peer);
	int err = gone < 0 ? gone : trust_put(m, p, &mark);

	if (err == 0)
		err = explain(m, p, partner);
	return err < 0 ? err : gone;
}

int partner_edit_out(struct sip_msg *m, const struct policy *p,
	const struct partner *partner)
{
	const struct trust_peer peer = peer_of(p, partner);
	int gone = trust_strip(m, TRUST_TO_PARTNER, &peer);
	int err = 0;

	if (gone >= 0 && p->ms_headers)
		err = trust_claim_put(m, p->federation.mark_verifiable);
	return err < 0 ? err : gone;
}
